"""ENGINE = "bookstore_project.replication.sqlite_pair.backend"."""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.sqlite3 import base
from django.db.utils import DatabaseError
from django.utils.asyncio import async_unsafe

from bookstore_project import files, sqlite_files
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import HOW_TO_WRITE, WriteRefused
from bookstore_project.replication.sqlite_pair.backend import lending
from bookstore_project.replication.sqlite_pair.backend.authorizer import NOT_REPLICATED, Authorizer
from bookstore_project.replication.sqlite_pair.backend.persistent_wal import PersistentWalConnection, assert_openable

PRAGMAS = (
    # NORMAL would lose acknowledged writes in a power cut: https://sqlite.org/pragma.html#pragma_synchronous
    "PRAGMA synchronous=FULL",
    # Otherwise REPLACE deletes rows unseen by the delete triggers.
    "PRAGMA recursive_triggers=ON",
    # A WAL that a long reader made grow is cut back when it begins anew.
    f"PRAGMA journal_size_limit={16 << 20}",
    # Checkpoints are announced in the witness: see `file_identity`.
    "PRAGMA wal_autocheckpoint=0",
)
READ_CACHE_KIB = 512
"""Of pages that a connection for reading remembers: each thread has one, and the system has the file in memory."""


class Cursor(base.SQLiteCursorWrapper):
    """Django's cursor, without what would end the transaction that it is used in."""

    def execute(self, query: Any, params: Any = None) -> Any:
        try:
            return super().execute(query, params)
        except UnicodeDecodeError as error:
            raise sqlite_files.as_damage(error) from None

    def executescript(self, script: str) -> "Cursor":
        """Outside of a transaction only: it begins with a COMMIT. Raises WriteRefused."""
        if self.connection.in_transaction:
            raise WriteRefused(
                "executescript() commits what the transaction has done so far, on one file alone. Execute its "
                "statements one by one."
            )
        super().executescript(script)
        return self


