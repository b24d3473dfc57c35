"""Deliberate breaks of the protocols, each with the test that notices it: `make mutants`."""
