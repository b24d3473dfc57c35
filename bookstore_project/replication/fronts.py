"""The fronts as a writer sees them: who holds a lease, and how each of them forgets old entries in time.

A front may use its cache only while it holds a lease, which it renews by polling a catalog replica. The lease
stands in a file where every writer, whatever its process, sees it. A writer waits until each front that holds one
has the invalidation, has confirmed it by its poll, or has run out of its lease.
Source: Gray and Cheriton, Leases: An Efficient Fault-Tolerant Mechanism for Distributed File Cache Consistency
(1989).
"""

import json
import logging
import math
import os
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from bookstore_project.replication import mutex
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.log import Entry
from bookstore_project.replication.points import reached
from bookstore_project.settings import modes, topology
from bookstore_project.wire import client

logger = logging.getLogger("bookstore.replication")

PUSH_PATH = "/internal/push/"
PUSH_TIMEOUT_S = 0.3
RECORD_TIMEOUT_S = 1.0
_NAP_S = 0.01
_UNWAITED = threading.BoundedSemaphore(100)
"""Pushes on their way for which nobody waits; more of them are left out."""


@dataclass(frozen=True)
class Lease:
    """A front's permission to use its cache, as recorded for writers."""

    front: str
    address: str
    instance: str
    """Of the front's process: a restarted front is another one."""
    expires: float
    """Monotonic seconds, which all processes of a machine share."""
    lease_s: float
    confirmed: tuple[int, str] | None
    """Position and hash of the newest entry in doubt of which the front has said that it knows."""
    since: float = 0.0
    """When this process's polls began to come without another one's between them, in monotonic seconds."""

    @property
    def process(self) -> tuple[str, str, float]:
        """Who took what was announced. A late poll of a former process brings its name back, but not its `since`."""
        return self.front, self.instance, self.since

    def is_valid(self) -> bool:
        # A monotonic clock starts anew with the machine: what lies too far ahead is of another boot.
        return 0 < self.expires - time.monotonic() <= self.lease_s * 1.5

    def as_node(self) -> topology.Node:
        host, port = topology.parse_address("FRONTS", self.address)
        return topology.Node(self.front, topology.FRONT, host, port, 0)


@cache
def lease_dir() -> Path:
    return topology.DATA / "leases"


def read_lease(front: str) -> Lease | None:
    """The recorded lease, valid or not; None if there is none that can be read."""
    with suppress(OSError, ValueError, TypeError, LookupError):
        return _parse(json.loads((lease_dir() / f"{front}.json").read_bytes()))
    return None


def _parse(members: dict[str, Any]) -> Lease:
    """Raises ValueError, TypeError or LookupError for what `record_lease` can't have written."""
    expires, lease_s, since = (float(members[name]) for name in ("expires", "lease_s", "since"))
    if not all(map(math.isfinite, (expires, lease_s, since))):
        raise ValueError("A lease ends at some time.")
    confirmed = members["confirmed"]
    return Lease(
        str(members["front"]),
        str(members["address"]),
        str(members["instance"]),
        expires,
        lease_s,
        tuple(confirmed) if confirmed else None,
        since,
    )


def record_lease(lease: Lease) -> None:
    """Writes the lease where every writer sees it, whole or not at all."""
    directory = lease_dir()
    directory.mkdir(parents=True, exist_ok=True)
    draft = directory / f".{lease.front}.{os.getpid()}.{threading.get_ident()}"
    draft.write_text(json.dumps(asdict(lease)))
    draft.replace(directory / f"{lease.front}.json")


def record_no_lease(front: str) -> None:
    """Says that this front holds none, unless its record is there."""
    with suppress(OSError, Unavailable), mutex.lock(lock_of(front), RECORD_TIMEOUT_S):
        if read_lease(front) is None:
            record_lease(Lease(front, "", "", 0.0, settings.LEASE_S, None))


def lock_of(front: str) -> Path:
    """What to lock while a front's record is read and written."""
    return lease_dir() / f"{front}.lock"


@dataclass(frozen=True)
class Leases:
    """What the records say: who holds a lease, and of whom nothing is known, because the record is gone."""

    valid: dict[str, Lease]
    unknown: frozenset[str]


def read_leases() -> Leases:
    """Of every front. A record that is missing or can't be read is no sign of there being no lease."""
    names = {node.name for node in topology.NODES.values() if node.service == topology.FRONT}
    with suppress(OSError):
        names |= {path.stem for path in lease_dir().iterdir() if path.suffix == ".json"}
    found = {name: read_lease(name) for name in sorted(names)}
    valid = {name: lease for name, lease in found.items() if lease is not None and lease.is_valid()}
    return Leases(valid, frozenset(name for name, lease in found.items() if lease is None))


# A front whose push failed gets no new lease until a push reaches it: it may be able to poll, and yet be deaf.


def _blocked_mark(front: str) -> Path:
    return lease_dir() / f"{front}.unreachable"


def is_blocked(front: str) -> bool:
    return _blocked_mark(front).exists()


