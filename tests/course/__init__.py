"""The checks of the course's labs (docs/course): `make check-lab N=3`."""
