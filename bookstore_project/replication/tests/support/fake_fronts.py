"""Leases in tests: a clock that nobody waits for, and a wire that the test holds."""

from collections.abc import Mapping
from typing import Any

from bookstore_project.replication.invalidation.leases import Lease
from bookstore_project.replication.invalidation.polls import Poll

NOW = 1000.0
LEASE_S = 1.5
POLL = Poll("front", "127.0.0.1:1", "process", LEASE_S, None, None)
HOLDER = ("front", "process")
LEASE = Lease("front", "127.0.0.1:1", "process", NOW + LEASE_S, LEASE_S, None)


class Pushes:
    """Stands in for the wire to the fronts: notes what was pushed, and says whether it arrived."""

    def __init__(self) -> None:
        self.taken: dict[str, list[Mapping[str, Any]]] = {}
        self.unreachable: set[str] = set()

    def __call__(self, lease: Lease, message: Mapping[str, Any], timeout_s: float = 0) -> bool:
        if lease.front in self.unreachable or not lease.instance:
            return False
        if message["set"]:  # Offers come when they come, perhaps of books that the fixture put there.
            return True
        self.taken.setdefault(lease.front, []).append(message)
        return True
