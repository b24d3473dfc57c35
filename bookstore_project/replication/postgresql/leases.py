"""The fronts' leases as rows, which every writer sees, whatever its host.

No two hosts share a clock, so no row says when a lease ends. It ends when a writer has **blocked** it, by a commit of
its own, and has waited for as long as it may last from then on.

- A known lease is renewed beside any writer, by one statement: unless it is blocked, or another server is the primary
  by now. A writer deletes rows under its lock alone, and all of them when a timeline begins.
- A new one, or one that was blocked, is put on record where no writer is between hold and commit: under a shared lock
  of the head. The log is read afterwards.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from functools import partial

import psycopg
from django.db import DatabaseError

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.interface import Caches, Holder, Lease, Poll
from bookstore_project.replication.log.entries import Entry
from bookstore_project.replication.postgresql import head
from bookstore_project.replication.postgresql.backend.base import DatabaseWrapper, wrapper
from bookstore_project.replication.postgresql.primary import first_answer, own_alias, unavailable
from bookstore_project.replication.postgresql.schema import SERVER_TIMELINE
from bookstore_project.replication.postgresql.waiting import NotConfirmed, confirmed
from bookstore_project.replication.service import Service

RENEWAL_TIMEOUT_S = 0.5
_RETRY_DELAY_S = 0.02
_DRIFT = 1.01
"""Of two clocks that count the same lease."""
_PAST = float("-inf")

_OF_HOLDER = "WHERE front = %s AND instance = %s"
COLUMNS = "front, address, instance, lease_s"
SELECT = f"SELECT {COLUMNS} FROM replication_lease ORDER BY front"
RETURNING = f"RETURNING {COLUMNS}"
WRITES = "SET TRANSACTION READ WRITE"
RENEW = (
    "UPDATE replication_lease SET renewals = renewals + 1, lease_s = greatest(lease_s, %s) "
    "WHERE front = %s AND instance = %s AND NOT blocked "
    f"AND EXISTS (SELECT FROM replication_head WHERE server_timeline = {SERVER_TIMELINE})"
)
REGISTER = (
    "INSERT INTO replication_lease (front, instance, address, lease_s) VALUES (%s, %s, %s, %s) "
    "ON CONFLICT (front, instance) DO UPDATE SET address = excluded.address, blocked = false, "
    "lease_s = greatest(replication_lease.lease_s, excluded.lease_s)"
)
PATIENCE = f"SET LOCAL lock_timeout = {round(RENEWAL_TIMEOUT_S * 1000)}"
SHARED = f"{PATIENCE}; {head.SELECT} FOR SHARE"


def leases(service: Service) -> list[Lease]:
    """Of every front's process that has one. Raises Unavailable."""
    database = wrapper(own_alias(service))
    return first_answer(database, partial(_leases, database))


def _leases(database: DatabaseWrapper) -> list[Lease]:
    return list(map(of_row, database.raw.execute(SELECT)))


def of_row(row: tuple[str, str, str, float]) -> Lease:
    """Of `SELECT`."""
    front, address, instance, lease_s = row
    return Lease(front, address, instance, 0.0, lease_s, None)


# --------------------------------------------------------------------------------------------------- renewing


def renew(service: Service, poll: Poll, is_reachable: Callable[[], bool]) -> bool:
    """Whether the front has a lease from now on, which is on record. Raises Unavailable if the server can't be asked.

    `is_reachable` tells whether a push comes to that process: it may be able to poll, and yet be deaf.
    """
    database = wrapper(own_alias(service))
    try:
        if first_answer(database, partial(_renewed, database, poll)):
            return True
        if not _knows_its_way(poll, head.read(database.raw)):
            return False
        if _is_blocked(database, poll) and not is_reachable():
            return False
        return _registered(database, poll)
    except NotConfirmed:
        return False  # By an old primary, for one, which has no standby any more.
    except psycopg.errors.LockNotAvailable:
        return False  # A writer is at work.
    except (DatabaseError, psycopg.Error) as error:
        raise unavailable(error) from error


def _renewed(database: DatabaseWrapper, poll: Poll) -> bool:
    try:
        database.begin(f"{WRITES}; {PATIENCE}")  # A migration has deleted the row, and may take minutes.
        renewed = database.raw.execute(RENEW, (poll.lease_s, poll.front, poll.instance)).rowcount == 1
        reached("lease-renewed")
        if renewed:
            confirmed(database.raw, "COMMIT", RENEWAL_TIMEOUT_S)
        return renewed
    finally:
        database.end()


def _knows_its_way(poll: Poll, found: head.Head) -> bool:
    """Whoever doesn't know today's timeline takes no lease from this poll, and no push before its answer is there."""
    return found.is_current and poll.timeline in (None, found.timeline)


def _is_blocked(database: DatabaseWrapper, poll: Poll) -> bool:
    found = database.raw.execute(
        f"SELECT FROM replication_lease {_OF_HOLDER} AND blocked", (poll.front, poll.instance)
    )
    return found.fetchone() is not None


def _registered(database: DatabaseWrapper, poll: Poll) -> bool:
    try:
        # Once more under the lock: who held it may have begun a timeline.
        if not _knows_its_way(poll, head.of_row(database.begin(f"{WRITES}; {SHARED}"))):
            return False
        database.raw.execute(REGISTER, (poll.front, poll.instance, poll.address, poll.lease_s))
        confirmed(database.raw, "COMMIT", RENEWAL_TIMEOUT_S)
        return True
    finally:
        database.end()


# ------------------------------------------------------------------------------------------------------ holding


