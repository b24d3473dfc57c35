"""What an import would do, row by row: which book of the store a row is about, and what changes of it.

The import decides and writes, the preview decides alone, both by this.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from catalog_app.importing.exported import ExportedRows
from catalog_app.importing.matching import UPDATED_FIELDS, KnownBook, match
from catalog_app.importing.past import Changed, Past, Step
from catalog_app.importing.rows import Row, identity_of
from catalog_app.models import Book


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
    """The books that rows of a batch may be about, as the store has them and as the batches before have left them.

    A book that the import makes is none of them: no other row is about it. No two rows of a file have the same
    ISBN-13, or the same title and authors without one, unless the file says that they are two (`deduplication`).
    """

    def __init__(self, past: Past) -> None:
        self._past = past
        self._books: list[KnownBook] = []
        self._changed: dict[int, KnownBook] = {}
        self._by_isbn: dict[str, KnownBook] = {}
        self._by_identity: dict[tuple[str, str], list[KnownBook]] = {}
        self._matched: dict[int, KnownBook] | None = None
        """Of an export: by the lines of rows without a book of their ISBN."""

    def load(self, rows: Sequence[Row]) -> None:
        """Looks up the books that these rows may be about. Once."""
        numbers = {row.isbn13 for row in rows if row.isbn13 is not None}
        titles = {row.identity[0] for row in rows}
        found = {
            book.pk: book
            for books in (Book.objects.filter(isbn13__in=numbers), Book.objects.filter(title_key__in=titles))
            for book in books
        }
        changed = {each.book: each for each in self._past.changed_among(found, numbers, titles)}
        found |= Book.objects.in_bulk(changed.keys() - found.keys())
        claimed = self._past.claimed_among(found)
        for book in sorted(found.values(), key=lambda book: (book.retired, book.pk)):
            now = changed.get(book.pk) or _as_it_is(book)
            self._add(KnownBook(book, now.isbn13, now.identity, now.values, is_claimed=book.pk in claimed))
        if self._past.exported is not None and rows:
            self._matched = self._match(self._past.exported, rows)

    def step(self) -> Step:
        """What the rows after this batch have to know."""
        claimed = frozenset(known.book.pk for known in self._books if known.is_claimed)
        changed = (Changed(pk, known.isbn13, known.identity, known.values) for pk, known in self._changed.items())
        return Step(claimed, tuple(changed))

    def decide(self, row: Row, *, update: bool) -> Decision:
        """Of a row whose books are loaded; what it decides counts for the rows after it.

        A retired book counts: it was taken out of the shop on purpose, and an import doesn't put it back.
        """
        known = self._find(row)
        if known is None:
            return Decision(row, None)
        decision = self._update(known, row) if update and not known.is_retired else Decision(row, known)
        known.is_claimed |= known.identity == row.identity
        return decision

    def _find(self, row: Row) -> KnownBook | None:
        """Of several rather one that is as the row says (so that an export changes nothing), rather one on sale."""
        if row.isbn13 is not None and row.isbn13 in self._by_isbn:
            return self._by_isbn[row.isbn13]
        if self._matched is not None:
            return self._matched.get(row.line)
        free = [known for known in self._by_identity.get(row.identity, []) if not known.is_claimed]
        if row.isbn13 is not None:
            # One that was made when nobody knew the number.
            return next((known for known in free if known.isbn13 is None), None)
        return min(
            free,
            key=lambda known: (bool(_differences(known, row)), known.is_retired, known.isbn13 is not None),
            default=None,
        )

    def _match(self, exported: ExportedRows, rows: Sequence[Row]) -> dict[int, KnownBook]:
        """Of these rows and all after them, one of which may be a book more exactly than one of these."""
        named = exported.isbns_among(self._by_isbn)
        together: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
        wanted = self._by_identity.keys() & {row.identity for row in rows}
        for row in exported.since(rows[0].line, {title_key for title_key, _ in wanted}):
            if row.isbn13 is None or row.isbn13 not in self._by_isbn:
                together[row.identity].append(row)
        matched: dict[int, KnownBook] = {}
        for identity in wanted:
            free = [
                known for known in self._by_identity[identity] if not known.is_claimed and known.isbn13 not in named
            ]
            matched |= match(together[identity], free)
        return matched

    def _update(self, known: KnownBook, row: Row) -> Decision:
        changes = _differences(known, row)
        if known.isbn13 is None and row.isbn13 is not None:
            changes["isbn13"] = row.isbn13
        before = {name: known.values.get(name) for name in changes}
        if changes:
            self._change(known, changes)
        return Decision(row, known, changes, before)

    def _add(self, known: KnownBook) -> None:
        self._books.append(known)
        self._put(known)

    def _put(self, known: KnownBook) -> None:
        if known.isbn13 is not None:
            self._by_isbn.setdefault(known.isbn13, known)
        self._by_identity.setdefault(known.identity, []).append(known)

    def _change(self, known: KnownBook, changes: Mapping[str, Any]) -> None:
        self._by_identity[known.identity].remove(known)
        known.values |= {name: value for name, value in changes.items() if name in UPDATED_FIELDS}
        known.isbn13 = changes.get("isbn13", known.isbn13)
        if "title" in changes or "authors" in changes:
            known.identity = identity_of(known.values["title"], known.values["authors"])
        self._changed[known.book.pk] = known
        self._put(known)


def _as_it_is(book: Book) -> Changed:
    values = {name: getattr(book, name) for name in UPDATED_FIELDS}
    return Changed(book.pk, book.isbn13, (book.title_key, book.authors_key), values)


def _differences(known: KnownBook, row: Row) -> dict[str, Any]:
    """What the row says otherwise, of what an update sets."""
    said = {name: getattr(row, name) for name in UPDATED_FIELDS if name in row.said}
    return {name: value for name, value in said.items() if known.values.get(name, value) != value}