def block(front: str) -> None:
    if not is_blocked(front):
        logger.warning("%s doesn't take invalidations: it gets no lease until it does", front)
        with suppress(OSError):  # Then it keeps its lease, and the writers keep waiting for it.
            _blocked_mark(front).touch()


def unblock(front: str) -> None:
    _blocked_mark(front).unlink(missing_ok=True)


def push(lease: Lease, message: Mapping[str, Any], timeout_s: float = PUSH_TIMEOUT_S) -> bool:
    """Sends one message to one front; whether it answered that it has taken it."""
    body = json.dumps(message, ensure_ascii=False).encode()
    for _ in range(2):  # Once more: the pooled connection may have died with the front's former process.
        try:
            return client.call(lease.as_node(), "POST", PUSH_PATH, body=body, timeout_s=timeout_s).status == 200
        except (client.NeverSent, ImproperlyConfigured):  # The latter: its address is none.
            return False
        except client.NoAnswer as error:
            if "timed out" in str(error):
                return False
    return False


Announced = Mapping[tuple[str, str, float], "Future[bool]"]
"""For a front and the process that it was: whether it has taken what was announced."""


def announce(timeline: str, entry: Entry) -> Announced:
    """Begins to push the invalidation of an entry that is about to be committed; waits for nobody.

    The commits and the fronts work at the same time. A front that drops an answer too early asks a replica for it;
    whether there are other fronts, or other processes of theirs, is looked at after the commits, by `invalidate`.
    """
    if not entry.cache_keys:
        return {}
    message = _message(timeline, [entry])
    return {
        lease.process: _pool().submit(copy_context().run, push, lease, message)
        for lease in read_leases().valid.values()
    }


def invalidate(timeline: str, entries: Sequence[Entry], announced: Announced = MappingProxyType({})) -> None:
    """Returns when every front that holds a lease knows of the entries, or its lease has run out."""
    told = [entry for entry in entries if entry.cache_keys]
    if not told:
        return
    message = _message(timeline, told)
    if settings.COHERENCE == modes.PUSH:
        _send_unwaited(message)
    newest = (entries[-1].position, entries[-1].hash)
    leases = read_leases()
    # Whatever lease was granted until now, and isn't on record any more, has run out by then.
    all_known = time.monotonic() + settings.LEASE_S
    unknown = leases.unknown
    left = {front: lease for front, lease in leases.valid.items() if not _has_taken(announced, lease)}
    reached("leases-read")
    while left or unknown:
        taken = _push_to_all(left, message)
        left = {front: lease for front, lease in left.items() if front not in taken}
        if not left and not unknown:
            return
        for front in left:
            block(front)
        now = read_leases()
        left, unknown = _still_to_wait_for(left, unknown, now, newest)
        if unknown and time.monotonic() > all_known:
            for front in unknown:
                record_no_lease(front)
            unknown = frozenset()
        if left or unknown:
            time.sleep(_NAP_S)


def _message(timeline: str, entries: Sequence[Entry]) -> dict[str, Any]:
    changes = [[entry.position, entry.cache_keys] for entry in entries]
    return {"timeline": timeline, "invalidate": changes, "set": []}


def _has_taken(announced: Announced, lease: Lease) -> bool:
    answer = announced.get(lease.process)
    return answer is not None and answer.result()


def _still_to_wait_for(
    left: Mapping[str, Lease], unknown: frozenset[str], now: Leases, newest: tuple[int, str]
) -> tuple[dict[str, Lease], frozenset[str]]:
    """The fronts that may still use what is invalidated; one whose record has vanished counts as it was."""
    waiting: dict[str, Lease] = {}
    for front, lease in left.items():
        current = now.valid.get(front) or (lease if front in now.unknown and lease.is_valid() else None)
        if current is not None and current.confirmed != newest:
            waiting[front] = current
    for front in unknown:
        if front in now.valid and now.valid[front].confirmed != newest:
            waiting[front] = now.valid[front]
    return waiting, unknown & now.unknown


def _push_to_all(leases: Mapping[str, Lease], message: Mapping[str, Any]) -> list[str]:
    """All at once; the names of those that took it."""
    if len(leases) <= 1:
        return [front for front, lease in leases.items() if push(lease, message)]
    answers = {front: _pool().submit(copy_context().run, push, lease, message) for front, lease in leases.items()}
    return [front for front, answer in answers.items() if answer.result()]


def listeners() -> list[Lease]:
    """Whom to send what is new: the fronts that hold a lease. In the mode `push` none does, and all want to know."""
    if settings.COHERENCE != modes.PUSH:
        return list(read_leases().valid.values())
    return [Lease(node.name, node.address, "", 0.0, 0.0, None) for node in topology.replicas(topology.FRONT)]


def _send_unwaited(message: Mapping[str, Any]) -> None:
    for front in listeners():
        if _UNWAITED.acquire(blocking=False):
            sent = _pool().submit(copy_context().run, push, front, message)
            sent.add_done_callback(lambda _: _UNWAITED.release())


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(8, thread_name_prefix="push")