def hold(
    database: DatabaseWrapper, caches: Caches, timeline: str, appended: Sequence[Entry], found: Iterable[Lease]
) -> None:
    """Returns when no front answers any more with what is older than the entries, which are about to be committed.

    Under the writer lock, as is whoever has found the leases. Each front that has one has taken the invalidation, or
    its lease has run out, or its process has ended.
    """
    told = [entry for entry in appended if entry.cache_keys]
    if not told:
        return
    left = {lease.holder: lease for lease in found}
    reached("leases-read")
    _take_out(left, caches.deliver(list(left.values()), timeline, told))
    if left:
        with closing(database.copy()) as beside:
            _wait_for(database, beside, left, caches, lambda: caches.deliver(list(left.values()), timeline, told))


def _wait_for(
    database: DatabaseWrapper,
    beside: DatabaseWrapper,
    left: dict[Holder, Lease],
    caches: Caches,
    deliver: Callable[[], Iterable[Holder]],
) -> None:
    """`beside`: a connection of its own, whose commits count at once. Raises psycopg.Error if the lock was lost.

    A primary that was stopped may have been replaced meanwhile: what was to be committed there can't be any more, and
    a front that knows another timeline would be kept from its lease for ever.
    """
    # For no standby: a primary that has none would wait for ever. If one is promoted, no lease is left anyway.
    beside.raw.execute("SET default_transaction_read_only = off; SET synchronous_commit = local")
    until: dict[Holder, float] = {}
    unknown: set[Holder] = set()
    while left:
        database.raw.execute("SELECT")
        for holder, lease in left.items():
            if _block(beside, holder) or holder not in until:
                until[holder] = time.monotonic() + max(_lease_s(beside, lease), replication_settings.lease_s) * _DRIFT
        until.update(dict.fromkeys(_ended(left, unknown, caches), _PAST))
        _take_out(left, _run_out(beside, left, until))
        _take_out(left, deliver())
        _take_out(left, _run_out(beside, left, until))
        if left:
            time.sleep(_RETRY_DELAY_S)


def _ended(left: Mapping[Holder, Lease], unknown: set[Holder], caches: Caches) -> list[Holder]:
    """Those whose process is gone, however long their leases last; `unknown` are those of whom nobody can tell."""
    told = {holder: caches.has_ended(lease) for holder, lease in left.items() if holder not in unknown}
    unknown.update(holder for holder, has_ended in told.items() if has_ended is None)
    return [holder for holder, has_ended in told.items() if has_ended]


def _take_out(left: dict[Holder, Lease], gone: Iterable[Holder]) -> None:
    for holder in gone:
        left.pop(holder, None)


def _block(beside: DatabaseWrapper, holder: Holder) -> bool:
    """From now on it isn't renewed; whether it wasn't blocked before."""
    return (
        beside.raw.execute(
            f"UPDATE replication_lease SET blocked = true {_OF_HOLDER} AND NOT blocked", holder
        ).rowcount
        == 1
    )


def _lease_s(beside: DatabaseWrapper, lease: Lease) -> float:
    """As it is on record once it is blocked: until then it was renewed beside the writer, maybe for longer.

    As it was read if it is gone: a writer that has lost its lock may have deleted one that it has not waited for.
    """
    row = beside.raw.execute(f"SELECT lease_s FROM replication_lease {_OF_HOLDER}", lease.holder).fetchone()
    return lease.lease_s if row is None else float(row[0])


def _run_out(beside: DatabaseWrapper, left: Mapping[Holder, Lease], until: Mapping[Holder, float]) -> list[Holder]:
    """Those whose time is up, and that have got no other lease meanwhile: their rows are gone now."""
    return [holder for holder in left if time.monotonic() > until[holder] and _is_deleted(beside, holder)]


def _is_deleted(beside: DatabaseWrapper, holder: Holder) -> bool:
    """By whomever: a writer that has lost its lock may have been quicker."""
    beside.raw.execute(f"DELETE FROM replication_lease {_OF_HOLDER} AND blocked", holder)
    return beside.raw.execute(f"SELECT FROM replication_lease {_OF_HOLDER}", holder).fetchone() is None


def end_all(database: DatabaseWrapper, caches: Caches) -> None:
    """Under the writer lock of a timeline that ends: deletes all, and returns when none can be used any more.

    Each front's process that has one has given it up, or has ended, or could use it no longer. So has whoever answers
    for a front without one on record: an older primary may have put that on record alone. Raises psycopg.Error.
    """
    found = [of_row(row) for row in database.raw.execute(f"DELETE FROM replication_lease {RETURNING}").fetchall()]
    began = time.monotonic()
    fronts = replication_settings.fronts.items()
    found += [Lease(name, address, "", 0.0, replication_settings.lease_s, None) for name, address in fronts]
    left = {lease.holder: lease for lease in found}
    _take_out(left, caches.end_leases(found))
    _take_out(left, [holder for holder, lease in left.items() if lease.instance and caches.has_ended(lease)])
    if left:
        longest_s = max(replication_settings.lease_s, *(lease.lease_s for lease in left.values()))
        time.sleep(max(0.0, began + longest_s * _DRIFT - time.monotonic()))


def forget_all(database: DatabaseWrapper) -> None:
    """Under the writer lock: deletes all, and returns when none can be used any more. Raises psycopg.Error."""
    deleted = database.raw.execute("DELETE FROM replication_lease RETURNING lease_s").fetchall()
    time.sleep(max([replication_settings.lease_s, *(lease_s for (lease_s,) in deleted)]) * _DRIFT)
