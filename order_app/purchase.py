"""A purchase, from the key to two disks: exactly once, however often it is asked for, whoever is killed meanwhile.

1. The order's id follows from the idempotency key.
2. The catalog sells: one replicated transaction takes the copies of all lines, and writes a ledger row for each,
   unique per order and book.
3. The order is written, replicated, from what the ledger rows say.

Killed between 2 and 3, the purchase is finished from the ledger: by the next attempt with the same key, by whoever
asks for the order, or by the sweeper within seconds. Killed before 2, nothing has happened.
"""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bookstore_project.api import idempotency, problems
from bookstore_project.api.problems import OutcomeUnknown, Unavailable
from bookstore_project.api.sales import Line, Sale, SoldLine
from bookstore_project.outcomes import Outcome, outcome_of, result_of, then
from bookstore_project.replication import reads, rows
from bookstore_project.replication.foreseen import Foreseen
from bookstore_project.replication.interface import Made
from bookstore_project.replication.transaction import Committed, run_all
from bookstore_project.settings import topology
from order_app import clients, metrics
from order_app.models import Order, OrderLine
from order_app.selectors import order_find, with_lines

DEADLINE_S = 10.0
"""How long a purchase may take when the caller doesn't say."""


@dataclass(frozen=True)
class Purchase:
    """A completed purchase; `is_repeat` if its key had completed one before."""

    order: Order
    is_repeat: bool


@dataclass(frozen=True)
class Wish:
    """What somebody wants to buy: the copies of all lines, or none, once per key; without a key, once.

    `deadline` is in epoch seconds. `is_first_attempt`: nobody has tried this key before.
    """

    key: str | None
    lines: Sequence[Line]
    deadline: float | None = None
    is_first_attempt: bool = False


def purchase(
    *, key: str | None, lines: Sequence[Line], deadline: float | None = None, is_first_attempt: bool = False
) -> Committed[Purchase]:
    """Buys what a `Wish` of these members says.

    Raises Refused (out of stock, no such book, another price), IdempotencyConflict, Unavailable (nothing happened),
    OutcomeUnknown (with the order's id and the key, to ask again).
    """
    (outcome,) = purchases([Wish(key, lines, deadline, is_first_attempt)])
    return result_of(outcome)


def purchases(wishes: Sequence[Wish]) -> list[Outcome[Committed[Purchase]]]:
    """The same for several at once: each by itself, with one call to the catalog and one commit, if those will do."""
    attempts = [_Attempt.of(wish) for wish in wishes]
    _look_up(attempts)
    selling = [attempt for attempt in attempts if attempt.outcome is None]
    if selling:
        sales = clients.sell_all([attempt.wanted() for attempt in selling])
        for attempt, written in zip(selling, then(sales, orders_write), strict=True):
            attempt.outcome = attempt.explained(written)
    return [attempt.outcome for attempt in attempts if attempt.outcome is not None]


@dataclass
class _Attempt:
    """At a purchase."""

    key: str
    order: uuid.UUID
    lines: Sequence[Line]
    deadline: float
    is_first: bool
    outcome: Outcome[Committed[Purchase]] | None = None

    @classmethod
    def of(cls, wish: Wish) -> "_Attempt":
        key = wish.key or idempotency.new_key()
        deadline = min(wish.deadline or float("inf"), time.time() + DEADLINE_S)
        is_first = wish.is_first_attempt or wish.key is None
        return cls(key, idempotency.order_id(key), wish.lines, deadline, is_first)

    def wanted(self) -> clients.Wanted:
        return clients.Wanted(self.order, self.lines, self.deadline, self.is_first)

    def explained(self, outcome: Outcome[Committed[Purchase]]) -> Outcome[Committed[Purchase]]:
        return _unknown(outcome, self.order, self.key) if isinstance(outcome, OutcomeUnknown) else outcome


def _look_up(attempts: Sequence[_Attempt]) -> None:
    """Those whose order is there get it, or hear that it was another purchase. Raises Unavailable."""
    # Of new keys, too: where orders can't be read, nothing is sold.
    with reads.reading(topology.ORDER) as snapshot:
        known = [None if attempt.is_first else order_find(attempt.order) for attempt in attempts]
    for attempt, order in zip(attempts, known, strict=True):
        if order is not None:
            repeated = Committed(Purchase(order, is_repeat=True), snapshot.position, snapshot.timeline)
            attempt.outcome = conflict_with(order, attempt.lines) or repeated


def order_write(sale: Sale) -> Committed[Purchase]:
    """Writes the order of a sale, once. From here on "unavailable" would be a lie: the copies are sold."""
    (outcome,) = orders_write([sale])
    return result_of(outcome)


def orders_write(sales: Sequence[Sale]) -> list[Outcome[Committed[Purchase]]]:
    """The same for several, in one commit if it can be."""
    made = run_all(topology.ORDER, [_writing(sale) for sale in sales])
    return [outcome_of(partial(_written, each)) for each in made]


def _writing(sale: Sale) -> Foreseen[Purchase]:
    return Foreseen(partial(_write, sale), values=[(Order, "id", sale.order)])


def _write(sale: Sale) -> Purchase:
    known = order_find(sale.order) if rows.exists((Order, "id", sale.order)) else None
    if known is not None:
        return Purchase(known, is_repeat=sale.is_repeat)
    order = Order(id=sale.order, created_at=sale.sold_at, sale=sale.first)
    lines = [line_of(order, line) for line in sale.lines]
    rows.insert(order)
    for line in lines:
        rows.insert(line)
    return Purchase(with_lines(order, lines), is_repeat=sale.is_repeat)


def _written(made: Made[Purchase]) -> Committed[Purchase]:
    try:
        written = made.outcome()
    except Unavailable as error:
        raise OutcomeUnknown(f"The copies are sold, the order isn't written yet: {error.detail}") from error
    if written.changes:
        metrics.orders.inc()
    return written


def order_finish(order_id: uuid.UUID) -> Committed[Purchase] | None:
    """An order that was sold and isn't written yet, written now; None if nothing was sold for it.

    Raises Unavailable: nobody can say now, or it can't be written now.
    """
    sale = clients.sale_of(order_id)
    if sale is None:
        return None
    try:
        return order_write(sale)
    except OutcomeUnknown as error:
        raise Unavailable("The copies are sold, and the order is being written. Ask again in a moment.") from error


def line_of(order: Order, sold: SoldLine) -> OrderLine:
    return OrderLine(
        sale=sold.number,
        order=order,
        book=sold.book,
        title=sold.title,
        quantity=sold.quantity,
        unit_price=sold.unit_price,
    )


def conflict_with(known: Order, lines: Sequence[Line]) -> problems.IdempotencyConflict | None:
    """What is wrong if the key's first purchase was another one."""
    bought = {line.book: line for line in known.lines.all()}
    if len(bought) == len(lines) and all(_is_same(line, bought.get(line.book)) for line in lines):
        return None
    return problems.IdempotencyConflict.of_purchase(is_bought=True)


def _is_same(line: Line, bought: OrderLine | None) -> bool:
    if bought is None or line.quantity != bought.quantity:
        return False
    return line.unit_price in (None, bought.unit_price)


def _unknown(error: OutcomeUnknown, order_id: object, key: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"{error.detail} Ask again with the same idempotency key: it is bought once at most.",
        order=str(order_id),
        idempotency_key=key,
        **error.extra,
    )
