"""The fronts as a writer sees them: who holds a lease, and how each of them forgets old entries in time.

A front may use its cache only while it holds a lease, which it renews by polling a catalog replica. The lease
stands in a file where every writer, whatever its process, sees it. A writer waits until each front that holds one
has the invalidation, has confirmed it by its poll, or has run out of its lease.
Source: Gray and Cheriton, Leases: An Efficient Fault-Tolerant Mechanism for Distributed File Cache Consistency
(1989).
"""

import json
import logging
import os
import queue
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from bookstore_project.replication.log import Entry
from bookstore_project.replication.points import reached
from bookstore_project.settings import topology
from bookstore_project.wire import client

logger = logging.getLogger("bookstore.replication")

PUSH_PATH = "/internal/push/"
PUSH_TIMEOUT_S = 0.3
LONGEST_LEASE_S = 60.0
_NAP_S = 0.01
_QUEUE_LENGTH = 200


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

    def is_valid(self) -> bool:
        # A monotonic clock starts anew with the machine: what lies too far ahead is of another boot.
        return 0 < self.expires - time.monotonic() <= self.lease_s * 1.5

    def as_node(self) -> topology.Node:
        host, port = topology.parse_address("FRONTS", self.address)
        return topology.Node(self.front, topology.FRONT, host, port, 0)


def lease_dir() -> Path:
    return topology.DATA / "leases"


def read_lease(front: str) -> Lease | None:
    """The recorded lease, valid or not; None if there is none that can be read."""
    with suppress(OSError, ValueError, TypeError, LookupError, AttributeError):
        members = json.loads((lease_dir() / f"{front}.json").read_bytes())
        confirmed = members.pop("confirmed")
        return Lease(confirmed=tuple(confirmed) if confirmed else None, **members)
    return None


def record_lease(lease: Lease) -> None:
    """Writes the lease where every writer sees it, whole or not at all."""
    directory = lease_dir()
    directory.mkdir(parents=True, exist_ok=True)
    draft = directory / f".{lease.front}.{os.getpid()}.{threading.get_ident()}"
    draft.write_text(json.dumps(asdict(lease)))
    draft.replace(directory / f"{lease.front}.json")


def valid_leases() -> dict[str, Lease]:
    """The fronts that may be using their cache now."""
    leases: dict[str, Lease] = {}
    with suppress(FileNotFoundError):
        for path in lease_dir().glob("*.json"):
            lease = read_lease(path.stem)
            if lease is not None and lease.is_valid():
                leases[lease.front] = lease
    return leases


# A front whose push failed gets no new lease until a push reaches it: it may be able to poll, and yet be deaf.


def _blocked_mark(front: str) -> Path:
    return lease_dir() / f"{front}.unreachable"


def is_blocked(front: str) -> bool:
    return _blocked_mark(front).exists()


def block(front: str) -> None:
    if not is_blocked(front):
        logger.warning("%s doesn't take invalidations: it gets no lease until it does", front)
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


def invalidate(timeline: str, entries: Sequence[Entry]) -> None:
    """Returns when every front that holds a lease knows of the entries, or its lease has run out."""
    items = [[entry.position, entry.cache_keys] for entry in entries if entry.cache_keys]
    if not items:
        return
    newest = (entries[-1].position, entries[-1].hash)
    left = valid_leases()
    reached("leases-read")
    message = {"timeline": timeline, "invalidate": items, "set": []}
    while left:
        for front in _push_to_all(left, message):
            del left[front]
        for front in left:
            block(front)
        current = valid_leases()
        left = {front: current[front] for front in left if front in current and current[front].confirmed != newest}
        if left:
            time.sleep(_NAP_S)


def _push_to_all(leases: Mapping[str, Lease], message: Mapping[str, Any]) -> list[str]:
    """All at once; the names of those that took it."""
    if len(leases) == 1:
        return [front for front, lease in leases.items() if push(lease, message)]
    answers = _pool().map(lambda lease: push(lease, message), leases.values())
    return [front for front, taken in zip(leases, answers, strict=True) if taken]


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(8, thread_name_prefix="push")


# ---------------------------------------------------------------------------------------------- set pushes

_offers: queue.Queue[dict[str, Any]] = queue.Queue(_QUEUE_LENGTH)


def offer(timeline: str, items: Sequence[tuple[int, str, str]]) -> None:
    """Sends (position, key, body) to the fronts, so that the next reader finds it; waits for nobody.

    When the fronts can't keep up, offers are dropped: that costs a miss each.
    """
    _start_offering()
    with suppress(queue.Full):
        _offers.put_nowait(
            {
                "timeline": timeline,
                "invalidate": [],
                "set": [list(item) for item in items],
                "replica": topology.NODE.name if topology.NODE else "",
            }
        )


@cache
def _start_offering() -> threading.Thread:
    thread = threading.Thread(target=_offer_forever, name="set-pushes", daemon=True)
    thread.start()
    return thread


def _offer_forever() -> None:
    while True:
        message = _offers.get()
        reached("set")
        for lease in valid_leases().values():
            push(lease, message)
