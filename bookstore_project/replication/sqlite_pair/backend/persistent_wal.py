"""Connections whose end leaves a file and its `-wal` as they are.

SQLite merges the `-wal` into the file, and removes it, when the last connection closes: after a fault was found, that
would take away what gave it away, and leave a file that looks whole. So every connection of the store that could do
so keeps a second one beside it, which can only read, and which goes last: one that can only read merges nothing, and
beside an open one SQLite doesn't believe that another is the last.

The second one reads first. A connection whose first read fails, and that lives on in that error's traceback, doesn't
know at its end whether its file still lies at its path: it would merge by the `-shm` of another file that lies there
by then, and remove that one's `-wal` with all that is committed in it.
Source: https://sqlite.org/wal.html#ckpt, https://sqlite.org/c3ref/close.html (sqlite3_db_config offers
SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, which Python knows from 3.12 on).
"""

import sqlite3
from contextlib import suppress
from pathlib import Path

from bookstore_project import files, sqlite_files
from bookstore_project.replication.errors import ReplicaFault


class PersistentWalConnection(sqlite_files.Connection):
    """May be closed by anybody, whatever is known or suspected of its file: nothing is merged."""

    _beside: sqlite3.Connection | None = None

    def keep_wal(self, path: str, timeout_s: float) -> None:
        """From now on. Raises sqlite3.Error if the file can't be read."""
        self._beside = sqlite_files.connect(path, timeout_s=timeout_s, check_same_thread=False)
        # It takes SQLite's lock of those who are there with the first read: of this one, which needs no schema. That
        # would be a third of what both connections keep in memory.
        self._beside.execute("PRAGMA data_version").fetchone()

    def close(self) -> None:
        super().close()
        if self._beside is not None:
            self._beside.close()

    def __del__(self) -> None:
        with suppress(sqlite3.Error):  # Another thread's, that has ended.
            self.close()


def assert_openable(path: str | Path) -> None:
    """Raises OSError, or ReplicaFault for a file, or a `-journal` beside it, that SQLite would wait for: a pipe."""
    files.assert_plain(Path(path))
    journal = Path(f"{path}-journal")
    if journal.exists() and not journal.is_file():
        raise ReplicaFault("its -journal is no plain file")
