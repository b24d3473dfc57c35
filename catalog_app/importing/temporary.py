"""What an import remembers of a file of any length, outside of memory."""

import json
import sqlite3
from collections.abc import Iterable

CACHE_KIB = 8192


def temporary_database(tables: str) -> sqlite3.Connection:
    """A database without a name, which SQLite puts into a temporary file when it gets large.

    So a file of a million rows takes no more memory than one of ten thousand.
    https://sqlite.org/inmemorydb.html#temp_db
    """
    connection = sqlite3.connect("", isolation_level=None)
    # Nobody needs it after a crash.
    connection.executescript(f"PRAGMA journal_mode=OFF; PRAGMA cache_size=-{CACHE_KIB}; {tables} BEGIN;")
    return connection


def as_json(values: Iterable[object]) -> str:
    """For `json_each`: as many values as there are."""
    return json.dumps(list(values))
