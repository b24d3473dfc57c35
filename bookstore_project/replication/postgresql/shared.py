"""What all nodes of a store share beside its rows, whatever their host: marks, and counted failed logins.

In the accounts' database, in tables that `migrate` makes. Hosts have clocks of their own: the server's counts.
"""

import errno
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zlib import crc32

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction

from bookstore_project.api.login_attempts import OpenTable, Place, Table
from bookstore_project.nodes import background

TABLES = (
    "CREATE TABLE IF NOT EXISTS store_mark (kind varchar(20) NOT NULL, name varchar(100) NOT NULL, "
    "said text NOT NULL, PRIMARY KEY (kind, name))",
    "CREATE TABLE IF NOT EXISTS store_attempt (place integer PRIMARY KEY, key bytea NOT NULL, "
    "level double precision NOT NULL, at double precision NOT NULL) WITH (fillfactor = 20)",
)
RECORD = "record"
"""The kind of what hosts agree on."""
PUT_FIRST = "INSERT INTO store_mark VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
PUT = "INSERT INTO store_mark VALUES (%s, %s, %s) ON CONFLICT (kind, name) DO UPDATE SET said = excluded.said"
LOOK_EVERY_S = 0.5
LOCK_TIMEOUT_MS = 2000
_COUNTING = crc32(b"login attempts")
NOW = "SELECT extract(epoch FROM clock_timestamp())::double precision"


def make_tables() -> None:
    """Raises DatabaseError."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        for statement in TABLES:
            cursor.execute(statement)


def on_record(name: str, text: str, *, is_new: bool) -> str:
    """What is said under that name: `text`, from now on, if nothing was, or it `is_new`. Raises DatabaseError."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(PUT if is_new else PUT_FIRST, (RECORD, name, text))
        cursor.execute("SELECT said FROM store_mark WHERE kind = %s AND name = %s", (RECORD, name))
        return str(cursor.fetchone()[0])


class RowMarks:
    """A row each. A thread looks for what others have changed: nobody who asks waits for the server."""

    def __init__(self, folder: Path) -> None:
        """`folder`: what they would be in, as files; it names their kind."""
        self._kind = folder.name
        self._known: Mapping[str, str] = {}
        self._looking: threading.Thread | None = None
        self._guard = threading.Lock()

    def texts(self) -> Mapping[str, str]:
        with self._guard:
            if self._looking is None:
                task = background.Task(f"marks {self._kind}", self.look, LOOK_EVERY_S, is_at_once=True)
                self._looking = background.start(task)
        return self._known

    def look(self) -> None:
        """Asks the server now."""
        self._known = dict(self._ask("SELECT name, said FROM store_mark WHERE kind = %s", self._kind))

    def has(self, name: str) -> bool:
        found = self._ask("SELECT 1 FROM store_mark WHERE kind = %s AND name = %s", self._kind, name)
        return bool(found)

    def put(self, name: str, text: str) -> None:
        self._ask(f"{PUT} RETURNING 1", self._kind, name, text)
        self.look()

    def remove(self, name: str) -> None:
        self._ask("DELETE FROM store_mark WHERE kind = %s AND name = %s RETURNING 1", self._kind, name)
        self.look()

    def _ask(self, statement: str, *values: str) -> list[Any]:
        with _failing_as_files(), connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())


class RowTable(Table):
    """Failed logins, a row for each place. Nobody waits for a standby: who loses the server loses a few counts."""

    @contextmanager
    def opened(self) -> Iterator[OpenTable]:
        with (
            _failing_as_files(),
            transaction.atomic(DEFAULT_DB_ALIAS),
            connections[DEFAULT_DB_ALIAS].cursor() as cursor,
        ):
            cursor.execute(f"SET LOCAL synchronous_commit = off; SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_COUNTING,))
            cursor.execute(NOW)
            yield OpenTable(_RowPlaces(cursor), self._secret().encode(), cursor.fetchone()[0])


class _RowPlaces:
    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def read(self, first: int, count: int) -> list[Place]:
        self._cursor.execute(
            "SELECT place, key, level, at FROM store_attempt WHERE place >= %s AND place < %s", (first, first + count)
        )
        found = {row[0]: Place(row[0], bytes(row[1]), row[2], row[3]) for row in self._cursor.fetchall()}
        return [found.get(number, Place(number, b"", 0.0, 0.0)) for number in range(first, first + count)]

    def write(self, place: Place) -> None:
        self._cursor.execute(
            "INSERT INTO store_attempt VALUES (%s, %s, %s, %s) ON CONFLICT (place) DO UPDATE "
            "SET key = excluded.key, level = excluded.level, at = excluded.at",
            (place.number, place.key, place.level, place.at),
        )


@contextmanager
def _failing_as_files() -> Iterator[None]:
    """What a server can't do is to its callers what a disk can't."""
    try:
        yield
    except DatabaseError as error:
        raise OSError(errno.EIO, str(error).strip().partition("\n")[0]) from error
