"""ENGINE = "bookstore_project.replication.postgresql.backend"."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from django.db import connections
from django.db.backends.postgresql import base
from django.db.utils import DatabaseError
from psycopg import pq

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import HOW_TO_WRITE, WriteRefused
from bookstore_project.replication.postgresql.backend.client import DatabaseClient

Take = Callable[["psycopg.Cursor[Any]"], object]
State = tuple[int, int, int, int]
FOR_MIGRATIONS = "SET default_transaction_read_only = off; SET bookstore.writes = 'unnoted'"


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, whose transactions are for reading alone, but for those of the replication protocol.

    `unguarded()` opens the door for making and migrating a database.
    """

    client_class = DatabaseClient
    _is_unguarded = False

    others = 0
    """How many statements were carried out by Django's cursors that are no plain reads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute_wrappers.append(self._explain_refusal)
        self._put_off: list[tuple[bytes, Take]] = []
        self._sent = self._refused = 0

    @property
    def service(self) -> str:
        """`catalog-2` belongs to `catalog`."""
        return replication_settings.service_of_alias[self.alias]

    @property
    def raw(self) -> "psycopg.Connection[Any]":
        """The connection below Django's, opened if it isn't; what was put off is done. Raises errors of Django's."""
        self.ensure_connection()
        self.carry_out()
        connection: psycopg.Connection[Any] = self.connection
        return connection

    def init_connection_state(self) -> None:
        super().init_connection_state()
        if self._is_unguarded:
            self.connection.execute(FOR_MIGRATIONS)
            self.connection.commit()

    def put_off(self, statement: str, values: Sequence[Any] = (), take: Take = lambda cursor: None) -> None:
        """Has one statement carried out before the next one that somebody waits for, in the same round trip.

        Inside of a transaction. `take` is given the answer: it looks at what came, and asks nothing.
        """
        self._put_off.append((self.formatted(statement, values).encode(), take))

    def formatted(self, statement: str, values: Sequence[Any]) -> str:
        """With the values in it. Raises errors of Django's: no text of PostgreSQL's holds NUL."""
        if not values:
            return statement
        cursor: psycopg.ClientCursor[Any] = self.connection.cursor()
        with self.wrap_database_errors:
            return cursor.mogrify(statement.encode(), values)

    def carry_out(self) -> None:
        """All that was put off, in one round trip. Raises the first one's error; what stands behind isn't done."""
        put_off, self._put_off = self._put_off, []
        if not put_off:
            return
        self._sent += 1
        try:
            with self.wrap_database_errors:
                cursor = self.connection.execute(b"; ".join(text for text, _ in put_off))
            for number, (_, take) in enumerate(put_off):
                if number:
                    cursor.nextset()
                take(cursor)
        except Exception:
            self._refused += 1
            raise

    def state(self) -> State:
        """How much was put off, sent, changed in other ways, and refused, whoever heard of that."""
        return len(self._put_off), self._sent, self.others, self._refused

    def drop(self, since: State = (0, 0, 0, 0)) -> bool:
        """Forgets what was put off since that state; whether nothing else has happened since."""
        del self._put_off[since[0] :]
        return self.state() == since

    def begin(self, statements: str) -> "psycopg.Cursor[Any]":
        """Begins a transaction with these, in one round trip; atomic blocks in it are savepoints.

        What the first of them gives that gives anything. Raises psycopg.Error, and OperationalError of Django's if
        there is no server.
        """
        if self.connection is not None and self.is_lost():
            self.close()
        connection = self.raw
        self.autocommit = False  # By Django's account alone: psycopg would send its BEGIN by itself.
        return first_rows(connection.execute(f"BEGIN; {statements}".encode()))

    def end(self) -> None:
        """Takes back whatever of it wasn't committed."""
        self.drop()
        self.run_on_commit = []
        if self.connection is None:
            return
        if not self.is_lost():
            with suppress(psycopg.Error):
                self.connection.rollback()
        if self.is_lost():
            self.close()
            return
        self.connection.autocommit = self.autocommit = True
        self.needs_rollback = self.in_atomic_block = False

    def is_lost(self) -> bool:
        """Whether the server is known to be gone."""
        connection = self.connection
        return connection is None or connection.closed or connection.pgconn.status == pq.ConnStatus.BAD

    @contextmanager
    def unguarded(self) -> Iterator[None]:
        """Lets anything write, and notes nothing of it: for setup and migrations only."""
        self.close()
        self._is_unguarded = True
        try:
            yield
        finally:
            self.close()
            self._is_unguarded = False

    def _explain_refusal(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        self.carry_out()
        if not str(sql).startswith("SELECT"):
            self.others += 1
        try:
            return execute(sql, params, many, context)
        except DatabaseError as error:
            if isinstance(error.__cause__, psycopg.errors.ReadOnlySqlTransaction):
                raise WriteRefused(
                    f"{self.alias} is written outside a replicated transaction. "
                    + HOW_TO_WRITE.format(service=self.service)
                ) from error
            raise


def first_rows(cursor: "psycopg.Cursor[Any]") -> "psycopg.Cursor[Any]":
    """Of several statements; the last one if none gives any."""
    while cursor.description is None and cursor.nextset():
        pass
    return cursor


def wrapper(alias: str) -> DatabaseWrapper:
    """This thread's connection to a service's database."""
    connection = connections[alias]
    assert isinstance(connection, DatabaseWrapper)
    return connection
