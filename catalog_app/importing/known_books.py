"""What an import would do, row by row: which book of the store a row is about, and what changes of it.

The import decides and writes, the preview decides alone, both by this.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from catalog_app.importing.rows import Row, identity_of
from catalog_app.models import Book

UPDATED_FIELDS = ("title", "authors", "topic", "price")
"""What `update` may change. Never the stock: since the file was written, copies have been sold."""


@dataclass(eq=False)
class KnownBook:
    """A book as it is at this point of the import; `book` is None for one that the import makes."""

    book: Book | None
    isbn13: str | None
    identity: tuple[str, str]
    values: dict[str, Any]
    is_renamed: bool = False
    """Whether the import has changed its title or authors: the store finds it by other ones."""

    @property
    def is_retired(self) -> bool:
        return self.book is not None and self.book.retired


@dataclass(frozen=True)
class Decision:
    """What becomes of a row: a new book if `known` is None; else `changes` of that, or none."""

    row: Row
    known: KnownBook | None
    changes: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)

    @property
    def description(self) -> str:
        """Such as `price 9.90 → 8.50`."""
        return ", ".join(f"{name} {self.before[name] or '-'} → {value}" for name, value in self.changes.items())


class KnownBooks:
    """The books that rows may be about. `claimed` are those without ISBN that an earlier row has turned out to be."""

    def __init__(self, claimed: Iterable[int] = ()) -> None:
        self.claimed = set(claimed)
        self._by_pk: dict[int, KnownBook] = {}
        self._of_batch: list[KnownBook] = []
        self._by_isbn: dict[str, KnownBook] = {}
        self._by_identity: dict[tuple[str, str], list[KnownBook]] = {}

    def load(self, rows: Sequence[Row]) -> None:
        """Looks up the books that these rows may be about. What the import has changed of them meanwhile stays."""
        numbers = {row.isbn13 for row in rows if row.isbn13 is not None}
        titles = {row.identity[0] for row in rows}
        found = [*Book.objects.filter(isbn13__in=numbers), *Book.objects.filter(title_key__in=titles)]
        for book in sorted(found, key=lambda book: (book.retired, book.pk)):
            if book.pk not in self._by_pk:
                values = {name: getattr(book, name) for name in UPDATED_FIELDS}
                known = KnownBook(book, book.isbn13, (book.title_key, book.authors_key), values)
                self._by_pk[book.pk] = known
                self._add(known)

    def forget_batch(self) -> None:
        """Before the next rows are loaded: of what these were about, only renamed books stay in memory.

        The next rows find the others by themselves, as the store has them. New ones are no other row's: no two rows
        of a file have the same ISBN-13, or the same title and authors without one (`deduplication`).
        """
        for known in self._of_batch:
            if known.is_renamed:
                continue
            if known.book is not None:
                del self._by_pk[known.book.pk]
            if known.isbn13 is not None and self._by_isbn.get(known.isbn13) is known:
                del self._by_isbn[known.isbn13]
            self._by_identity[known.identity].remove(known)
            if not self._by_identity[known.identity]:
                del self._by_identity[known.identity]
        self._of_batch.clear()

    def decide(self, row: Row, *, update: bool) -> Decision:
        """Of a row whose books are loaded; what it decides counts for the rows after it.

        A retired book counts: it was taken out of the shop on purpose, and an import doesn't put it back.
        """
        known = self._find(row)
        if known is None:
            self._add(KnownBook(None, row.isbn13, row.identity, {}))
            return Decision(row, None)
        if not update or known.is_retired:
            return Decision(row, known)
        changes = _differences(known, row)
        if known.isbn13 is None and row.isbn13 is not None:
            changes["isbn13"] = row.isbn13
        before = {name: known.values.get(name) for name in changes}
        if changes:
            self._change(known, changes, row)
        return Decision(row, known, changes, before)

    def _find(self, row: Row) -> KnownBook | None:
        """Of several rather one that is as the row says (so that an export changes nothing), rather one on sale."""
        same_title = self._by_identity.get(row.identity, [])
        nameless = [known for known in same_title if known.isbn13 is None]
        if row.isbn13 is None:
            return min(
                same_title,
                key=lambda known: (bool(_differences(known, row)), known.is_retired, known.isbn13 is not None),
                default=None,
            )
        if row.isbn13 in self._by_isbn:
            return self._by_isbn[row.isbn13]
        for known in nameless:
            # It was made when nobody knew the number. Another edition in the file isn't it, too.
            if known.book is not None and known.book.pk not in self.claimed:
                self.claimed.add(known.book.pk)
                return known
        return None

    def _add(self, known: KnownBook) -> None:
        self._of_batch.append(known)
        self._put(known)

    def _put(self, known: KnownBook) -> None:
        if known.isbn13 is not None:
            self._by_isbn.setdefault(known.isbn13, known)
        self._by_identity.setdefault(known.identity, []).append(known)

    def _change(self, known: KnownBook, changes: Mapping[str, Any], row: Row) -> None:
        self._by_identity[known.identity].remove(known)
        known.is_renamed |= "title" in changes or "authors" in changes
        known.values.update(changes)
        known.isbn13 = changes.get("isbn13", known.isbn13)
        if known.is_renamed:
            known.identity = identity_of(known.values["title"], known.values["authors"])
        self._put(known)


def _differences(known: KnownBook, row: Row) -> dict[str, Any]:
    """What the row says otherwise, of what an update sets."""
    said = {name: getattr(row, name) for name in UPDATED_FIELDS if name in row.said}
    return {name: value for name, value in said.items() if known.values.get(name, value) != value}
