"""The fronts as a writer sees them: who holds a lease, and how each of them forgets old entries in time.

A front may use its cache only while it holds a lease, which it renews by polling a catalog replica. The lease
stands in a file where every writer, whatever its process, sees it. A writer waits until each front that holds one
has the invalidation, has confirmed it by its poll, or has run out of its lease.
Source: Gray and Cheriton, Leases: An Efficient Fault-Tolerant Mechanism for Distributed File Cache Consistency
(1989).
"""

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import cache

from bookstore_project.replication import folder_locks
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.interface import NOT_ANNOUNCED, Announced, Holder, Lease, Leases, Poll
from bookstore_project.replication.invalidation import ended, listening, sending
from bookstore_project.replication.invalidation.leases import (
    RECORD_TIMEOUT_S,
    add_to_record,
    block,
    is_blocked,
    lock_of,
    of_instance,
    read_leases,
    read_record,
    record_no_lease,
    unblock,
)
from bookstore_project.replication.invalidation.messages import PushMessage
from bookstore_project.replication.log.entries import Entry
from bookstore_project.settings import modes

TEST_PUSH_TIMEOUT_S = 0.2
_RETRY_DELAY_S = 0.01
_UNWAITED = threading.BoundedSemaphore(100)
"""Pushes on their way for which nobody waits; more of them are left out."""
push, begin_push, has_ended, end_leases = sending.push, sending.begin_push, ended.has_ended, ended.end_leases


def announce(timeline: str, entries: Sequence[Entry]) -> Announced:
    """Begins to push the invalidation of entries that are about to be committed; waits for nobody.

    The commits and the fronts work at the same time. A front that drops an answer too early asks a replica for it;
    who else there is, and didn't listen when the last write was told, `invalidate` sees after the commits.
    """
    told = [entry for entry in entries if entry.cache_keys]
    if not told:
        return NOT_ANNOUNCED
    seen = listening.seen()
    leases = list(read_leases().valid.values()) if seen is None else seen
    message = _message(timeline, told)
    return {lease.holder: begin_push(lease, message) or _in_a_thread(lease, message) for lease in leases}


def _in_a_thread(lease: Lease, message: PushMessage) -> "Future[bool]":
    return _pool().submit(copy_context().run, push, lease, message)


def invalidate(timeline: str, entries: Sequence[Entry], announced: Announced = NOT_ANNOUNCED) -> None:
    """Returns when every front that holds a lease knows of the entries, or its lease has run out."""
    told = [entry for entry in entries if entry.cache_keys]
    if not told:
        return
    message = _message(timeline, told)
    newest = (entries[-1].position, entries[-1].hash)
    leases = read_leases()
    # Whatever lease was granted until now, and isn't on record any more, has run out by then.
    all_known = time.monotonic() + replication_settings.lease_s
    unknown = leases.unknown
    if replication_settings.coherence == modes.PUSH:
        _send_unwaited(message)
    else:
        listening.note(leases.valid.values())
    left = {holder: lease for holder, lease in leases.valid.items() if not _has_taken(announced, lease)}
    reached("leases-read")
    while left or unknown:
        taken = _push_to_all(left, message)
        left = {holder: lease for holder, lease in left.items() if holder not in taken}
        if not left and not unknown:
            return
        for holder in left:
            block(holder)
        now = read_leases()
        left, unknown = _still_to_wait_for(left, unknown, now, newest)
        if unknown and time.monotonic() > all_known:
            for front in unknown:
                record_no_lease(front)
            unknown = frozenset()
        if left or unknown:
            time.sleep(_RETRY_DELAY_S)


def _message(timeline: str, entries: Sequence[Entry]) -> PushMessage:
    changes = [(entry.position, entry.cache_keys) for entry in entries]
    message: PushMessage = {"timeline": timeline, "invalidate": changes, "set": []}
    if replication_settings.node:  # A command that finishes a dead writer's work is none.
        message["replica"] = replication_settings.node
    return message


def _has_taken(announced: Announced, lease: Lease) -> bool:
    answer = announced.get(lease.holder)
    return answer is not None and answer.result()


