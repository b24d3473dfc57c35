"""A front's poll, as the polled replica answers it: the lease first, then what the front has missed.

The order matters. The lease is recorded before the log is read: a writer that looks for leases after its commit
either sees this one and waits for the front, or had committed before, and the log shows its entry here.
"""

import time

from bookstore_project.replication.engine import engine
from bookstore_project.replication.errors import OutcomeUnknown, Unavailable
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.interface import Poll
from bookstore_project.replication.invalidation import pushes
from bookstore_project.replication.invalidation.messages import PollReply
from bookstore_project.replication.service import get_service
from bookstore_project.replication.transaction import settle


def answer(service_name: str, alias: str, poll: Poll) -> PollReply:
    """Renews the lease (unless pushes don't reach the front), and tells what changed since.

    Doesn't wait for writes in doubt, as other reads do: their writers may be waiting for just this poll. Raises
    Unavailable if the replica is out of sync or can't be read, or the lease can't be recorded.
    """
    asked = time.monotonic()
    settled = _settled(service_name) if poll.is_settling else None
    service = get_service(service_name)
    renewed = engine.renew(service, poll, asked, pushes)
    reached("poll-recorded")
    missed = engine.missed(service, alias, poll.since)
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
