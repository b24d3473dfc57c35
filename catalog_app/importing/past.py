"""What an import has done so far, as far as the rows after it have to know."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from catalog_app.importing.errors import ImportRefused
from catalog_app.importing.exported import ExportedRows
from catalog_app.importing.temporary import as_json, temporary_database

_TABLES = """
CREATE TABLE claimed (book INTEGER PRIMARY KEY);
CREATE TABLE changed (
    book INTEGER PRIMARY KEY, isbn13 TEXT, title_key TEXT, authors_key TEXT,
    title TEXT, authors TEXT, topic TEXT, price TEXT
);
CREATE INDEX changed_by_isbn ON changed (isbn13) WHERE isbn13 IS NOT NULL;
CREATE INDEX changed_by_title ON changed (title_key);
"""
_CLAIMED = "SELECT book FROM claimed WHERE book IN (SELECT value FROM json_each(?))"
_CHANGED = """
SELECT * FROM changed WHERE book IN (SELECT value FROM json_each(?))
UNION SELECT * FROM changed WHERE isbn13 IN (SELECT value FROM json_each(?))
UNION SELECT * FROM changed WHERE title_key IN (SELECT value FROM json_each(?))
"""


@dataclass(frozen=True)
class Changed:
    """A book as rows have made it."""

    book: int
    isbn13: str | None
    identity: tuple[str, str]
    values: dict[str, Any]


@dataclass(frozen=True)
class Step:
    """What a batch adds to the past: books that its rows are or have made, and (of a preview) has changed."""

    claimed: frozenset[int] = frozenset()
    changed: tuple[Changed, ...] = ()


class Past:
    """Which books rows have turned out to be, and what a preview would have changed of them by now.

    It is kept in a temporary file once it gets large. `exported` are the rows of an export of the store, all of them.
    """

    def __init__(self, exported: ExportedRows | None = None) -> None:
        self.exported = exported
        self._kept = temporary_database(_TABLES)

    def close(self) -> None:
        self._kept.close()

    def add(self, step: Step) -> None:
        """Raises ImportRefused if there is no room for a temporary file."""
        try:
            self._kept.executemany("INSERT OR IGNORE INTO claimed VALUES (?)", ((book,) for book in step.claimed))
            self._kept.executemany(
                "REPLACE INTO changed VALUES (?, ?, ?, ?, ?, ?, ?, ?)", map(_as_stored, step.changed)
            )
        except sqlite3.Error as error:
            raise ImportRefused(f"What the import has done can't be kept in a temporary file: {error}.") from error

    def claimed_among(self, books: Iterable[int]) -> set[int]:
        return {book for (book,) in self._kept.execute(_CLAIMED, (as_json(books),))}

    def changed_among(self, books: Iterable[int], isbns: Iterable[str], titles: Iterable[str]) -> list[Changed]:
        """Changed books that are one of these, or have such an ISBN or such a title (its key) by now."""
        wanted = [as_json(each) for each in (books, isbns, titles)]
        return [_as_changed(*found) for found in self._kept.execute(_CHANGED, wanted)]


def _as_stored(changed: Changed) -> tuple[Any, ...]:
    values = changed.values
    texts = values["title"], values["authors"], values["topic"], str(values["price"])
    return changed.book, changed.isbn13, *changed.identity, *texts


def _as_changed(
    book: int, isbn13: str | None, title_key: str, authors_key: str, title: str, authors: str, topic: str, price: str
) -> Changed:
    values = {"title": title, "authors": authors, "topic": topic, "price": Decimal(price)}
    return Changed(book, isbn13, (title_key, authors_key), values)
