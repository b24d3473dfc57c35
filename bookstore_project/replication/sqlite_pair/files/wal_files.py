"""The `-wal` and `-shm` beside a replica's file: that a connection still uses those that are there.

A connection keeps using a `-wal` or `-shm` that somebody removed, and the next one makes another: the file then has
two truths, and two sets of locks that know nothing of each other. Nobody but SQLite may remove them, and it does so
only when the last connection closes. So which ones a connection opened is noted, and compared before its answers
count. One process shares the `-shm` of a file between its connections, whoever opened it first: they must all agree.
Source: https://sqlite.org/walformat.html, https://sqlite.org/howtocorrupt.html#_unlinking_or_renaming_a_database_file
"""

import errno
import os
import threading
from functools import cache
from pathlib import Path
from weakref import WeakSet

from bookstore_project.replication.errors import ReplicaFault
from bookstore_project.replication.sqlite_pair.backend.base import DatabaseWrapper, identity

SUFFIXES = ("-wal", "-shm")
_ATTEMPTS = 3

_noted: "WeakSet[DatabaseWrapper]" = WeakSet()
_lock = threading.Lock()


def note(database: DatabaseWrapper) -> None:
    """Makes a connection that was just opened use its WAL files, and notes which ones those are.

    Raises ReplicaFault if they aren't there, or aren't those that another connection of this process uses.
    """
    for _ in range(_ATTEMPTS):
        before = _identities(database.path)
        database.connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
        opened = _identities(database.path)
        if None in opened:
            raise ReplicaFault("its -wal or -shm file is gone")
        if None in before or before == opened:
            break
        # The last other connection closed in between, and took its files away.
        database.close()
        database.ensure_connection()
    else:
        raise ReplicaFault("its -wal or -shm file comes and goes")
    database.wal_files = (database.file_identity, *opened)
    with _lock:
        _noted.add(database)
    assert_unchanged(database.path, database.file_identity)


def assert_own(database: DatabaseWrapper) -> None:
    """That this connection's WAL files still are those at the path; raises ReplicaFault."""
    _assert_are(database.wal_files[1:], database.path)


def assert_accessible(path: Path) -> None:
    """Raises PermissionError if another process couldn't open the file, or one of those beside it.

    This one may: SQLite uses a descriptor once more that another connection had.
    """
    for each in (path, *(path.with_name(path.name + suffix) for suffix in SUFFIXES)):
        if each.exists() and not os.access(each, os.R_OK | os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), each.name)


def assert_unchanged(path: str, file_identity: str) -> None:
    """The same of every connection that this process has open to the file; raises ReplicaFault."""
    with _lock:
        found = [noted for database in _noted if database.path == path for noted in database.all_wal_files]
    for noted in found:
        if noted and noted[0] == file_identity:
            _assert_are(noted[1:], path)


def _assert_are(noted: tuple[str | None, ...], path: str) -> None:
    if noted != _identities(path):
        raise ReplicaFault("its -wal or -shm file was removed or replaced while it was in use")


def _identities(path: str) -> tuple[str | None, ...]:
    wal, shm = _beside(path)
    try:
        # os.stat(), because a Path takes three times as long, four times a write.
        return identity(os.stat(wal)), identity(os.stat(shm))  # noqa: PTH116  (at each write; a Path's takes longer)
    except OSError:
        return _identity(wal), _identity(shm)


@cache
def _beside(path: str) -> tuple[str, str]:
    wal, shm = (path + suffix for suffix in SUFFIXES)
    return wal, shm


def _identity(path: str) -> str | None:
    try:
        return identity(Path(path).stat())
    except OSError:
        return None
