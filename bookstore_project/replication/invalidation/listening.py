"""Which fronts hold a lease, as a writer of this process last saw it: enough for what promises nothing.

A writer that has committed reads the leases anew, whatever is remembered here (`pushes.invalidate`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bookstore_project.replication.interface import Lease
from bookstore_project.replication.invalidation import unwanted


@dataclass
class _Memory:
    leases: Sequence[Lease] | None = None


_memory = _Memory()


def note(leases: Iterable[Lease]) -> None:
    """These were valid, and no others."""
    _memory.leases = tuple(leases)


def forget() -> None:
    """Somebody may have got one since."""
    _memory.leases = None


def seen() -> Sequence[Lease] | None:
    """Who held a lease, and holds it still; None if the leases have to be read to know."""
    leases = _memory.leases
    return leases if leases is not None and all(lease.is_valid() for lease in leases) else None


def may_want(key: str, timeline: str, position: int) -> bool:
    """Whether there may be a front that keeps the answer of that key as of this position."""
    leases = _memory.leases
    return leases is None or not all(unwanted.is_unwanted(lease.holder, key, timeline, position) for lease in leases)
