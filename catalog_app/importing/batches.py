"""Batches of rows into the catalog: each is one replicated transaction, whole or not at all."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, Protocol, TypeVar

from django.utils import timezone

from bookstore_project.clock import Clock
from bookstore_project.replication import origin, rows
from bookstore_project.replication.errors import OutcomeUnknown, Unavailable
from bookstore_project.replication.transaction import run
from bookstore_project.settings import topology
from catalog_app.importing.known_books import Decision, KnownBooks
from catalog_app.importing.past import Past, Step
from catalog_app.importing.rows import HAVE_DEFAULTS, Row
from catalog_app.models import Book, LedgerEntry
from catalog_app.services import edit_book

T = TypeVar("T")

ACTOR = "import"
"""Who did it, in the ledger, if nobody is named: the history has the account that ran the command."""
PATIENCE_S = 60.0
"""How long a batch is tried again while the store can't take it: a replica is being restarted or repaired."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0


@dataclass(frozen=True)
class Outcome:
    """What became of a batch, in books."""

    imported: int = 0
    updated: int = 0
    present: int = 0
    by_default: Counter[str] = field(default_factory=Counter)
    """Of the new books, for topic, price and quantity, those that the file says none for."""
    step: Step = field(default_factory=Step)
    """What the batches after it have to know."""

    @classmethod
    def of(cls, decisions: Sequence[Decision], step: Step) -> "Outcome":
        added = [decision.row for decision in decisions if decision.known is None]
        updated = sum(bool(decision.changes) for decision in decisions)
        by_default = Counter(name for row in added for name in HAVE_DEFAULTS - row.said)
        return cls(len(added), updated, len(decisions) - len(added) - updated, by_default, step)


@dataclass(frozen=True)
class Patience:
    """How to wait for a store that can't take a batch just now: whom to tell, how to pause, which clock."""

    tell: Callable[[str], None]
    pause: Callable[[float], None] = time.sleep
    clock: Clock = time.monotonic
    limit_s: float | None = None


def write_batch(batch: Sequence[Row], past: Past, *, update: bool, patience: Patience, actor: str = ACTOR) -> Outcome:
    """Imports the rows that aren't in the catalog yet; with `update`, changes those that are.

    Tries again for PATIENCE_S seconds (or what `patience` says) if the store can't take it or can't say whether it
    did, which is safe because the rows that got in are found then (and count as present). Raises Unavailable or
    OutcomeUnknown after that.
    """

    def write() -> Outcome:
        with origin.made_by(None if actor == ACTOR else actor, way=origin.IMPORT):
            return run(topology.CATALOG, partial(_apply, batch, past, update, actor)).value

    return with_patience(write, patience)


def with_patience(write: Callable[[], T], patience: Patience) -> T:
    """What `write` gives; tried again while the store can't take it, or can't say whether it did.

    So `write` does no harm a second time. Raises Unavailable or OutcomeUnknown when patience has ended.
    """
    deadline = patience.clock() + (PATIENCE_S if patience.limit_s is None else patience.limit_s)
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            return write()
        except (Unavailable, OutcomeUnknown) as error:
            if patience.clock() >= deadline:
                raise
            patience.tell(f"{error.detail} Trying the batch again in {pause_s:g} s.")
        patience.pause(pause_s)
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


def _apply(batch: Sequence[Row], past: Past, update: bool, actor: str) -> Outcome:
    """Within a transaction."""
    known_books = KnownBooks(past)
    known_books.load(batch)
    decisions = [known_books.decide(row, update=update) for row in batch]
    for book, changes in _together(decisions):
        edit_book(book, changes, actor)
    made = add_books([decision.row for decision in decisions if decision.known is None], actor)
    # Those it has made have been found by their rows, too. What it has changed, the store has.
    return Outcome.of(decisions, Step(known_books.step().claimed | made))


def _together(decisions: Sequence[Decision]) -> Iterable[tuple[Book, dict[str, Any]]]:
    """The changes of each book: two rows may be about one, and a transaction gives it one version."""
    changes: dict[int, tuple[Book, dict[str, Any]]] = {}
    for decision in decisions:
        if decision.changes and (known := decision.known) is not None:
            changes.setdefault(known.book.pk, (known.book, {}))[1].update(decision.changes)
    return changes.values()


class NewBook(Protocol):
    """Fields of a book that is to be added."""

    @property
    def title(self) -> str: ...
    @property
    def authors(self) -> str: ...
    @property
    def isbn13(self) -> str | None: ...
    @property
    def topic(self) -> str: ...
    @property
    def price(self) -> Decimal: ...
    @property
    def quantity(self) -> int: ...


def add_books(new: Iterable[NewBook], actor: str) -> frozenset[int]:
    """Within a transaction: new books, each with the ledger row that explains its first copies. Gives their ids."""
    now = timezone.now()
    books = [
        Book(
            title=row.title,
            authors=row.authors,
            isbn13=row.isbn13,
            topic=row.topic,
            price=row.price,
            quantity=row.quantity,
        )
        for row in new
    ]
    rows.insert_all(books, numbered=True)
    rows.insert_all([_first_copies(book, actor, now) for book in books])
    return frozenset(book.pk for book in books)


def _first_copies(book: Book, actor: str, now: datetime) -> LedgerEntry:
    return LedgerEntry(
        book_id=book.pk,
        kind=LedgerEntry.Kind.INITIAL,
        change=book.quantity,
        balance=book.quantity,
        title=book.title,
        unit_price=book.price,
        actor=actor,
        created_at=now,
    )