class DatabaseWrapper(base.DatabaseWrapper):
    """Opens the file at a plain path if it exists, and refuses writes outside the replication protocol.

    `borrow_writable()` opens the door for the protocol, `unguarded()` for making and migrating a file. There are two
    connections, one that can only read, the thread's own, and one that can write, which the process lends it: PRAGMA
    query_only on a single one would make SQLite compile every statement anew, each time it is set.
    """

    file_identity: str = ""
    """Device and inode of the file that is open."""
    wal_files: lending.WalFiles = ()
    """The same, and that of its -wal and -shm; empty until that is noted."""
    _parked = lending.NONE
    """The connection for reading, while the other one is in use."""
    _authorizer: Authorizer | None = None
    """Of the connection in use."""
    _writing = False
    _unguarded = False
    _restrictions = 0
    """More than none while somebody else's code runs, in a transaction of the protocol's."""
    _other_path: Path | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute_wrappers.append(self._explain_refusal)

    @property
    def service(self) -> str:
        """`catalog-2` belongs to `catalog`."""
        return replication_settings.service_of_alias[self.alias]

    @property
    def path(self) -> str:
        return str(self._other_path or self.settings_dict["NAME"])

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        if not self.path.startswith("file:"):
            params["database"] = sqlite_files.uri(self.path, is_writable=True)
            params["factory"] = PersistentWalConnection
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        if not self.path.startswith("file:"):
            if self._unguarded:
                files.make_file(Path(self.path))
            elif Path(self.path).exists():
                assert_openable(self.path)
        connection: sqlite3.Connection = super().get_new_connection(conn_params)
        try:
            self._prepare(connection, conn_params["timeout"])
        except BaseException:
            connection.close()
            raise
        self.file_identity = identity_of(self.path)
        self.wal_files = ()
        return connection

    def _prepare(self, connection: sqlite3.Connection, timeout_s: float) -> None:
        if self._unguarded:
            connection.execute("PRAGMA journal_mode=WAL")
        # Before the first read, which may fail: see `persistent_wal`.
        if isinstance(connection, PersistentWalConnection) and self._other_path is None:
            connection.keep_wal(self.path, timeout_s)
        for pragma in PRAGMAS:
            connection.execute(pragma)
        connection.execute(f"PRAGMA query_only={'OFF' if self._unguarded or self._writing else 'ON'}")
        if not self._unguarded:
            if not self._writing:
                connection.execute(f"PRAGMA cache_size=-{READ_CACHE_KIB}")
            self._authorize(connection)

    def _authorize(self, connection: sqlite3.Connection) -> None:
        self._authorizer = Authorizer(is_writer=self._writing, is_restricted=self._has_restricted)
        connection.set_authorizer(self._authorizer)

    def create_cursor(self, name: Any = None) -> Cursor:
        cursor: Cursor = self.connection.cursor(factory=Cursor)
        return cursor

    @contextmanager
    def restricted(self) -> Iterator[None]:
        """Runs somebody else's code: it may do nothing to the transaction, the settings or the schema."""
        self.begin_restriction()
        try:
            yield
        finally:
            self.end_restriction()

    def begin_restriction(self) -> None:
        """The beginning of `restricted`; raises sqlite3.Error, and restricts nothing then."""
        authorizer = self._authorizer
        if authorizer is not None and authorizer.tables is None and self.connection is not None:
            names = self.connection.execute("SELECT lower(name) FROM sqlite_master WHERE type = 'table'")
            authorizer.tables = frozenset(name for (name,) in names)
        self._restrictions += 1

    def end_restriction(self) -> None:
        self._restrictions -= 1

    def connect_now(self) -> sqlite3.Connection:
        """The connection below Django's, opened if it isn't."""
        self.ensure_connection()
        connection: sqlite3.Connection = self.connection
        return connection

    def forget_pages(self) -> None:
        """Has the next transaction read from the file what this connection remembers of it, damage included."""
        if self.connection is not None:
            self.connection.execute("PRAGMA shrink_memory")

    def borrow_writable(self) -> None:
        """Puts the connection that can write in use, for one transaction of the protocol.

        It may be None: nobody has opened it yet.
        """
        self._parked = self._use(lending.borrow(self.path))
        self._writing = True
        if self._authorizer is not None:
            self._authorizer.is_restricted = self._has_restricted  # Another thread's was asked before.

    def give_back_writable(self) -> None:
        """The process may lend it to others; the one for reading is in use again."""
        self._writing = False
        written, self._parked = self._use(self._parked), lending.NONE
        lending.give_back(self.path, written)

    def _use(self, held: lending.Held) -> lending.Held:
        """Puts a connection in use, in the place of another one, which is given back."""
        before = lending.Held(self.connection, self.file_identity, self.wal_files, self._authorizer)
        self.connection, self.file_identity = held.connection, held.file_identity
        self.wal_files, self._authorizer = held.wal_files, held.authorizer
        return before

    def _has_restricted(self) -> bool:
        return self._restrictions > 0

    # Plain SQL where Django has a method of its own: these stand in the way of every read and write.

    def begin(self, mode: str = "DEFERRED") -> None:
        """Begins a transaction, in which atomic blocks are savepoints; `IMMEDIATE` takes SQLite's write lock."""
        self.connection.execute(f"BEGIN {mode}")
        self.autocommit = False

    def end(self, *, committed: bool = False) -> None:
        """Commits, or takes everything back; raises sqlite3.Error. A closed connection has nothing to end."""
        if self.connection is not None:
            if committed:
                self.connection.commit()
            else:
                self.connection.rollback()
        self.autocommit, self.needs_rollback = True, False

    @property
    def all_wal_files(self) -> tuple[lending.WalFiles, ...]:
        """Those of both connections, and of the one that nobody uses; may be asked by another thread."""
        return self.wal_files, self._parked.wal_files, lending.idle(self.path).wal_files

    @async_unsafe
    def close(self) -> None:
        """Closes both connections, and the one to the same file that nobody uses."""
        parked, self._parked, self.wal_files = self._parked, lending.NONE, ()
        parked.close()
        lending.close_idle(self.path)
        super().close()

    @contextmanager
    def unguarded(self, path: Path | None = None) -> Iterator[None]:
        """Makes the file if it is missing, and lets anything write: for setup and migrations only.

        With `path`, this thread's connection is to that file meanwhile.
        """
        self.close()
        self._unguarded, self._other_path = True, path
        try:
            yield
        finally:
            self.close()
            self._unguarded, self._other_path = False, None

    def run(self, statement: str, values: Sequence[Any]) -> Any:
        """A cursor that has executed a statement with `%s` for each value, as Django's would, in a fifth of its time.

        Raises what that raises. If somebody wants to know of the queries, or to have a say, Django's it is.
        """
        if self.queries_logged or len(self.execute_wrappers) > 1:
            cursor = self.cursor()
            cursor.execute(statement, values)
            return cursor
        self.validate_no_broken_transaction()
        try:
            return (self.connection or self.connect_now()).execute(_as_sqlite_has_it(statement), values)
        except sqlite3.Error as error:
            return self._explain_refusal(partial(self._raise, error), statement, values, False, {})

    def _raise(self, error: sqlite3.Error, *executed: Any) -> None:
        with self.wrap_database_errors:
            raise error

    def _explain_refusal(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        try:
            return execute(sql, params, many, context)
        except DatabaseError as error:
            code = getattr(error.__cause__, "sqlite_errorcode", 0)
            if code == sqlite3.SQLITE_AUTH and not self._unguarded:
                raise self.refusal() from error
            if self._restrictions and "cannot VACUUM" in str(error):  # Before the authorizer is asked.
                raise WriteRefused(NOT_REPLICATED.format(what="VACUUM")) from error
            if code == sqlite3.SQLITE_READONLY and not self._writing and not self._unguarded:
                raise WriteRefused(
                    f"{self.alias} is written outside a replicated transaction. "
                    + HOW_TO_WRITE.format(service=self.service)
                ) from error
            raise

    def refusal(self) -> WriteRefused:
        """Why SQLite wasn't allowed to do the last thing that it was asked for."""
        assert self._authorizer is not None, "it has refused something"
        return WriteRefused(self._authorizer.reason)


@cache
def _as_sqlite_has_it(statement: str) -> str:
    return statement.replace("%s", "?")


def run(connection: BaseDatabaseWrapper, statement: str, values: Sequence[Any]) -> Any:
    """See `interface.Engine.run`."""
    assert isinstance(connection, DatabaseWrapper)
    return connection.run(statement, values)


def identity_of(path: str) -> str:
    """Device and inode of the file at the path; raises OSError if there is none."""
    if path.startswith("file:"):
        return path
    return identity(Path(path).stat())


def identity(status: os.stat_result) -> str:
    return f"{status.st_dev}:{status.st_ino}"


def wrapper(alias: str) -> DatabaseWrapper:
    """This thread's connection to a replica's database."""
    connection = connections[alias]
    assert isinstance(connection, DatabaseWrapper)
    return connection
