"""Opening a database file that is there, by its path: none is made by it, and written only if that is asked for.

Source: https://sqlite.org/uri.html
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

BUSY_TIMEOUT_S = 5.0
"""How long SQLite waits for another connection's lock, if nobody says otherwise: as long as Python's module does."""


def uri(path: str | Path, *, is_writable: bool = False) -> str:
    """By which SQLite opens the file, to read or to write it, and doesn't make one."""
    return f"file:{quote(str(path))}?mode={'rw' if is_writable else 'ro'}"


def connect(
    path: str | Path,
    *,
    is_writable: bool = False,
    timeout_s: float = BUSY_TIMEOUT_S,
    check_same_thread: bool = True,
) -> sqlite3.Connection:
    """A connection that begins no transaction by itself. Raises sqlite3.Error if there is no file."""
    return sqlite3.connect(
        uri(path, is_writable=is_writable),
        uri=True,
        timeout=timeout_s,
        isolation_level=None,
        check_same_thread=check_same_thread,
    )


@contextmanager
def opened(
    path: str | Path, *, is_writable: bool = False, timeout_s: float = BUSY_TIMEOUT_S
) -> Iterator[sqlite3.Connection]:
    """The same for a block."""
    with closing(connect(path, is_writable=is_writable, timeout_s=timeout_s)) as connection:
        yield connection
