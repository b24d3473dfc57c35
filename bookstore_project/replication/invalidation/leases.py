"""What is on record of the fronts' leases: which of their processes may use its cache, and until when.

A lease belongs to one process of a front, not to its name: two that run under one name, on two addresses, are two,
and a writer waits for both. A record is a file for each name, where every writer sees it, with all of its processes.

Here they are only kept and read. A front's poll gets one (`polls`). A writer waits for those who hold one, until each
has taken its push (`pushes`).
"""

import hashlib
import json
import logging
import math
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from bookstore_project import files
from bookstore_project.replication import folder_locks
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.interface import Holder, Lease, Leases
from bookstore_project.replication.invalidation import listening

logger = logging.getLogger("bookstore.replication")

RECORD_TIMEOUT_S = 1.0


@cache
def lease_dir() -> Path:
    return replication_settings.data_dir / "leases"


def lock_of(front: str) -> Path:
    """What to lock while a front's record is read and written."""
    return lease_dir() / f"{front}.lock"


# ------------------------------------------------------------------------------------------------- records


Record = tuple[Lease, ...] | None
"""The leases of a front's processes, valid or not; None if there is no record that can be read."""


def read_record(front: str) -> Record:
    with suppress(OSError, ValueError, TypeError, LookupError):
        return _leases_in(files.read(_record_file(front)))
    return None


@cache
def _record_file(front: str) -> Path:
    return lease_dir() / f"{front}.json"


@lru_cache(maxsize=32)
def _leases_in(content: bytes) -> tuple[Lease, ...]:
    """What a record says; that it still says so, only reading it again can tell."""
    return tuple(map(_parse, json.loads(content)["leases"]))


def read_lease(front: str, instance: str) -> Lease | None:
    """That process's, valid or not; None if it has none on record."""
    return of_instance(read_record(front), instance)


def of_instance(record: Record, instance: str) -> Lease | None:
    return next((lease for lease in record or () if lease.instance == instance), None)


def _parse(members: dict[str, Any]) -> Lease:
    """Raises ValueError, TypeError or LookupError for what `record_lease` can't have written."""
    expires, lease_s = (float(members[name]) for name in ("expires", "lease_s"))
    if not all(map(math.isfinite, (expires, lease_s))):
        raise ValueError("A lease ends at some time.")
    confirmed = members["confirmed"]
    return Lease(
        str(members["front"]),
        str(members["address"]),
        str(members["instance"]),
        expires,
        lease_s,
        tuple(confirmed) if confirmed else None,
    )


def record_lease(lease: Lease) -> None:
    """Writes the lease where every writer sees it, whole or not at all, beside those of other processes of its name.

    What has run out is left away. Under the lock of the front's record; raises OSError.
    """
    add_to_record(read_record(lease.front), lease)


def add_to_record(record: Record, lease: Lease) -> None:
    """The same for who has read the record, under the same lock."""
    others = [other for other in record or () if other.instance != lease.instance and other.is_valid()]
    if record is None:
        # Whoever else of this name holds a lease, it was on the record that is lost.
        lost = time.monotonic() + replication_settings.lease_s
        others.append(Lease(lease.front, "", "", lost, replication_settings.lease_s, None))
    _write(lease.front, [*others, lease])
    if {old.instance for old in record or ()} - {kept.instance for kept in (*others, lease)}:
        _forget_marks(lease.front, [*others, lease])


def record_no_lease(front: str) -> None:
    """Says that nobody of this name holds one, unless a record is there."""
    with suppress(OSError, Unavailable), folder_locks.lock(lock_of(front), RECORD_TIMEOUT_S):
        if read_record(front) is None:
            _write(front, [])


def _write(front: str, leases: Sequence[Lease]) -> None:
    content = json.dumps({"leases": [asdict(lease) for lease in leases]})
    files.write(_record_file(front), content.encode())
    listening.forget()


def read_leases() -> Leases:
    """Of every front. A record that is missing or can't be read is no sign of there being no lease."""
    names = set(replication_settings.fronts)
    with suppress(OSError):
        there = os.listdir(lease_dir())  # noqa: PTH208  (twice a write; with Paths it takes four times as long)
        names |= {name.removesuffix(".json") for name in there if name.endswith(".json")}
    found = {name: read_record(name) for name in sorted(names)}
    valid = {lease.holder: lease for record in found.values() for lease in record or () if lease.is_valid()}
    return Leases(valid, frozenset(name for name, record in found.items() if record is None))


# A process whose push failed gets no new lease until a push reaches it: it may be able to poll, and yet be deaf.


def is_blocked(holder: Holder) -> bool:
    return _mark(holder).exists()


def block(holder: Holder) -> None:
    if holder[1] and not is_blocked(holder):
        logger.warning("%s doesn't take invalidations: it gets no lease until it does", holder[0])
        with suppress(OSError):  # Then it keeps its lease, and the writers keep waiting for it.
            files.write(_mark(holder), b"")
            if _is_replaced(holder):  # Since the push began: whoever took its place has forgotten its marks already.
                unblock(holder)


def _is_replaced(holder: Holder) -> bool:
    front, instance = holder
    record = read_record(front)
    return record is not None and of_instance(record, instance) is None


def unblock(holder: Holder) -> None:
    """Raises OSError."""
    files.remove(_mark(holder))


def _mark(holder: Holder) -> Path:
    front, instance = holder
    return lease_dir() / f"{front}.{hashlib.sha256(instance.encode()).hexdigest()[:16]}.unreachable"


def _forget_marks(front: str, leases: Sequence[Lease]) -> None:
    """Of processes that have no lease on record any more."""
    kept = {_mark(lease.holder) for lease in leases}
    with suppress(OSError):
        for path in lease_dir().glob(f"{front}.*.unreachable"):
            if path not in kept:
                files.remove(path)
