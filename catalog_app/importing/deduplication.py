"""Which rows of one file are the same book: by ISBN-13 where it is known, else by title and authors.

In an export of the store the ids say it: there may be several books of one title, with an ISBN and without.
"""

import hashlib
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NoReturn

from catalog_app.importing.errors import ImportRefused, Reason, RowRejected, RowRepeated
from catalog_app.importing.rows import Row
from catalog_app.importing.temporary import temporary_database

_COMPARED = ("topic", "price", "quantity")
_TOLD = """
CREATE TABLE told (
    line INTEGER, identity BLOB NOT NULL, isbn13 TEXT, topic TEXT, price TEXT, quantity INTEGER, number TEXT
);
CREATE INDEX told_of_identity ON told (identity);
CREATE UNIQUE INDEX told_of_isbn ON told (isbn13) WHERE isbn13 IS NOT NULL;
CREATE INDEX told_of_number ON told (number) WHERE number IS NOT NULL;
"""
_SELECT = "SELECT line, identity, isbn13, topic, price, quantity FROM told"
_BY_ISBN = f"{_SELECT} WHERE isbn13 = ? ORDER BY rowid LIMIT 1"
_BY_IDENTITY = f"{_SELECT} WHERE identity = ? ORDER BY rowid LIMIT 1"
_BY_NUMBER = f"{_SELECT} WHERE number = ? AND identity = ? ORDER BY rowid LIMIT 1"
_IDENTITY_BYTES = 16


@dataclass(frozen=True, slots=True)
class _Told:
    """What the file has told of a book, and where."""

    line: int
    identity: bytes
    isbn13: str | None
    values: tuple[Any, ...]


class Identities:
    """What the file has told so far.

    Only the file decides, never the store: so an import that is repeated decides in the same way, and finds each
    book that it made. It is kept in a temporary file once it gets large.
    """

    def __init__(self) -> None:
        self._kept = temporary_database(_TOLD)

    def close(self) -> None:
        self._kept.close()

    def place(self, row: Row) -> Row:
        """The row as it goes into the store. Raises RowRepeated if it says what an earlier one has said.

        The second of two different books under one ISBN-13 goes in without it: two books can't have it, and a
        wrong number is no reason to lose a book. Raises RowRejected for a row that contradicts an earlier one of the
        same book, or that may be the same or another edition; ImportRefused if there is no room for a temporary file.
        """
        try:
            return self._place(row)
        except sqlite3.Error as error:
            raise ImportRefused(f"What the file says can't be kept in a temporary file: {error}.") from error

    def _place(self, row: Row) -> Row:
        identity = _short(row.identity)
        owner = self._first(_BY_ISBN, row.isbn13)
        if owner is not None and owner.identity == identity:
            self._refuse_again(owner, row)
        if owner is not None:
            row = replace(row, isbn13=None)  # If it is the same book as yet another, its title and authors say so.
        same_title = self._first(_BY_IDENTITY, identity)
        if row.number:
            same_title = self._first(_BY_NUMBER, row.number, identity)
        if same_title is not None and row.isbn13 is None:
            self._refuse_again(same_title, row)
        if same_title is not None and same_title.isbn13 is None:
            why = "has the same title and authors without an ISBN: the same book, or another edition?"
            raise RowRejected([Reason(f"line {same_title.line} {why}")])
        topic, price, quantity = _values(row)
        values = (
            row.line,
            identity,
            row.isbn13,
            topic,
            None if price is None else str(price),
            quantity,
            row.number or None,
        )
        self._kept.execute("INSERT INTO told VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        return row

    def _first(self, statement: str, *values: str | bytes | None) -> _Told | None:
        """The first row of the file that the statement finds; none for NULL."""
        found = self._kept.execute(statement, values).fetchone()
        if found is None:
            return None
        line, identity, isbn13, topic, price, quantity = found
        return _Told(line, identity, isbn13, (topic, None if price is None else Decimal(price), quantity))

    def _refuse_again(self, told: _Told, row: Row) -> NoReturn:
        """Raises RowRejected if the row says otherwise, else RowRepeated; a blank contradicts nothing."""
        pairs: Mapping[str, tuple[Any, Any]] = dict(
            zip(_COMPARED, zip(told.values, _values(row), strict=True), strict=True)
        )
        differing = [
            f"{name} {now} instead of {before}"
            for name, (before, now) in pairs.items()
            if None not in (before, now) and before != now
        ]
        if differing:
            raise RowRejected([Reason(f"the book of line {told.line} again, with {', '.join(differing)}")])
        raise RowRepeated(told.line)


def _values(row: Row) -> tuple[Any, ...]:
    return tuple(getattr(row, name) if name in row.said else None for name in _COMPARED)


def _short(identity: tuple[str, str]) -> bytes:
    return hashlib.blake2b(repr(identity).encode("utf-8", "surrogatepass"), digest_size=_IDENTITY_BYTES).digest()
