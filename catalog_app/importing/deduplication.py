"""Which rows of one file are the same book: by ISBN-13 where it is known, else by title and authors."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from catalog_app.importing.errors import Reason, RowRejected, RowRepeated
from catalog_app.importing.rows import Row

_COMPARED = ("topic", "price", "quantity")


@dataclass(frozen=True, slots=True)
class _Told:
    """What the file has told of a book, and where."""

    line: int
    identity: tuple[str, str]
    isbn13: str | None
    values: tuple[Any, ...]


class Identities:
    """What the file has told so far.

    Only the file decides, never the store: so an import that is repeated decides in the same way, and finds each
    book that it made. Rows of the store's own export contradict nothing: they are books that are there.
    """

    def __init__(self, *, is_export: bool = False) -> None:
        self._is_export = is_export
        self._by_isbn: dict[str, _Told] = {}
        self._by_title: dict[tuple[str, str], _Told] = {}

    def place(self, row: Row) -> Row:
        """The row as it goes into the store. Raises RowRepeated if it says what an earlier one has said.

        The second of two different books under one ISBN-13 goes in without it: two books can't have it, and a
        wrong number is no reason to lose a book. Raises RowRejected for a row that contradicts an earlier one of the
        same book, or that may be the same or another edition.
        """
        identity = row.identity
        owner = self._by_isbn.get(row.isbn13) if row.isbn13 is not None else None
        if owner is not None and owner.identity == identity:
            self._refuse_again(owner, row)
        if owner is not None:
            row = replace(row, isbn13=None)  # If it is the same book as yet another, its title and authors say so.
        same_title = self._by_title.get(identity)
        if same_title is not None and row.isbn13 is None:
            self._refuse_again(same_title, row)
        if same_title is not None and same_title.isbn13 is None and not self._is_export:
            why = "has the same title and authors without an ISBN: the same book, or another edition?"
            raise RowRejected([Reason(f"line {same_title.line} {why}")])
        told = _Told(row.line, identity, row.isbn13, _values(row))
        if row.isbn13 is not None:
            self._by_isbn[row.isbn13] = told
        self._by_title.setdefault(identity, told)
        return row

    def _refuse_again(self, told: _Told, row: Row) -> NoReturn:
        """Raises RowRejected if the row says otherwise, else RowRepeated; a blank contradicts nothing."""
        if self._is_export:
            raise RowRepeated(told.line)
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
