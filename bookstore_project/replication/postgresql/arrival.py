"""A store that moves here from two files: its rows come first, the log's head last.

Without a head every read and write is refused, so that nobody opens a store that hasn't arrived. Each database says
in a row of its own which store is on its way, and how far it has come. So whatever was interrupted goes on.

A store that was made there and never used makes room: its databases keep their rows under other names.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.log.entries import EMPTY, Head
from bookstore_project.replication.postgresql.databases import MAINTENANCE_DATABASE, name_aside
from bookstore_project.replication.postgresql.primary import unavailable
from bookstore_project.replication.postgresql.schema import SERVER_TIMELINE
from bookstore_project.replication.postgresql.shared import PUT, RECORD
from bookstore_project.replication.timelines import new_timeline
from bookstore_project.replication.transfer.places import Model, Row, ServerPlace, is_numbered

TABLE = "replication_arrival"
"""`position` is NULL until the rows are there."""
TO_WRITE = {"autocommit": True, "target_session_attrs": "primary", "connect_timeout": 5}
OPTIONS = "-c bookstore.writes=unnoted -c timezone=UTC -c synchronous_commit=on"
_IS_STORE = f"SELECT to_regclass('django_migrations') IS NOT NULL AND to_regclass('{TABLE}') IS NULL"
_TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"


@dataclass(frozen=True)
class Progress:
    """How far a database has come: up to where of the log its rows are, and whether the store counts here by now."""

    head: Head | None
    has_arrived: bool


class Arrival:
    """One database of the server. Its methods raise Unavailable if it can't be asked, or refuses."""

    def __init__(self, server: Mapping[str, Any], name: str) -> None:
        """`server`: how psycopg connects to it."""
        self._server, self.name = server, name

    def holds_store(self) -> bool:
        """Whether a store has been made here, and none has begun to move here."""
        with self._connected(MAINTENANCE_DATABASE) as server:
            if not self._is_made(server):
                return False
        with self.connected() as connection:
            return bool(_one(connection, _IS_STORE))

    def put_aside(self) -> str:
        """Gives the database another name, which it returns. Raises Unavailable, too, while somebody uses it."""
        aside = name_aside(self.name)
        renaming = sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(self.name), sql.Identifier(aside))
        with self._connected(MAINTENANCE_DATABASE) as server:
            try:
                server.execute(renaming)
            except psycopg.errors.ObjectInUse as error:
                raise Unavailable(f"Nodes use the database {self.name}: stop those of all hosts there.") from error
        return aside

    def claim(self, source: str) -> None:
        """Puts on record that the store `source` moves here. Raises Unavailable if something else is here."""
        with self._connected(MAINTENANCE_DATABASE) as server:
            if not self._is_made(server):
                made = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'")
                with suppress(psycopg.errors.DuplicateDatabase):
                    server.execute(made.format(sql.Identifier(self.name)))
        with self.connected() as connection, connection.transaction():
            if _is_there(connection):
                self._assert_moving(connection, source)
            elif _one(connection, _TABLES):
                raise Unavailable(f"The database {self.name} isn't empty: nothing of it is touched.")
            else:
                connection.execute(
                    f"CREATE TABLE {TABLE} (source text NOT NULL, position bigint, hash text, "
                    "arrived boolean NOT NULL DEFAULT false)"
                )
                connection.execute(f"INSERT INTO {TABLE} (source) VALUES (%s)", (source,))

    def _is_made(self, server: "psycopg.Connection[Any]") -> bool:
        return server.execute("SELECT FROM pg_database WHERE datname = %s", (self.name,)).fetchone() is not None

    def _assert_moving(self, connection: "psycopg.Connection[Any]", source: str) -> None:
        if _one(connection, f"SELECT source FROM {TABLE}") != source:
            raise Unavailable(f"Another store is moving into the database {self.name}, or has: nothing is touched.")

    def progress(self) -> Progress:
        with self.connected() as connection:
            row = connection.execute(f"SELECT position, hash, arrived FROM {TABLE}").fetchone()
        assert row is not None
        return Progress(None if row[0] is None else Head(row[0], row[1]), row[2])

    def fill(self, head: Head | None, tables: Mapping[Model, Iterator[Row]], numbers: Mapping[Model, int]) -> None:
        """These are the rows from now on, all of them, and the newest log entry that they show."""
        with self._filling(head) as place:
            place.empty(list(tables))
            for model, rows in tables.items():
                place.write(model, rows)
            _set_numbers(place, numbers)

    def change(
        self, head: Head, changes: Mapping[Model, Mapping[Any, Row | None]], numbers: Mapping[Model, int]
    ) -> None:
        """By primary key, what has become of rows; None of one that is gone."""
        with self._filling(head) as place:
            for model, rows in changes.items():
                place.delete(model, list(rows))
                place.write(model, (row for row in rows.values() if row is not None))
            _set_numbers(place, numbers)

    @contextmanager
    def _filling(self, head: Head | None) -> Iterator[ServerPlace]:
        with self.connected() as connection, connection.transaction():
            yield ServerPlace(connection)
            if head is not None:
                connection.execute("DELETE FROM replication_head")
                connection.execute("DELETE FROM replication_logentry")
            connection.execute(
                f"UPDATE {TABLE} SET position = %s, hash = %s",
                (head.position if head else 0, head.hash if head else ""),
            )

    def look(self, work: Callable[[ServerPlace], str]) -> str:
        """What `work` makes of one snapshot of the rows."""
        with self.connected() as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            return work(ServerPlace(connection))

    def record(self, records: Mapping[str, str]) -> None:
        """What all hosts have to know, whatever one of them has said meanwhile. Of the accounts' database."""
        with self.connected() as connection, connection.transaction():
            for name, text in records.items():
                connection.execute(PUT.encode(), (RECORD, name, text))

    def open(self) -> None:
        """The store counts here from now on: the log goes on behind the newest entry, in a timeline of its own."""
        with self.connected() as connection, connection.transaction():
            if _one(connection, "SELECT to_regclass('replication_head') IS NOT NULL"):
                connection.execute(
                    "INSERT INTO replication_head (position, hash, timeline, server_timeline) "
                    f"SELECT position, hash, %s, {SERVER_TIMELINE} FROM {TABLE} ON CONFLICT DO NOTHING",
                    (new_timeline(),),
                )
                connection.execute(
                    f"INSERT INTO replication_logentry SELECT position, 0, %s, %s, hash FROM {TABLE} "
                    "WHERE NOT EXISTS (SELECT FROM replication_logentry)",
                    (EMPTY, EMPTY),
                )
            connection.execute(f"UPDATE {TABLE} SET arrived = true")

    @contextmanager
    def connected(self) -> Iterator["psycopg.Connection[Any]"]:
        with self._connected(self.name) as connection:
            yield connection

    @contextmanager
    def _connected(self, name: str) -> Iterator["psycopg.Connection[Any]"]:
        try:
            with closing(
                psycopg.connect(**{**TO_WRITE, **self._server, "dbname": name, "options": OPTIONS})
            ) as connection:
                yield connection
        except psycopg.Error as error:
            raise unavailable(error) from error


def _set_numbers(place: ServerPlace, numbers: Mapping[Model, int]) -> None:
    for model, number in numbers.items():
        if is_numbered(model):
            place.set_last_number(model, number)


def _is_there(connection: "psycopg.Connection[Any]") -> bool:
    return bool(_one(connection, f"SELECT to_regclass('{TABLE}') IS NOT NULL"))


def _one(connection: "psycopg.Connection[Any]", statement: str) -> Any:
    row = connection.execute(statement.encode()).fetchone()
    return row[0] if row else None
