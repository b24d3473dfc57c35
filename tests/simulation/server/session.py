"""A session of a simulated server: one client's transactions, above connections of SQLite that are its own.

A transaction sees what it saw first, or, of the leases, what is committed at each statement. Who writes rows has the
lock of the log's head; leases are in a file of their own, which one transaction at a time writes.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from psycopg import errors

from tests.simulation.server import dialect

Result = tuple[list[tuple[Any, ...]] | None, int]
"""Rows, if the statement gives any; how many it gave or changed."""
ROWS, LEASES = "rows", "leases"
HEAD_LOCK, LEASES_LOCK = "head", "leases"
ALIVE = "SELECT 1"
"""By it a client finds out whether its connection lasts."""
READS = ("SELECT", "WITH")


class Wait(Exception):
    """The statement has to wait for a lock."""

    def __init__(self, lock: str, is_shared: bool) -> None:
        super().__init__(lock)
        self.lock, self.is_shared = lock, is_shared


class Session:
    def __init__(self, number: int, client: str, service: str, paths: Mapping[str, Path]) -> None:
        self.number, self.client, self.service = number, client, service
        self._paths = paths
        self._open: dict[str, sqlite3.Connection] = {}
        self.last: tuple[int, tuple[Any, ...]] = 0, ()
        """The number of the last message, and what was answered."""
        self.heard_ns = 0
        self.held: set[str] = set()
        """Its locks."""
        self._is_sync_by_default = True
        self._may_write_by_default = False
        self.lock_timeout_s = 0.0
        self._reset()

    def _reset(self) -> None:
        self.in_transaction = self.has_failed = self.has_message = False
        self.is_sync, self._may_write = self._is_sync_by_default, self._may_write_by_default
        self.lock_timeout_s = 0.0
        self._written: list[tuple[str, str]] = []
        self._marks: list[tuple[str, int]] = []

    @property
    def is_written(self) -> bool:
        return bool(self._written) or self.has_message

    @property
    def written(self) -> list[tuple[str, str]]:
        return self._written

    # ------------------------------------------------------------------------------------------- statements

    def run(self, statement: str, timeline: str) -> Result:
        """Raises psycopg.Error, or Wait: nothing of it was done."""
        verb = dialect.verb(statement)
        if self.has_failed and not statement.startswith("ROLLBACK"):
            raise errors.InFailedSqlTransaction("current transaction is aborted")
        if verb == "BEGIN":
            self.in_transaction = True
        elif verb == "SET":
            self._set(statement)
        elif verb in ("SAVEPOINT", "RELEASE") or statement.startswith("ROLLBACK TO"):
            self._savepoint(verb, statement)
        elif statement == ALIVE:
            return [(1,)], 1  # Of any database, also the one that every server has.
        elif statement != "SELECT":
            return self._ask(statement, timeline, verb)
        return None, -1

    def _set(self, statement: str) -> None:
        said = statement.removeprefix("SET ")
        if said == "TRANSACTION READ WRITE":
            self._may_write = True
        elif said.startswith("LOCAL lock_timeout"):
            self.lock_timeout_s = int(said.rpartition(" ")[2]) / 1000
        elif said.startswith("default_transaction_read_only"):
            self._may_write_by_default = self._may_write = said.endswith("off")
        elif "synchronous_commit" in said:
            self.is_sync = said.endswith("on")
            self._is_sync_by_default = self.is_sync if not said.startswith("LOCAL") else self._is_sync_by_default

    def _savepoint(self, verb: str, statement: str) -> None:
        name = statement.rpartition(" ")[2].strip('"')
        if verb == "SAVEPOINT":
            self._marks.append((name, len(self._written)))
        else:
            while self._marks and self._marks[-1][0] != name:
                self._marks.pop()
        for connection in self._transactions():
            connection.execute(statement)
        if verb == "ROLLBACK":
            del self._written[self._marks[-1][1] :]
            self.has_failed = False
        elif verb == "RELEASE":
            self._marks.pop()

    def _ask(self, statement: str, timeline: str, verb: str) -> Result:
        told = dialect.translated(statement, timeline)
        part = LEASES if "replication_lease" in statement else ROWS
        is_read = verb in READS
        self.has_message = self.has_message or dialect.MESSAGE in statement
        if not is_read and not self._may_write:
            raise errors.ReadOnlySqlTransaction(f"cannot execute {verb} in a read-only transaction")
        self._lock(statement, part, is_read)
        connection = self._connection(part)
        if self.in_transaction and not (part == LEASES and is_read):
            self._enter(connection)
        try:
            cursor = connection.execute(told)
            rows = cursor.fetchall() if cursor.description else None
        except sqlite3.IntegrityError as error:
            raise errors.IntegrityError(str(error)) from error
        except sqlite3.Error as error:
            raise errors.InternalError(f"{error}: {told}") from error
        if not is_read:
            self._written.append((part, told))
        return rows, len(rows) if is_read and rows is not None else cursor.rowcount

    def _lock(self, statement: str, part: str, is_read: bool) -> None:
        if statement.endswith((" FOR UPDATE", " FOR SHARE")) and HEAD_LOCK not in self.held:
            raise Wait(HEAD_LOCK, statement.endswith("SHARE"))
        if not is_read and part == LEASES and LEASES_LOCK not in self.held:
            raise Wait(LEASES_LOCK, is_shared=False)

    # ------------------------------------------------------------------------------------------ connections

    def _connection(self, part: str) -> sqlite3.Connection:
        if part not in self._open:
            self._open[part] = opened(self._paths, part)
        return self._open[part]

    def _enter(self, connection: sqlite3.Connection) -> None:
        if not connection.in_transaction:
            connection.execute("BEGIN")
            for name, _ in self._marks:
                connection.execute(f'SAVEPOINT "{name}"')

    def _transactions(self) -> Iterator[sqlite3.Connection]:
        return (connection for connection in self._open.values() if connection.in_transaction)

    def number_of(self, table: str) -> int:
        """The highest that a row of the table has had, as far as its file tells."""
        found = self._connection(ROWS).execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
        return found[0] if found else 0

    def keep_numbers(self, highest: dict[str, int]) -> None:
        """Numbers that were given aren't given again, whatever was taken back."""
        connection = self._open.get(ROWS)
        if connection is not None and connection.in_transaction and HEAD_LOCK in self.held:
            for table, number in highest.items():
                connection.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (number, table))

    # -------------------------------------------------------------------------------------------- the end

    def commit(self, record: int) -> None:
        """What was written is seen from now on; it is that of this record, if it is anything."""
        for part, connection in self._open.items():
            if connection.in_transaction:
                if any(one == part for one, _ in self._written):
                    note_record(connection, record)
                connection.execute("COMMIT")
        self._reset()

    def roll_back(self) -> None:
        for connection in self._transactions():
            connection.execute("ROLLBACK")
        self._reset()

    def close(self) -> None:
        for connection in self._open.values():
            with suppress(sqlite3.Error):
                connection.close()
        self._open.clear()


def opened(paths: Mapping[str, Path], part: str) -> sqlite3.Connection:
    """A connection to that file of a database: leases are compared with rows."""
    found = sqlite3.connect(paths[part], isolation_level=None, detect_types=sqlite3.PARSE_DECLTYPES)
    if part == LEASES:
        found.execute("ATTACH ? AS rows", (str(paths[ROWS]),))
    return found


def note_record(connection: sqlite3.Connection, number: int) -> None:
    """What the file holds is that of the log's records up to this one."""
    connection.execute("UPDATE main.simulated_record SET number = ?", (number,))


def paths_of(data: Path, number: int, service: str) -> dict[str, Path]:
    """The files of a service's database on the server of that number: where the judge looks for a pair's."""
    folder = data / f"{service}-{number}"
    return {ROWS: folder / f"{service}.sqlite3", LEASES: folder / "leases.sqlite3"}
