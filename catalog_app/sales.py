"""A sale, as the order service asks for it: at most once per order, never more than there is, all lines or none."""

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import groupby
from typing import Any

from bookstore_project.api import problems
from bookstore_project.api.sales import Line, Sale, SoldLine
from bookstore_project.nodes import deadlines
from bookstore_project.outcomes import Outcome, outcome_of
from bookstore_project.replication import rows
from bookstore_project.replication.foreseen import Foreseen
from bookstore_project.replication.interface import Made
from bookstore_project.replication.transaction import Committed, get_verified, run, run_all, verify
from bookstore_project.settings import topology
from catalog_app import metrics
from catalog_app.errors import LinesUnavailable, OutOfStock, PriceChanged
from catalog_app.models import Book, KeyedAnswer, LedgerEntry
from catalog_app.selectors import answers_of, order_is_known
from catalog_app.services import record


@dataclass(frozen=True)
class MissingLine:
    """Why a line can't be had, and what could be: for the customer who chooses anew."""

    code: str
    book: int
    title: str
    asked: int
    left: int
    unit_price: str | None
    """Today's; None if there is no such book."""


@dataclass(frozen=True)
class Refusal:
    """The answer no, to be raised when it stands in the ledger."""

    error: problems.StoreError


@dataclass(frozen=True)
class Asked:
    """What is to be sold for an order.

    `deadline` (epoch seconds) is checked under the lock: an attempt that comes too late doesn't sell.
    `is_first_attempt`: nobody has asked before, and nobody can repeat it.
    """

    order: uuid.UUID
    lines: Sequence[Line]
    deadline: float | None
    is_first_attempt: bool


def order_sell(
    *, order: uuid.UUID, lines: Sequence[Line], deadline: float | None, is_first_attempt: bool
) -> Committed[Sale]:
    """Takes the copies of all lines off the shelf, once per order: a repeat gets the same answer, yes or no.

    A refusal is recorded, and final for the order, unless this is the first attempt of an order that nobody can
    repeat. It names each line that can't be had. Raises OutOfStock, NotFound or PriceChanged for an order of one
    line, LinesUnavailable for one of several, IdempotencyConflict (the order asked for something else before),
    Unavailable.
    """
    asked = Asked(order, lines, deadline, is_first_attempt)
    return _sale(run(topology.CATALOG, _selling(asked), in_group=True))


def orders_sell(asked: Sequence[Asked]) -> list[Outcome[Committed[Sale]]]:
    """The same for several orders, each by itself, in one commit if it can be."""
    made = run_all(topology.CATALOG, [_selling(each) for each in asked])
    return [outcome_of(partial(_sale_of, each)) for each in made]


def _selling(asked: Asked) -> Foreseen[Sale | Refusal]:
    return Foreseen(
        partial(_sell, asked),
        rows=[(Book, line.book) for line in asked.lines],
        values=answers_of(asked.order),
        new={LedgerEntry: len(asked.lines)},
    )


def _sell(asked: Asked) -> Sale | Refusal:
    order, lines = asked.order, asked.lines
    if order_is_known(order):
        return _repeat(order, lines)
    deadlines.assert_not_after(asked.deadline, "sold")
    wanted = [(line, get_verified(Book, line.book)) for line in lines]
    missing = [found for line, book in wanted if (found := _missing(line, book)) is not None]
    if missing:
        return _refuse(order, wanted, missing, is_recorded=not asked.is_first_attempt)
    return sale_of([_take(order, line, book) for line, book in wanted if book is not None])


def _sale_of(made: Made[Sale | Refusal]) -> Committed[Sale]:
    return _sale(made.outcome())


def _sale(outcome: Committed[Sale | Refusal]) -> Committed[Sale]:
    value = outcome.value
    if isinstance(value, Refusal):
        if not value.error.is_repeat:
            metrics.refused.labels(value.error.code).inc()
        raise value.error
    if not value.is_repeat:
        metrics.sales.inc()
        metrics.copies.inc(sum(line.quantity for line in value.lines))
    return Committed(value, outcome.position, outcome.timeline, outcome.changes)


def sales_of(entries: Sequence[LedgerEntry]) -> list[Sale]:
    """The sales that these rows of the ledger, in their order, tell of. Rows of one order stand together."""
    return [sale_of(list(group)) for _, group in groupby(entries, key=lambda entry: entry.order)]


def _take(order: uuid.UUID, line: Line, book: Book) -> LedgerEntry:
    book.quantity -= line.quantity
    book.version += 1
    rows.update(book, "quantity", "version")
    return record(book, LedgerEntry.Kind.SALE, -line.quantity, order=order, quantity=line.quantity)


