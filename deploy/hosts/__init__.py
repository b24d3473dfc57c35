"""Three hosts for one store, one command each: `python -m deploy.hosts --help`, docs/three-hosts.md.

`parts.py` says what a host runs, and with which configuration, for whoever starts it: systemd on a real host, a test
in a network namespace.
"""
