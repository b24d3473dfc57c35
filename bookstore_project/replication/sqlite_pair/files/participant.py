"""One replica's file in a write: opened, begun, committed or rolled back."""

import sqlite3
from contextlib import suppress
from dataclasses import replace
from typing import Any

from django.db import Error as DatabaseError

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import ReplicaFault
from bookstore_project.replication.log import entries
from bookstore_project.replication.sqlite_pair.backend.base import DatabaseWrapper, wrapper
from bookstore_project.replication.sqlite_pair.files import schema_version, wal_files
from bookstore_project.replication.sqlite_pair.files.file_identity import (
    Overwritten,
    Unvouched,
    check_file,
    wal_identity,
)
from bookstore_project.replication.sqlite_pair.files.schema_version import OtherCode
from bookstore_project.replication.sqlite_pair.membership.witness import FileRecord, Witness

REPLICA_ERRORS = (sqlite3.Error, DatabaseError, ReplicaFault, OSError)
"""What a file at fault raises."""


_WHAT_IT_IS = (
    "SELECT (SELECT nonce FROM replication_incarnation), (SELECT user_version FROM pragma_user_version), "
    "EXISTS (SELECT 1 FROM replication_pendingchange)"
)
_AND_HEAD = f"{_WHAT_IT_IS}, position, hash, epoch FROM replication_logentry ORDER BY position DESC LIMIT 1"


def assert_incarnation(
    connection: sqlite3.Connection, alias: str, witness: Witness, *, of_any_code: bool = False
) -> None:
    """That the content belongs to this copy, was made for this code, and that nobody wrote around replication.

    Raises ReplicaFault, or OtherCode, which is no fault of the file's.
    """
    _assert_is(connection.execute(_WHAT_IT_IS).fetchone(), alias, witness, of_any_code=of_any_code)


def _assert_is(row: tuple[Any, ...], alias: str, witness: Witness, *, of_any_code: bool) -> None:
    if row[0] != witness.files[alias].nonce:
        raise ReplicaFault("its content comes from another copy")
    if not of_any_code:
        schema_version.assert_own(alias, row[1], [other for other in witness.in_sync if other != alias])
    if row[2]:
        raise ReplicaFault("it holds a change that the log doesn't know: somebody wrote around replication")


def read_settled_head(connection: sqlite3.Connection, alias: str, witness: Witness) -> entries.Head:
    """The head of a copy; raises ReplicaFault if it is in sync and lacks something that is settled."""
    return _settled(entries.read_head(connection), alias, witness)


def _settled(head: entries.Head, alias: str, witness: Witness) -> entries.Head:
    if alias in witness.in_sync and head.position < witness.floor:
        # All of that was in it once. Who knows what else is older than it should be?
        raise ReplicaFault(f"its log ends at {head.position}, below the settled position {witness.floor}")
    return head


def connect(alias: str, witness: Witness) -> sqlite3.Connection:
    """This thread's connection, to the file that the witness knows: one opened before it was replaced is dropped."""
    return _connected(wrapper(alias), alias, witness)


def _connected(database: DatabaseWrapper, alias: str, witness: Witness) -> sqlite3.Connection:
    if database.connection is not None and database.file_identity != witness.files[alias].identity:
        database.close()
    database.ensure_connection()
    if not database.wal_files:
        wal_files.note(database)
    connection: sqlite3.Connection = database.connection
    return connection


class Participant:
    """A file that takes part in one replicated transaction, on this thread's connection."""

    def __init__(self, alias: str, *, of_any_code: bool = False) -> None:
        self.alias = alias
        self.of_any_code = of_any_code
        """For what only copies: whoever runs the change must know the file's columns."""
        self.wrapper = wrapper(alias)
        self.epoch = 0
        """Of the newest entry, once it has begun."""
        self._has_borrowed = False
        self._written_ns: int | None = None

    @property
    def raw(self) -> sqlite3.Connection:
        """The connection below Django's."""
        connection: sqlite3.Connection = self.wrapper.connection
        return connection

    def begin(self, witness: Witness) -> entries.Head:
        """Opens, locks and checks the file; gives back its head. Lets go of it if it raises.

        Raises one of REPLICA_ERRORS, or OtherCode.
        """
        try:
            found = check_file(self.alias, witness)
            self.wrapper.borrow_writable()
            self._has_borrowed = True
            known = self.wrapper.connection
            connection = _connected(self.wrapper, self.alias, witness)
            self.wrapper.begin("IMMEDIATE")
            wal_files.assert_own(self.wrapper)
            if connection is not known:
                # Again: before this connection was there, a tool may have closed the last one, which writes the file.
                # From here on this one keeps the -wal.
                found = check_file(self.alias, witness)
            self._written_ns = found.written_ns
            return self._assert_standing(connection, witness)
        except (*REPLICA_ERRORS, OtherCode):
            self.abandon()
            raise

    def _assert_standing(self, connection: sqlite3.Connection, witness: Witness) -> entries.Head:
        """What `assert_incarnation` and `read_settled_head` assert, by one query."""
        row = connection.execute(_AND_HEAD).fetchone()
        if row is None:  # It has no log.
            assert_incarnation(connection, self.alias, witness, of_any_code=self.of_any_code)
            return read_settled_head(connection, self.alias, witness)
        _assert_is(row, self.alias, witness, of_any_code=self.of_any_code)
        _, _, _, position, chained, self.epoch = row
        return _settled(entries.Head(position, chained), self.alias, witness)

    def commit(self, witness: Witness) -> FileRecord:
        """Makes it durable in this file, and checks that it still is the file. Raises one of REPLICA_ERRORS."""
        try:
            self.wrapper.end(committed=True)
            record = self._check_committed(witness)
            self._give_back()
            return record
        except sqlite3.IntegrityError as error:
            dangling = self._dangling_reference()
            self.abandon()
            raise sqlite3.IntegrityError(f"{error}{dangling}") from error
        except REPLICA_ERRORS:
            self.abandon()
            raise

    def _dangling_reference(self) -> str:
        """Which tables it is about: SQLite doesn't say. It has taken nothing back yet, so that one can ask.

        Source: https://sqlite.org/pragma.html#pragma_foreign_key_check
        """
        with suppress(*REPLICA_ERRORS):
            first = self.raw.execute("PRAGMA foreign_key_check").fetchone()
            if first is not None:
                table, _, parent, _ = first
                return f": a row of {table} refers to a row of {parent} that isn't there"
        return ""

    def _check_committed(self, witness: Witness) -> FileRecord:
        try:
            record = check_file(self.alias, witness)
        except Unvouched as error:  # The commit may have begun the -wal anew.
            raise Overwritten(str(error)) from error
        if record.written_ns != self._written_ns:
            raise Overwritten("its file was overwritten by somebody else during the commit")
        wal_files.assert_own(self.wrapper)
        wal = wal_identity(replication_settings.files[self.alias])
        return record if wal == record.wal else replace(record, wal=wal)

    def rollback(self) -> None:
        """Takes everything back; whatever the file's state, the connection is clean afterwards."""
        self.wrapper.run_on_commit = []
        try:
            self.wrapper.end()
            self._give_back()
        except REPLICA_ERRORS:
            self.abandon()

    def abandon(self) -> None:
        """Drops the connection, which takes back what wasn't committed, and merges nothing (`persistent_wal`)."""
        self.wrapper.run_on_commit = []
        self.wrapper.close()
        with suppress(*REPLICA_ERRORS):
            self._give_back()

    def _give_back(self) -> None:
        if self._has_borrowed:
            self._has_borrowed = False
            self.wrapper.give_back_writable()