def sale_of(entries: Sequence[LedgerEntry], *, is_repeat: bool = False) -> Sale:
    first = entries[0]
    assert first.order is not None
    lines = (SoldLine(entry.pk, entry.book_id, entry.title, entry.quantity, entry.unit_price) for entry in entries)
    return Sale(first.order, first.created_at, tuple(lines), is_repeat)


def _missing(line: Line, book: Book | None) -> MissingLine | None:
    if book is None or book.retired:
        return MissingLine(problems.NotFound.code, line.book, "", line.quantity, 0, None)
    if book.quantity < line.quantity:
        code = OutOfStock.code
    elif line.unit_price is not None and line.unit_price != book.price:
        code = PriceChanged.code
    else:
        return None
    return MissingLine(code, line.book, book.title, line.quantity, book.quantity, str(book.price))


def _refuse(
    order: uuid.UUID,
    wanted: Sequence[tuple[Line, Book | None]],
    missing: Sequence[MissingLine],
    *,
    is_recorded: bool,
) -> Refusal:
    lines = [line for line, _ in wanted]
    error = _error(lines, missing)
    if is_recorded:
        short = {found.book for found in missing if found.code == OutOfStock.code}
        for line, book in wanted:
            if book is not None and line.book in short:
                record(book, LedgerEntry.Kind.REFUSAL, 0, order=order, quantity=line.quantity)
        # What a row of the ledger says alone needs no other record.
        if not (len(lines) == 1 and short):
            body = json.dumps([asdict(found) for found in missing])
            KeyedAnswer.objects.create(key=order, fingerprint=_fingerprint(lines), status=error.status, body=body)
    return Refusal(error)


def _error(lines: Sequence[Line], missing: Sequence[MissingLine], *, is_repeat: bool = False) -> problems.StoreError:
    extra: dict[str, Any] = {"lines": [asdict(found) for found in missing], "is_repeat": is_repeat}
    first = missing[0]
    if len(lines) > 1:
        return LinesUnavailable([sentence(found) for found in missing], **extra)
    kinds = {OutOfStock.code: OutOfStock, PriceChanged.code: PriceChanged}
    return kinds.get(first.code, problems.NotFound)(sentence(first), **extra)


def sentence(missing: MissingLine) -> str:
    """A line that can't be had, in words."""
    if missing.code == OutOfStock.code:
        copies = "copy is" if missing.left == 1 else "copies are"
        return f"{missing.left} {copies} left of “{missing.title}”, {missing.asked} were asked for."
    if missing.code == PriceChanged.code:
        return f"“{missing.title}” costs {missing.unit_price} now."
    return f"There is no book {missing.book}."


def _repeat(order: uuid.UUID, lines: Sequence[Line]) -> Sale | Refusal:
    answer = KeyedAnswer.objects.filter(pk=order).first()
    if answer is not None:
        return _repeated_refusal(answer, lines)
    known = list(LedgerEntry.objects.filter(order=order, cancellation="").order_by("pk"))
    for entry in known:
        verify(entry)
    by_book = {entry.book_id: entry for entry in known}
    is_sale = known[0].kind == LedgerEntry.Kind.SALE
    if len(known) != len(lines) or not all(_is_same(line, by_book.get(line.book)) for line in lines):
        raise problems.IdempotencyConflict.of_purchase(is_bought=is_sale)
    if is_sale:
        return sale_of(known, is_repeat=True)
    (line,), (entry,) = lines, known
    missing = MissingLine(
        OutOfStock.code, line.book, entry.title, entry.quantity, entry.balance, str(entry.unit_price)
    )
    return Refusal(_error(lines, [missing], is_repeat=True))


def _is_same(line: Line, entry: LedgerEntry | None) -> bool:
    if entry is None or line.quantity != entry.quantity:
        return False
    return entry.kind != LedgerEntry.Kind.SALE or line.unit_price in (None, entry.unit_price)


def _repeated_refusal(answer: KeyedAnswer, lines: Sequence[Line]) -> Refusal:
    verify(answer)
    if answer.fingerprint != _fingerprint(lines):
        raise problems.IdempotencyConflict.of_purchase(is_bought=False)
    if answer.body:
        missing = [MissingLine(**members) for members in json.loads(answer.body)]
    else:  # As it was recorded before orders had several lines.
        missing = [MissingLine(problems.NotFound.code, lines[0].book, "", lines[0].quantity, 0, None)]
    return Refusal(_error(lines, missing, is_repeat=True))


def _fingerprint(lines: Sequence[Line]) -> str:
    if len(lines) == 1 and lines[0].unit_price is None:
        return f"{lines[0].quantity} of {lines[0].book}"
    asked = sorted((line.book, line.quantity, str(line.unit_price)) for line in lines)
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()
