"""ENGINE = "tests.simulation.server.backend": the store's wrapper of a PostgreSQL connection, in SQLite's dialect.

What the engine asks of a connection is its own code's; Django's queries are compiled, and their values converted, as
for SQLite.
"""

import sqlite3
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import psycopg
from django.db.backends.sqlite3 import base
from django.db.backends.sqlite3.operations import DatabaseOperations as SqliteOperations

from bookstore_project.replication.postgresql.backend import base as real
from tests.simulation.server import dialect
from tests.simulation.server.connection import Connection, Cursor
from tests.simulation.server.libpq import Selector


class DatabaseOperations(SqliteOperations):
    def convert_uuidfield_value(self, value: Any, expression: Any, connection: Any) -> UUID | None:
        return value if value is None or isinstance(value, UUID) else UUID(value)


class DatabaseWrapper(base.DatabaseWrapper):
    """The engine takes it for its own."""

    Database = psycopg
    ops_class = DatabaseOperations
    others = 0

    service, raw = real.DatabaseWrapper.service, real.DatabaseWrapper.raw
    put_off, carry_out = real.DatabaseWrapper.put_off, real.DatabaseWrapper.carry_out
    state, drop = real.DatabaseWrapper.state, real.DatabaseWrapper.drop
    begin, end, is_lost = real.DatabaseWrapper.begin, real.DatabaseWrapper.end, real.DatabaseWrapper.is_lost
    _explain_refusal: Any = real.DatabaseWrapper._explain_refusal

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute_wrappers.append(self._explain_refusal)
        self._put_off: list[tuple[bytes, real.Take]] = []
        self._sent = self._refused = 0

    def formatted(self, statement: str, values: Any) -> str:
        with self.wrap_database_errors:
            return dialect.formatted(statement, values)

    def get_database_version(self) -> tuple[int, ...]:
        return sqlite3.sqlite_version_info

    def get_connection_params(self) -> dict[str, Any]:
        return {"service": self.settings_dict["NAME"]}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection:
        return Connection(**conn_params)

    def init_connection_state(self) -> None:
        pass

    def create_cursor(self, name: str | None = None) -> Cursor:
        made: Cursor = self.connection.cursor()
        return made

    def _set_autocommit(self, autocommit: bool) -> None:
        self.connection.autocommit = autocommit

    def is_usable(self) -> bool:
        try:
            self.connection.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True


def put_in_place() -> None:
    """The engine takes this wrapper for its own, and waits by the simulated clock."""
    from bookstore_project.replication.postgresql import waiting

    setattr(real, "DatabaseWrapper", DatabaseWrapper)  # noqa: B010  (the engine asks for the class by its name)
    selectors = SimpleNamespace(DefaultSelector=Selector, EVENT_READ=1)
    setattr(waiting, "selectors", selectors)  # noqa: B010  (a module that it imports)
