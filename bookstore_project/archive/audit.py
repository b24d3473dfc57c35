"""Whether ledger and orders agree: every order has its sale, every sale its order, every stock its ledger, every
return its cancellation, every finished cancellation its return, and every order the state that its history leads to.

Works on any two copies of the two services: the store's own rows, or a backup's files. Its SQL is such that every
engine knows it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from catalog_app.models import Book, LedgerEntry
from order_app.models import CancelledLine, Order, OrderChange, OrderLine

MOST_NAMED = 10
_MOMENT = "coalesce(created_at, NULL)"
"""As text: Django converts a plain column of a file."""
SALE_COLUMNS = f'"id", "order", "book_id", "title", "quantity", "unit_price", {_MOMENT}'

Row = tuple[Any, ...]
Rows = Callable[[str], Iterable[Row]]
"""What a copy answers a query with: UUIDs as 32 digits, moments as text in UTC."""


@dataclass
class Audit:
    """What doesn't fit. The lists name the first few; the counts are complete."""

    orders_without_sale: int = 0
    sales_without_order: int = 0
    differing: int = 0
    """Orders that say something else than their sale."""
    returns_differing: int = 0
    """Cancellations whose copies aren't those that the ledger says came back."""
    lines_differing: int = 0
    """Lines of orders that say another number of cancelled copies than their cancellations."""
    states_differing: int = 0
    """Orders whose state or refund isn't what staff did with them."""
    books_unexplained: int = 0
    """Books whose stock isn't what their ledger adds up to."""
    named: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not any(count for count, _ in self.counts())

    def counts(self) -> tuple[tuple[int, str], ...]:
        """What doesn't fit, each with its number."""
        return (
            (self.orders_without_sale, "orders have no sale in the ledger"),
            (self.sales_without_order, "sales have no order"),
            (self.differing, "orders say something else than their sale"),
            (self.returns_differing, "cancellations and returns don't fit together"),
            (self.lines_differing, "lines of orders say something else than their cancellations"),
            (self.states_differing, "orders say another state or refund than their history"),
            (self.books_unexplained, "books have a stock that their ledger doesn't explain"),
        )

    def name(self, what: str) -> None:
        if len(self.named) < MOST_NAMED:
            self.named.append(what)


def audit(catalog: Rows, order: Rows, *, grace_s: float = 0) -> Audit:
    """Compares two snapshots. Sales younger than `grace_s` may lack their order: the purchase is under way.

    Of a store that sells, take the order service's snapshot first: each of its orders has its sale in a later one
    of the catalog.
    """
    found = Audit()
    youngest = str(datetime.now(UTC) - timedelta(seconds=grace_s)).replace("+00:00", "")
    for sale, written in _pairs(catalog, order):
        if sale is None:
            assert written is not None
            found.orders_without_sale += 1
            found.name(f"order {written[1]} ({written[4]} × “{written[3]}”) has no sale {written[0]} in the ledger")
        elif written is None:
            if not grace_s or str(sale[6]) < youngest:
                found.sales_without_order += 1
                found.name(f"sale {sale[0]} ({sale[4]} × “{sale[3]}”) has no order {sale[1]}")
        elif sale[1:6] != written[1:6] or written[6] not in (None, sale[6]):
            found.differing += 1
            found.name(f"order {written[1]} says something else than sale {sale[0]}")
    if any(order(_HAS_CHANGES)):
        _compare_returns(found, catalog, order, youngest if grace_s else "")
        _compare_states(found, order)
    for book_id, stock, explained in catalog(_UNEXPLAINED):
        found.books_unexplained += 1
        found.name(f"book {book_id}: its stock is {stock}, its ledger says {explained}")
    return found


_HAS_CHANGES = "SELECT 1 FROM django_migrations WHERE app = 'order_app' AND name = '0005_order_changes'"
"""A backup may be of before there were any."""
_UNEXPLAINED = f"""
    SELECT book.id, book.quantity, coalesce(sum(entry.change), 0) AS explained
    FROM "{Book._meta.db_table}" AS book LEFT JOIN "{LedgerEntry._meta.db_table}" AS entry ON entry.book_id = book.id
    GROUP BY book.id HAVING book.quantity != coalesce(sum(entry.change), 0)
"""


_LINES = f"""
    SELECT line.sale, line.order_id, line.book, line.title, line.quantity, line.unit_price,
        CASE line.sale WHEN bought.sale THEN bought.created_at END
    FROM "{OrderLine._meta.db_table}" AS line
    LEFT JOIN "{Order._meta.db_table}" AS bought ON bought.id = line.order_id
    ORDER BY line.sale
"""
"""With the moment of the purchase, which is that of its first line."""


_SALES = f"""
    SELECT {SALE_COLUMNS} FROM "{LedgerEntry._meta.db_table}" WHERE kind = '{LedgerEntry.Kind.SALE.value}' ORDER BY id
"""


