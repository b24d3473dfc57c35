"""Which book of the store each row of an export is, of those with its title and authors.

A row and a book with the same ISBN are one, and are none of these. Of the others those belong together that agree in
most, and no book is two rows.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from catalog_app.importing.rows import Row
from catalog_app.models import Book

UPDATED_FIELDS = ("title", "authors", "topic", "price")
"""What `update` may change. Never the stock: since the file was written, copies have been sold."""
_ID, _VALUES, _COPIES = "id", "values", "copies"


@dataclass(eq=False)
class KnownBook:
    """A book of the store as it is at this point of the import."""

    book: Book
    isbn13: str | None
    identity: tuple[str, str]
    values: dict[str, Any]
    is_claimed: bool = False
    """Whether a row of its title and authors has turned out to be this book: another such row isn't it, too."""

    @property
    def is_retired(self) -> bool:
        return self.book.retired


def match(rows: Sequence[Row], books: Sequence[KnownBook]) -> dict[int, KnownBook]:
    """By the line of each row its book; none for rows that are new.

    Rows that were dealt with may be left out, together with their books: the others are matched as before.
    """
    unnumbered = [row for row in rows if row.isbn13 is None]
    numbered = [row for row in rows if row.isbn13 is not None]
    without = [known for known in books if known.isbn13 is None]
    found: dict[int, KnownBook] = {}
    steps: tuple[tuple[Sequence[Row], Sequence[KnownBook], Sequence[str]], ...] = (
        # An id by itself comes late: in another store it is that of another book.
        (unnumbered, without, (_ID, _VALUES, _COPIES)),
        (unnumbered, without, (_VALUES, _COPIES)),
        (unnumbered, without, (_ID, _VALUES)),
        (unnumbered, without, (_VALUES,)),
        (unnumbered, books, (_ID,)),
        (unnumbered, without, ()),
        # Books that were made when nobody knew their ISBN, and books that have got one since.
        (numbered, without, (_ID,)),
        (numbered, without, (_VALUES,)),
        (numbered, without, ()),
        (unnumbered, books, (_VALUES,)),
        (unnumbered, books, ()),
    )
    for those, of_these, alike in steps:
        _pair(those, of_these, alike, found)
    return found


def _pair(rows: Iterable[Row], books: Iterable[KnownBook], alike: Sequence[str], found: dict[int, KnownBook]) -> None:
    """Adds rows and books to `found` that aren't there yet, and that are alike in this: the first to the first."""
    taken = set(map(id, found.values()))
    free: defaultdict[tuple[Any, ...], deque[KnownBook]] = defaultdict(deque)
    for known in books:
        if id(known) not in taken:
            values = tuple(known.values[name] for name in UPDATED_FIELDS)
            facts = {_ID: str(known.book.pk), _VALUES: values, _COPIES: known.book.quantity}
            free[tuple(facts[name] for name in alike)].append(known)
    for row in rows:
        values = tuple(getattr(row, name) for name in UPDATED_FIELDS)
        facts = {_ID: row.number, _VALUES: values, _COPIES: row.quantity}
        candidates = free[tuple(facts[name] for name in alike)] if row.line not in found else None
        if candidates:
            found[row.line] = candidates.popleft()
