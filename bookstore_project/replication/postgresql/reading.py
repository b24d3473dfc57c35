"""The read gate: one snapshot of the primary, and before the answer the proof that it was the primary.

What is committed is visible, and caches were told before. So a snapshot is as new as it has to be, if the server that
gave it was the primary after it was taken.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import psycopg
from django.db import DatabaseError, models

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.interface import Caches, Missed, Snapshot
from bookstore_project.replication.log.entries import Entry
from bookstore_project.replication.pinning import pinned
from bookstore_project.replication.postgresql import databases, head, schema
from bookstore_project.replication.postgresql.backend.base import DatabaseWrapper, wrapper
from bookstore_project.replication.postgresql.barrier import barrier_of, server_timeline
from bookstore_project.replication.postgresql.head import Head
from bookstore_project.replication.postgresql.primary import first_answer, own_alias, unavailable
from bookstore_project.replication.postgresql.rows import get_row
from bookstore_project.replication.postgresql.writing import settle
from bookstore_project.replication.service import Service

M = TypeVar("M", bound=models.Model)

SNAPSHOT = f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; {head.SELECT}"
UNCONFIRMED = ("",)
"""The keys of a read that shows nothing."""
MOST_MISSED = 5000
"""Entries that a front is told of; who lacks more begins anew."""


@contextmanager
def read(service: Service, alias: str, keys: Sequence[str], caches: Caches) -> Iterator[Snapshot]:
    """Runs the block's queries in one snapshot: see `reads.reading`."""
    database = wrapper(alias)
    try:
        found = _enter(service, database, caches)
        try:
            with pinned(service.name, alias, for_writing=False):
                yield Snapshot(alias, found.position, found.timeline)
        except Unavailable:
            raise
        except Exception as error:
            if isinstance(error, DatabaseError) and database.is_lost():
                raise unavailable(error) from error
            # "There is no such book" is an answer too, and as good as what it was read from.
            _leave(service, database, found, keys)
            raise
        _leave(service, database, found, keys)
    finally:
        database.end()


def _enter(service: Service, database: DatabaseWrapper, caches: Caches) -> Head:
    """Opens a snapshot in today's timeline, which begins now if nobody has written since a promotion."""
    for may_settle in (True, False):
        found = _snapshot(database)
        if found.is_current:
            reached("gate-snapshot")
            return found
        database.end()
        if may_settle:
            settle(service, caches, timeout_s=replication_settings.write_wait_s + replication_settings.lease_s)
    raise Unavailable("Another server is the primary now, and its timeline has not begun.")


def _snapshot(database: DatabaseWrapper) -> Head:
    return first_answer(database, partial(_begin, database))


def _begin(database: DatabaseWrapper) -> Head:
    return head.of_row(database.begin(SNAPSHOT))


def _leave(service: Service, database: DatabaseWrapper, found: Head, keys: Sequence[str]) -> None:
    database.end()
    if tuple(keys) == UNCONFIRMED:
        return
    proven = barrier_of(service.name).wait(partial(server_timeline, database))
    if proven != found.server:
        raise Unavailable("Another server is the primary now.")


def missed(service: Service, alias: str, since: int | None) -> Missed:
    """What happened after `since`: asked when the front's lease is on record, which the standby has confirmed."""
    database = wrapper(alias)
    try:
        found = _snapshot(database)
        if not found.is_current:
            raise Unavailable("Another server is the primary now, and its timeline has not begun.")
        start = found.position if since is None else since
        entries = _entries_after(database, min(start, found.position))
        base = _base(database)
    except (DatabaseError, psycopg.Error) as error:
        raise unavailable(error) from error
    finally:
        database.end()
    is_base = since is None or since < base or len(entries) > MOST_MISSED
    return Missed(found.timeline, found.position, () if is_base else entries, is_base)


def _entries_after(database: DatabaseWrapper, position: int) -> list[Entry]:
    rows = database.raw.execute(
        "SELECT position, epoch, payload, keys, hash FROM replication_logentry WHERE position > %s "
        "ORDER BY position LIMIT %s",
        (position, MOST_MISSED + 1),
    )
    return [Entry(*row) for row in rows]


def _base(database: DatabaseWrapper) -> int:
    row = database.raw.execute("SELECT min(position) FROM replication_logentry").fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def get_verified(model: type[M], key: object, alias: str) -> M | None:
    """The server's checksums vouch for a row."""
    return get_row(model, key, alias)


def has_history(service: Service) -> bool:
    """Whether anything was ever written, as far as can be told."""
    database = wrapper(own_alias(service))
    try:
        if not (databases.exists(database.alias) and first_answer(database, lambda: schema.is_made(database.raw))):
            return False
        return _snapshot(database).position > 0
    except Unavailable:
        return True
    finally:
        database.end()
