"""ENGINE = "bookstore_project.replication.postgresql.backend"."""

from collections.abc import Callable, Iterator
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

FOR_MIGRATIONS = "SET default_transaction_read_only = off; SET bookstore.writes = 'unnoted'"


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, whose transactions are for reading alone, but for those of the replication protocol.

    `unguarded()` opens the door for making and migrating a database.
    """

    client_class = DatabaseClient
    _is_unguarded = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute_wrappers.append(self._explain_refusal)

    @property
    def service(self) -> str:
        """`catalog-2` belongs to `catalog`."""
        return replication_settings.service_of_alias[self.alias]

    @property
    def raw(self) -> "psycopg.Connection[Any]":
        """The connection below Django's, opened if it isn't. Raises OperationalError of Django's."""
        self.ensure_connection()
        connection: psycopg.Connection[Any] = self.connection
        return connection

    def init_connection_state(self) -> None:
        super().init_connection_state()
        if self._is_unguarded:
            self.connection.execute(FOR_MIGRATIONS)
            self.connection.commit()

    def begin(self, statements: str) -> "psycopg.Cursor[Any]":
        """Begins a transaction with these, in one round trip; atomic blocks in it are savepoints.

        What the last one gives. Raises psycopg.Error, and OperationalError of Django's if there is no server.
        """
        if self.connection is not None and self.is_lost():
            self.close()
        connection = self.raw
        self.autocommit = False  # By Django's account alone: psycopg would send its BEGIN by itself.
        return last_result(connection.execute(f"BEGIN; {statements}".encode()))

    def end(self) -> None:
        """Takes back whatever of it wasn't committed."""
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
        try:
            return execute(sql, params, many, context)
        except DatabaseError as error:
            if isinstance(error.__cause__, psycopg.errors.ReadOnlySqlTransaction):
                raise WriteRefused(
                    f"{self.alias} is written outside a replicated transaction. "
                    + HOW_TO_WRITE.format(service=self.service)
                ) from error
            raise


def last_result(cursor: "psycopg.Cursor[Any]") -> "psycopg.Cursor[Any]":
    """Of several statements."""
    while cursor.nextset():
        pass
    return cursor


def wrapper(alias: str) -> DatabaseWrapper:
    """This thread's connection to a service's database."""
    connection = connections[alias]
    assert isinstance(connection, DatabaseWrapper)
    return connection
