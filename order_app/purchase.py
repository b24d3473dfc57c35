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

from bookstore_project.api import idempotency, problems
from bookstore_project.api.problems import OutcomeUnknown, Unavailable
from bookstore_project.api.sales import Line, Sale, SoldLine
from bookstore_project.replication import reads, rows
from bookstore_project.replication.transaction import Committed, run
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


def purchase(
    *, key: str | None, lines: Sequence[Line], deadline: float | None = None, is_first_attempt: bool = False
) -> Committed[Purchase]:
    """Buys the copies of all lines, or none, once per key; without a key, once.

    `deadline` is in epoch seconds. `is_first_attempt`: nobody has tried this key before. Raises Refused (out of
    stock, no such book, another price), IdempotencyConflict, Unavailable (nothing happened), OutcomeUnknown (with
    the order's id and the key, to ask again).
    """
    is_first_attempt = is_first_attempt or key is None
    key = key or idempotency.new_key()
    order_id = idempotency.order_id(key)
    deadline = min(deadline or float("inf"), time.time() + DEADLINE_S)
    # Of a new key, too: where orders can't be read, nothing is sold.
    with reads.reading(topology.ORDER) as snapshot:
        known = None if is_first_attempt else order_find(order_id)
    if known is not None:
        check_same(known, lines)
        return Committed(Purchase(known, is_repeat=True), snapshot.position, snapshot.timeline)
    try:
        sale = clients.sell(order=order_id, lines=lines, deadline=deadline, is_first_attempt=is_first_attempt)
        return order_write(sale)
    except OutcomeUnknown as error:
        raise _unknown(error, order_id, key) from error


def order_write(sale: Sale) -> Committed[Purchase]:
    """Writes the order of a sale, once. From here on "unavailable" would be a lie: the copies are sold."""

    def change() -> Purchase:
        known = order_find(sale.order)
        if known is not None:
            return Purchase(known, is_repeat=sale.is_repeat)
        order = Order(id=sale.order, created_at=sale.sold_at, sale=sale.first)
        lines = [line_of(order, line) for line in sale.lines]
        rows.insert(order)
        for line in lines:
            rows.insert(line)
        return Purchase(with_lines(order, lines), is_repeat=sale.is_repeat)

    try:
        written = run(topology.ORDER, change, in_group=True)
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


def check_same(known: Order, lines: Sequence[Line]) -> None:
    """Raises IdempotencyConflict if the key's first purchase was another one."""
    bought = {line.book: line for line in known.lines.all()}
    if len(bought) != len(lines) or not all(_is_same(line, bought.get(line.book)) for line in lines):
        raise problems.IdempotencyConflict.of_purchase(is_bought=True)


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
