"""The connections that can write: a process keeps one to each file, and lends it to the thread that writes.

One thread of a service writes at a time, under the writer lock, and any may be the next. A connection of its own for
each would cost every thread the pages, the schema and the compiled statements of both files.
"""

import sqlite3
import threading
from dataclasses import dataclass

from bookstore_project.replication.sqlite_pair.backend.authorizer import Authorizer

WalFiles = tuple[str | None, ...]


@dataclass(frozen=True)
class Held:
    """A connection that is not in use, and what is known of it; `connection` is None if there is none."""

    connection: sqlite3.Connection | None = None
    file_identity: str = ""
    wal_files: WalFiles = ()
    authorizer: Authorizer | None = None

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()


NONE = Held()
_idle: dict[str, Held] = {}
_lock = threading.Lock()


def borrow(path: str) -> Held:
    """The connection to the file at that path, the borrower's alone until it is given back; NONE if none is idle."""
    with _lock:
        return _idle.pop(path, NONE)


def give_back(path: str, held: Held) -> None:
    """A second one of the same file is closed: somebody else wrote meanwhile, outside of the lock."""
    if held.connection is not None:
        with _lock:
            is_kept = _idle.setdefault(path, held) is held
        if not is_kept:
            held.close()


def close_idle(path: str) -> None:
    borrow(path).close()


def idle(path: str) -> Held:
    """What nobody uses now, without borrowing it."""
    return _idle.get(path, NONE)
