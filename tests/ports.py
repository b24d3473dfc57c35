"""Ports for tests: no two processes of tests find the same one, also of two runs at once on one machine."""

import contextlib
import os
import random
import socket
from functools import cache

from tests import on_postgresql

FIRST_PORT, PORTS, RANGES = 18_000, 200, 72
"""A range for each process, and so many ranges: all of them below that of outgoing connections."""


def free_port(*hosts: str) -> int:
    """A port that is free on all of these addresses, outside the range that outgoing connections take theirs from.

    Each process has a range of its own: what one has found, and not taken yet, no other one finds.
    """
    first = FIRST_PORT + PORTS * range_of(os.getpid())[0]
    for port in random.sample(range(first, first + PORTS), PORTS):
        try:
            for host in hosts:
                with socket.socket() as probe:
                    probe.bind((host, port))
        except OSError:
            continue
        return port
    raise AssertionError("no free port")


def free_ports(count: int, *hosts: str) -> list[int]:
    """So many different ones."""
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port(*hosts))
    return list(found)


@cache
def range_of(pid: int) -> tuple[int, socket.socket | None]:
    """Its number, and what keeps it this process's."""
    begin = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    if os.environ.get(on_postgresql.VARIABLE):  # The other one of both runs.
        begin += 4
    for number in (each % RANGES for each in range(begin, begin + RANGES)):
        with contextlib.suppress(OSError):
            return number, take_range(number)
    return begin % RANGES, None


def take_range(number: int) -> socket.socket:
    """That range is taken until the socket is closed. Raises OSError if it is already, or none can be.

    (man 7 unix: abstract names, which Linux alone has, "automatically disappear when all open references to the
    socket are closed"; man 7 network_namespaces: each has such names of its own, as it has ports of its own.)
    """
    taken = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        taken.bind(f"\0bookstore-tests-ports-{number}")
    except OSError:
        taken.close()
        raise
    return taken
