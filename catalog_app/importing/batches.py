"""Batches of rows into the catalog: each is one replicated transaction, whole or not at all."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.utils import timezone

from bookstore_project.replication.errors import OutcomeUnknown, Unavailable
from bookstore_project.replication.transaction import run
from bookstore_project.settings import topology
from catalog_app.importing.rows import Row
from catalog_app.models import Book, LedgerEntry
from catalog_app.services import edit_book

ACTOR = "import"
PATIENCE_S = 60.0
"""How long a batch is tried again while the store can't take it: a replica is being restarted or repaired."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
UPDATED_FIELDS = ("title", "authors", "topic", "price")
"""What `update` may change. Never the stock: since the file was written, copies have been sold."""


@dataclass(frozen=True)
class Outcome:
    """What became of a batch, in books."""

    imported: int = 0
    updated: int = 0
    present: int = 0


@dataclass(frozen=True)
class Patience:
    """How to wait for a store that can't take a batch just now: whom to tell, how to pause, which clock."""

    tell: Callable[[str], None]
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    limit_s: float | None = None


def write_batch(rows: Sequence[Row], *, update: bool, patience: Patience, actor: str = ACTOR) -> Outcome:
    """Imports the rows that aren't in the catalog yet; with `update`, changes those that are.

    Tries again for PATIENCE_S seconds (or what `patience` says) if the store can't take it or can't say whether it
    did, which is safe because the rows that got in are found then (and count as present). Raises Unavailable or
    OutcomeUnknown after that.
    """
    deadline = patience.clock() + (PATIENCE_S if patience.limit_s is None else patience.limit_s)
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            return run(topology.CATALOG, partial(_apply, rows, update, actor)).value
        except (Unavailable, OutcomeUnknown) as error:
            if patience.clock() >= deadline:
                raise
            patience.tell(f"{error.detail} Trying the batch again in {pause_s:g} s.")
        patience.pause(pause_s)
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


def _apply(rows: Sequence[Row], update: bool, actor: str) -> Outcome:
    """Within a transaction."""
    known = _known_books(rows)
    updated = sum(_update(known[row.line], row, actor) for row in rows if row.line in known) if update else 0
    new = [row for row in rows if row.line not in known]
    _add_books(new, actor)
    return Outcome(imported=len(new), updated=updated, present=len(known) - updated)


def _known_books(rows: Sequence[Row]) -> Mapping[int, Book]:
    """The book that each row is about, by the row's line, where there is one.

    A retired book counts: it was taken out of the shop on purpose, and an import doesn't put it back.
    """
    numbers = {row.isbn13 for row in rows if row.isbn13 is not None}
    titles = {row.title_and_authors[0] for row in rows if row.isbn13 is None}
    candidates: dict[object, list[Book]] = defaultdict(list)
    for book in Book.objects.filter(isbn13__in=numbers):
        candidates[book.isbn13].append(book)
    for book in Book.objects.filter(title_key__in=titles):
        candidates[book.title_key, book.authors_key].append(book)
    found = {row.line: (candidates[row.isbn13 or row.title_and_authors], row) for row in rows}
    return {line: _likeliest(books, row) for line, (books, row) in found.items() if books}


def _likeliest(books: Iterable[Book], row: Row) -> Book:
    """Of several that are the same book: rather the one that is as the row says (so that the catalog's own export
    changes nothing), rather one on sale, rather without ISBN, rather the first."""
    return max(books, key=lambda book: (not _differences(book, row), not book.retired, book.isbn13 is None, -book.pk))


def _differences(book: Book, row: Row) -> dict[str, Any]:
    """What the row says otherwise, of what an update sets."""
    said = {name: getattr(row, name) for name in UPDATED_FIELDS if name in row.said}
    return {name: value for name, value in said.items() if getattr(book, name) != value}


def _update(book: Book, row: Row, actor: str) -> bool:
    """Sets what the row says; whether that changed anything."""
    changed = {} if book.retired else _differences(book, row)
    if changed:
        edit_book(book, changed, actor)
    return bool(changed)


def _add_books(rows: Sequence[Row], actor: str) -> None:
    """New books, each with the ledger row that explains its first copies."""
    now = timezone.now()
    books = Book.objects.bulk_create(
        Book(
            title=row.title,
            authors=row.authors,
            isbn13=row.isbn13,
            topic=row.topic,
            price=row.price,
            quantity=row.quantity,
        )
        for row in rows
    )
    LedgerEntry.objects.bulk_create(
        LedgerEntry(
            book=book,
            kind=LedgerEntry.Kind.INITIAL,
            change=book.quantity,
            balance=book.quantity,
            title=book.title,
            unit_price=book.price,
            actor=actor,
            created_at=now,
        )
        for book in books
    )