def _pairs(catalog: Rows, order: Rows) -> Iterator[tuple[Row | None, Row | None]]:
    """Sales and the lines of orders side by side, by the sale's number; None where one of them is missing."""
    sales, orders = iter(catalog(_SALES)), iter(order(_LINES))
    sale, written = next(sales, None), next(orders, None)
    while sale is not None or written is not None:
        if written is None or (sale is not None and sale[0] < written[0]):
            yield sale, None
            sale = next(sales, None)
        elif sale is None or written[0] < sale[0]:
            yield None, written
            written = next(orders, None)
        else:
            yield sale, written
            sale, written = next(sales, None), next(orders, None)


_RETURNS = f"""
    SELECT replace(cancellation, '-', ''), "order", book_id, quantity, {_MOMENT}
    FROM "{LedgerEntry._meta.db_table}" WHERE kind = 'return'
"""
_CANCELLED = f"""
    SELECT made.id, made.order_id, line.book, each.quantity, made.progress
    FROM "{OrderChange._meta.db_table}" AS made
    JOIN "{CancelledLine._meta.db_table}" AS each ON each.change_id = made.id
    JOIN "{OrderLine._meta.db_table}" AS line ON line.sale = each.line_id
    WHERE made.progress != 'void'
"""
_MISCOUNTED = f"""
    SELECT line.order_id, line.title, line.cancelled, coalesce(sum(each.quantity), 0) AS counted
    FROM "{OrderLine._meta.db_table}" AS line LEFT JOIN (
        SELECT each.line_id, each.quantity FROM "{CancelledLine._meta.db_table}" AS each
        JOIN "{OrderChange._meta.db_table}" AS made ON made.id = each.change_id WHERE made.progress != 'void'
    ) AS each ON each.line_id = line.sale
    GROUP BY line.sale HAVING line.cancelled != coalesce(sum(each.quantity), 0)
"""


def _compare_returns(found: Audit, catalog: Rows, order: Rows, youngest: str) -> None:
    """Copies come back after they were cancelled: what is pending may lack its return, and nothing else may.

    With `youngest`, a later return may lack its cancellation: it may be younger than the order service's snapshot.
    """
    returned = {tuple(row[:3]): (row[3], str(row[4])) for row in catalog(_RETURNS)}
    cancelled = {tuple(row[:3]): (row[3], str(row[4])) for row in order(_CANCELLED)}
    for key in sorted(returned.keys() | cancelled.keys(), key=str):
        copies, at = returned.get(key, (0, ""))
        asked, progress = cancelled.get(key, (0, ""))
        is_on_its_way = copies == 0 and progress in (OrderChange.Progress.PENDING, OrderChange.Progress.UNSOLD)
        is_young = not asked and youngest and at >= youngest
        if copies != asked and not is_on_its_way and not is_young:
            found.returns_differing += 1
            found.name(f"order {key[1]}: {asked} copies of book {key[2]} were cancelled, and {copies} came back")
    for order_id, title, said, counted in order(_MISCOUNTED):
        found.lines_differing += 1
        found.name(f"order {order_id}: {said} copies of “{title}” are cancelled, its cancellations say {counted}")


_STATES = f"""
    SELECT bought.id, bought.status, bought.refunded, bought.sale, has.first,
        CASE WHEN did.is_collected THEN 'collected' WHEN has.left = 0 THEN 'cancelled' ELSE 'completed' END AS due,
        coalesce(did.cents, 0) AS cents
    FROM "{Order._meta.db_table}" AS bought
    LEFT JOIN (
        SELECT order_id, min(sale) AS first, sum(quantity - cancelled) AS left
        FROM "{OrderLine._meta.db_table}" GROUP BY order_id
    ) AS has ON has.order_id = bought.id
    LEFT JOIN (
        SELECT order_id,
            sum(CASE kind WHEN 'collected' THEN 1 WHEN 'reopened' THEN -1 ELSE 0 END) > 0 AS is_collected,
            sum(CAST(round(amount * 100) AS INTEGER)) AS cents
        FROM "{OrderChange._meta.db_table}" WHERE progress != 'void' GROUP BY order_id
    ) AS did ON did.order_id = bought.id
"""
_MISSTATED = f"""
    SELECT * FROM ({_STATES}) AS found
    WHERE status != due OR round(refunded * 100) != cents OR sale != coalesce(first, -1)
"""


def _compare_states(found: Audit, order: Rows) -> None:
    for order_id, status, refunded, sale, first, due, cents in order(_MISSTATED):
        found.states_differing += 1
        if sale != first:
            found.name(f"order {order_id} says that it begins with sale {sale}, its lines say {first}")
        else:
            said = f"{status}, with {refunded:.2f} refunded"
            found.name(f"order {order_id} is {said}; its history says {due}, with {cents / 100:.2f} refunded")


def lines(found: Audit) -> Iterator[str]:
    """What doesn't fit, in words; nothing if all does."""
    yield from (f"{count} {what}." for count, what in found.counts() if count)
    yield from (f"  {name}" for name in found.named)