def _still_to_wait_for(
    left: Mapping[Holder, Lease], unknown: frozenset[str], now: Leases, newest: tuple[int, str]
) -> tuple[dict[Holder, Lease], frozenset[str]]:
    """The processes that may still use what is invalidated; one whose record has vanished counts as it was."""
    waiting: dict[Holder, Lease] = {}
    for holder, lease in left.items():
        current = now.valid.get(holder) or (lease if lease.front in now.unknown and lease.is_valid() else None)
        if current is not None and current.confirmed != newest:
            waiting[holder] = current
    for holder, lease in now.valid.items():
        if lease.front in unknown and lease.confirmed != newest:
            waiting[holder] = lease
    return waiting, unknown & now.unknown


def _push_to_all(leases: Mapping[Holder, Lease], message: PushMessage) -> list[Holder]:
    """All at once; those that took it."""
    if len(leases) <= 1:
        return [holder for holder, lease in leases.items() if push(lease, message)]
    answers = {holder: _in_a_thread(lease, message) for holder, lease in leases.items()}
    return [holder for holder, answer in answers.items() if answer.result()]


def begin() -> None:
    """Of a store that begins: puts on record that no front holds a lease."""
    for front in replication_settings.fronts:
        record_no_lease(front)


def deliver(leases: Sequence[Lease], timeline: str, entries: Sequence[Entry]) -> list[Holder]:
    """Tells these processes of fronts of the entries, all at once; those that have taken it."""
    message = _message(timeline, entries)
    if replication_settings.coherence == modes.PUSH:
        _send_unwaited(message)
    return _push_to_all({lease.holder: lease for lease in leases}, message)


def is_reachable(poll: Poll) -> bool:
    """Whether pushes come to that process."""
    candidate = Lease(poll.front, poll.address, poll.instance, 0, poll.lease_s, None)
    return push(candidate, {"timeline": "", "invalidate": [], "set": []}, TEST_PUSH_TIMEOUT_S)


def renew(poll: Poll, asked: float) -> bool:
    """Whether the front has a new lease, which is on record then: for an engine whose writers go by these records.

    `asked`: when it polled, in monotonic seconds. Raises Unavailable if that can't be recorded.
    """
    try:
        renewed = _may_renew(poll)
        reached("poll-began")
        _record(poll, asked, renewed)
    except OSError as error:  # A full disk, for one. Writers go by what the record said before.
        raise Unavailable(f"The lease of {poll.front} can't be recorded: {error.strerror}") from error
    return renewed


def _may_renew(poll: Poll) -> bool:
    if replication_settings.coherence != modes.FULL:
        return False  # Other writers of this mode may wait for nobody: a front that counts on them must not.
    holder = poll.front, poll.instance
    if not is_blocked(holder):
        return True
    if is_reachable(poll):
        unblock(holder)
        return True
    return False


def _record(poll: Poll, asked: float, renewed: bool) -> None:
    """The lease lasts at least as long as it did: what the process was once given it may still use.

    Under a lock, because a front that gave up waiting for one replica may be polling the other by now.
    """
    with folder_locks.lock(lock_of(poll.front), RECORD_TIMEOUT_S):
        record = read_record(poll.front)
        old = of_instance(record, poll.instance)
        given = _given(old, asked)
        add_to_record(
            record,
            Lease(
                poll.front,
                poll.address,
                poll.instance,
                max(given, asked + poll.lease_s) if renewed else given,
                max(poll.lease_s, old.lease_s if old is not None else replication_settings.lease_s),
                poll.confirmed,
            ),
        )


def _given(old: Lease | None, asked: float) -> float:
    """Until when the process may use its cache by what it was given before."""
    if old is None:  # What a lost record said is the recorder's to note.
        return 0.0
    return old.expires if old.expires - asked <= old.lease_s * 1.5 else 0.0


def listeners() -> list[Lease]:
    """Whom to send what is new: the fronts that hold a lease. In the mode `push` none does, and all want to know."""
    if replication_settings.coherence != modes.PUSH:
        return list(read_leases().valid.values())
    return [Lease(front, address, "", 0.0, 0.0, None) for front, address in replication_settings.fronts.items()]


def _send_unwaited(message: PushMessage) -> None:
    for front in listeners():
        if _UNWAITED.acquire(blocking=False):
            sent = _pool().submit(copy_context().run, push, front, message)
            sent.add_done_callback(lambda _: _UNWAITED.release())


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(8, thread_name_prefix="push")
