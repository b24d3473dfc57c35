"""A front's poll, as the polled replica answers it: the lease first, then what the front has missed.

The order matters. The lease is recorded before the log is read: a writer that looks for leases after its commit
either sees this one and waits for the front, or had committed before, and the log shows its entry here.
"""

import time
from dataclasses import dataclass

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.engine import engine
from bookstore_project.replication.errors import OutcomeUnknown, Unavailable
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.invalidation import leases, pushes
from bookstore_project.replication.invalidation.leases import Lease
from bookstore_project.replication.invalidation.messages import PollReply
from bookstore_project.replication.service import get_service
from bookstore_project.replication.transaction import settle
from bookstore_project.settings import modes

TEST_PUSH_TIMEOUT_S = 0.2


@dataclass(frozen=True)
class Poll:
    """What a front says of itself when it polls."""

    front: str
    address: str
    instance: str
    lease_s: float
    since: int | None
    """The position up to which it has heard of everything; None for a front that begins."""
    confirmed: tuple[int, str] | None
    is_settling: bool = False
    """Whether it waits for something that was announced to be settled, or to turn out void."""


def answer(service_name: str, alias: str, poll: Poll) -> PollReply:
    """Renews the lease (unless pushes don't reach the front), and tells what changed since.

    Doesn't wait for writes in doubt, as other reads do: their writers may be waiting for just this poll. Raises
    Unavailable if the replica is out of sync or can't be read, or the lease can't be recorded.
    """
    asked = time.monotonic()
    settled = _settled(service_name) if poll.is_settling else None
    renewed = _renew(poll, asked)
    reached("poll-recorded")
    missed = engine.missed(get_service(service_name), alias, poll.since)
    doubts = [entry for entry in missed.entries if entry.position > missed.floor]
    return {
        "timeline": missed.timeline,
        "position": missed.floor,
        "renewed": renewed,
        "changes": [(entry.position, entry.cache_keys) for entry in missed.entries if entry.position <= missed.floor],
        "doubts": [(entry.position, entry.hash, entry.cache_keys) for entry in doubts],
        "base": missed.is_base,
        "settled": settled,
    }


def _settled(service_name: str) -> int | None:
    """The floor at a moment, after the front has asked, in which no writer was at work; None if one is.

    What was announced to the front before that, and lies above, will never be committed.
    """
    try:
        return settle(service_name, timeout_s=0)
    except (Unavailable, OutcomeUnknown):
        return None


def _renew(poll: Poll, asked: float) -> bool:
    """Whether the front has a new lease, which is on record then."""
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
    candidate = Lease(poll.front, poll.address, poll.instance, 0, poll.lease_s, None)
    if not leases.is_blocked(candidate.holder):
        return True
    if pushes.push(candidate, {"timeline": "", "invalidate": [], "set": []}, TEST_PUSH_TIMEOUT_S):
        leases.unblock(candidate.holder)
        return True
    return False


def _record(poll: Poll, asked: float, renewed: bool) -> None:
    """The lease lasts at least as long as it did: what the process was once given it may still use.

    Under a lock, because a front that gave up waiting for one replica may be polling the other by now.
    """
    with engine.lock(leases.lock_of(poll.front), leases.RECORD_TIMEOUT_S):
        old = leases.read_lease(poll.front, poll.instance)
        given = _given(old, asked)
        leases.record_lease(
            Lease(
                poll.front,
                poll.address,
                poll.instance,
                max(given, asked + poll.lease_s) if renewed else given,
                max(poll.lease_s, old.lease_s if old is not None else replication_settings.lease_s),
                poll.confirmed,
            )
        )


def _given(old: Lease | None, asked: float) -> float:
    """Until when the process may use its cache by what it was given before."""
    if old is None:  # What a lost record said is the recorder's to note.
        return 0.0
    return old.expires if old.expires - asked <= old.lease_s * 1.5 else 0.0
