"""Opening a database file that is there, by its path: none is made by it, and written only if that is asked for.

Source: https://sqlite.org/uri.html
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

MALFORMED = b"malformed database schema"
BUSY_TIMEOUT_S = 5.0
"""How long SQLite waits for another connection's lock, if nobody says otherwise: as long as Python's module does."""


def uri(path: str | Path, *, is_writable: bool = False) -> str:
    """By which SQLite opens the file, to read or to write it, and doesn't make one."""
    return f"file:{quote(str(path))}?mode={'rw' if is_writable else 'ro'}"


def as_damage(error: UnicodeDecodeError) -> Exception:
    """The sqlite3.DatabaseError in whose place Python raised that.

    SQLite's message on a damaged schema quotes what stands there, bytes among it that are no text: Python can't
    decode it.
    """
    if not error.object.startswith(MALFORMED):
        return error
    damage = sqlite3.DatabaseError(error.object.decode(errors="backslashreplace"))
    damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return damage


class Cursor(sqlite3.Cursor):
    """Says of a damaged schema that it is damaged."""

    def execute(self, *arguments: Any) -> Self:
        try:
            return super().execute(*arguments)
        except UnicodeDecodeError as error:
            raise as_damage(error) from None


class Connection(sqlite3.Connection):
    """The same."""

    def cursor(self, factory: Any = Cursor) -> Any:
        return super().cursor(factory)

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        try:
            return super().execute(*arguments)
        except UnicodeDecodeError as error:
            raise as_damage(error) from None


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
        factory=Connection,
    )


@contextmanager
def opened(
    path: str | Path, *, is_writable: bool = False, timeout_s: float = BUSY_TIMEOUT_S
) -> Iterator[sqlite3.Connection]:
    """The same for a block."""
    with closing(connect(path, is_writable=is_writable, timeout_s=timeout_s)) as connection:
        yield connection
