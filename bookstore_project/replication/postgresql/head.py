"""The head of a service's log: one row, whose lock is the writer lock of the whole store.

It is held until the commit is flushed by the standby, too. So positions follow the order of commits.
"""

from dataclasses import dataclass
from typing import Any

import psycopg

from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.log import entries
from bookstore_project.replication.postgresql.backend.base import DatabaseWrapper
from bookstore_project.replication.postgresql.schema import SERVER_TIMELINE

SELECT = f"SELECT position, hash, timeline, server_timeline, {SERVER_TIMELINE} FROM replication_head"


@dataclass(frozen=True)
class Head:
    """Where a service's log ends, and whether the server that says so is the one under which its timeline began."""

    position: int
    hash: str
    timeline: str
    known_server: str
    server: str
    """The server's own timeline: another one after each promotion of a standby."""

    @property
    def is_current(self) -> bool:
        return self.known_server == self.server

    @property
    def in_log(self) -> entries.Head:
        return entries.Head(self.position, self.hash)


def read(connection: "psycopg.Connection[Any]") -> Head:
    """Raises psycopg.Error, and Unavailable if the database has no head."""
    return of_row(connection.execute(SELECT))


def of_row(cursor: "psycopg.Cursor[Any]") -> Head:
    row = cursor.fetchone()
    if row is None:
        raise Unavailable(
            "The database has no log: run `manage.py migrate`, or `move_to` again if a store was moving here."
        )
    return Head(*row)


def lock(database: DatabaseWrapper, timeout_s: float) -> Head:
    """Locks it, in a transaction that begins with this, and may write. Raises as `begin` and `read` do."""
    return of_row(locked(database, timeout_s))


def locked(database: DatabaseWrapper, timeout_s: float, then: str = "SELECT") -> "psycopg.Cursor[Any]":
    """The same: its row, and as the next result what `then` gives, asked under the lock in the same round trip."""
    patience_ms = max(1, round(timeout_s * 1000))
    return database.begin(
        f"SET TRANSACTION READ WRITE; SET LOCAL bookstore.writes = 'noted'; "
        f"SET LOCAL lock_timeout = {patience_ms}; {SELECT} FOR UPDATE; {then}"
    )
