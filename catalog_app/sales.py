"""A sale, as the order service asks for it: at most once per order, and never more than there is."""

import time
import uuid
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bookstore_project.api import problems
from bookstore_project.replication import rows
from bookstore_project.replication.transaction import Committed, get_verified, run, verify
from bookstore_project.settings import topology
from catalog_app import metrics
from catalog_app.errors import OutOfStock
from catalog_app.models import Book, KeyedAnswer, LedgerEntry
from catalog_app.selectors import order_is_known
from catalog_app.services import record


@dataclass(frozen=True)
class Sale:
    """Copies sold, with title and price as they were at that moment."""

    number: int
    """Of the ledger row: sales are numbered upwards in the order in which they happened."""
    order: uuid.UUID
    book: int
    title: str
    quantity: int
    unit_price: Decimal
    sold_at: datetime
    is_repeat: bool


@dataclass(frozen=True)
class Refusal:
    """The answer no, to be raised when it stands in the ledger."""

    error: problems.StoreError


def copies_sell(
    *, order: uuid.UUID, book_id: int, quantity: int, deadline: float | None, is_first_attempt: bool
) -> Committed[Sale]:
    """Takes copies off the shelf for an order, once: a repeat gets the same answer, yes or no.

    `deadline` (epoch seconds) is checked under the lock: an attempt that comes too late doesn't sell. A refusal is
    recorded, and final for the order, unless this is the first attempt of an order that nobody can repeat.
    Raises OutOfStock, NotFound, IdempotencyConflict (the order asked for something else before), Unavailable.
    """

    def change() -> Sale | Refusal:
        if order_is_known(order):
            return _repeat(order, book_id, quantity)
        if deadline is not None and time.time() > deadline:
            raise problems.Unavailable("This attempt came after its deadline; nothing was sold.")
        book = get_verified(Book, book_id)
        if book is None or book.retired:
            return _absent(order, book_id, quantity, is_first_attempt)
        if book.quantity < quantity:
            return _refuse(book, order, quantity, is_first_attempt)
        book.quantity -= quantity
        book.version += 1
        rows.update(book, "quantity", "version")
        return sale_of(record(book, LedgerEntry.Kind.SALE, -quantity, order=order, quantity=quantity))

    outcome = run(topology.CATALOG, change)
    value = outcome.value
    if isinstance(value, Refusal):
        if not value.error.is_repeat:
            metrics.refused.labels(value.error.code).inc()
        raise value.error
    if not value.is_repeat:
        metrics.sales.inc()
        metrics.copies.inc(value.quantity)
    return Committed(value, outcome.position, outcome.timeline, outcome.changes)


def sale_of(row: LedgerEntry, *, is_repeat: bool = False) -> Sale:
    assert row.order is not None
    return Sale(row.pk, row.order, row.book_id, row.title, row.quantity, row.unit_price, row.created_at, is_repeat)


def _repeat(order: uuid.UUID, book_id: int, quantity: int) -> Sale | Refusal:
    known = LedgerEntry.objects.filter(order=order).first()
    if known is None:
        return _repeat_absence(KeyedAnswer.objects.get(pk=order), book_id, quantity)
    verify(known)
    if (known.book_id, known.quantity) != (book_id, quantity):
        raise _conflict()
    if known.kind == LedgerEntry.Kind.REFUSAL:
        return Refusal(OutOfStock(known.title, known.quantity, known.balance, is_repeat=True))
    return sale_of(known, is_repeat=True)


def _refuse(book: Book, order: uuid.UUID, quantity: int, is_first_attempt: bool) -> Refusal:
    if not is_first_attempt:
        record(book, LedgerEntry.Kind.REFUSAL, 0, order=order, quantity=quantity)
    return Refusal(OutOfStock(book.title, quantity, book.quantity))


# An unknown book has no ledger to refuse in.


def _absent(order: uuid.UUID, book_id: int, quantity: int, is_first_attempt: bool) -> Refusal:
    if not is_first_attempt:
        KeyedAnswer.objects.create(key=order, fingerprint=_fingerprint(book_id, quantity), status=404)
    return Refusal(problems.NotFound(f"There is no book {book_id}."))


def _repeat_absence(known: KeyedAnswer, book_id: int, quantity: int) -> Refusal:
    verify(known)
    if known.fingerprint != _fingerprint(book_id, quantity):
        raise _conflict()
    return Refusal(problems.NotFound(f"There was no book {book_id} when this order was made.", is_repeat=True))


def _fingerprint(book_id: int, quantity: int) -> str:
    return f"{quantity} of {book_id}"


def _conflict() -> problems.IdempotencyConflict:
    return problems.IdempotencyConflict("This idempotency key was used for another purchase before.")
