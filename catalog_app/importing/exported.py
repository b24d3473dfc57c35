"""The rows of an export of the store, all of them before the first is written.

Which book of the store such a row is depends on the rows after it: another one may be that book more exactly.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from catalog_app.importing.errors import ImportRefused
from catalog_app.importing.isbn import Found
from catalog_app.importing.rows import Row
from catalog_app.importing.temporary import as_json, temporary_database

_TABLES = """
CREATE TABLE told (
    line INTEGER PRIMARY KEY, number TEXT, title_key TEXT, isbn13 TEXT, title TEXT, authors TEXT,
    topic TEXT, price TEXT, quantity INTEGER, said TEXT
);
CREATE INDEX told_by_title ON told (title_key);
CREATE INDEX told_by_isbn ON told (isbn13) WHERE isbn13 IS NOT NULL;
CREATE TABLE rejected (isbn13 TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_INSERT = "INSERT INTO told VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ALL = "SELECT line, number, isbn13, title, authors, topic, price, quantity, said FROM told ORDER BY line"
_SINCE = """
SELECT line, number, isbn13, title, authors, topic, price, quantity, said FROM told
WHERE title_key IN (SELECT value FROM json_each(?)) AND line >= ? ORDER BY line
"""
_ISBNS = """
WITH asked AS (SELECT value AS isbn13 FROM json_each(?))
SELECT isbn13 FROM asked WHERE isbn13 IN (SELECT isbn13 FROM told) OR isbn13 IN (SELECT isbn13 FROM rejected)
"""


class ExportedRows:
    """Takes rows, and gives them again in the same order. In a temporary file once they are many."""

    def __init__(self) -> None:
        self._kept = temporary_database(_TABLES)

    def close(self) -> None:
        self._kept.close()

    def add(self, row: Row) -> None:
        """Raises ImportRefused if there is no room for a temporary file."""
        texts = row.title, row.authors, row.topic, str(row.price)
        values = row.line, row.number, row.identity[0], row.isbn13, *texts, row.quantity, " ".join(sorted(row.said))
        self._keep(_INSERT, values)

    def add_rejected(self, isbn13: str) -> None:
        """Of a row that can't be used: the book with this ISBN is that row's, and no other one's."""
        self._keep("INSERT OR IGNORE INTO rejected VALUES (?)", (isbn13,))

    def _keep(self, statement: str, values: Sequence[Any]) -> None:
        try:
            self._kept.execute(statement, values)
        except sqlite3.Error as error:
            raise ImportRefused(f"The rows can't be kept in a temporary file: {error}.") from error

    def __iter__(self) -> Iterator[Row]:
        return (_row(*kept) for kept in self._kept.execute(_ALL))

    def since(self, line: int, titles: Iterable[str]) -> list[Row]:
        """The rows that begin on this line or later, and have one of these titles (their keys)."""
        return [_row(*kept) for kept in self._kept.execute(_SINCE, (as_json(titles), line))]

    def isbns_among(self, isbns: Iterable[str]) -> set[str]:
        """Those that any row has, whether it can be used or not."""
        return {isbn13 for (isbn13,) in self._kept.execute(_ISBNS, (as_json(isbns),))}


def _row(
    line: int, number: str, isbn13: str | None, title: str, authors: str, topic: str, price: str, *others: Any
) -> Row:
    quantity, said = others
    return Row(
        line=line,
        number=number,
        isbn13=isbn13,
        title=title,
        authors=authors,
        topic=topic,
        price=Decimal(price),
        quantity=quantity,
        said=frozenset(said.split()),
        found=Found(isbn13),
    )
