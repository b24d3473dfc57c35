"""Whether ledger and orders agree: every order has its sale, every sale its order, every stock its ledger.

Works on connections to any two files of the two services: the store's own, or a backup's.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from catalog_app.models import Book, LedgerEntry
from order_app.models import OrderLine

MOST_NAMED = 10
SALE_COLUMNS = '"id", "order", "book_id", "title", "quantity", "unit_price", "created_at"'
LINE_COLUMNS = '"sale", "order_id", "book", "title", "quantity", "unit_price"'

Row = tuple[Any, ...]


@dataclass
class Audit:
    """What doesn't fit. The lists name the first few; the counts are complete."""

    orders_without_sale: int = 0
    sales_without_order: int = 0
    differing: int = 0
    """Orders that say something else than their sale."""
    books_unexplained: int = 0
    """Books whose stock isn't what their ledger adds up to."""
    named: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not (self.orders_without_sale or self.sales_without_order or self.differing or self.books_unexplained)

    def name(self, what: str) -> None:
        if len(self.named) < MOST_NAMED:
            self.named.append(what)


def audit(catalog: sqlite3.Connection, order: sqlite3.Connection, *, grace_s: float = 0) -> Audit:
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
        elif sale[1:6] != written[1:6]:
            found.differing += 1
            found.name(f"order {written[1]} says something else than sale {sale[0]}")
    for book_id, stock, explained in catalog.execute(_UNEXPLAINED):
        found.books_unexplained += 1
        found.name(f"book {book_id}: its stock is {stock}, its ledger says {explained}")
    return found


_UNEXPLAINED = f"""
    SELECT book.id, book.quantity, coalesce(sum(entry.change), 0) AS explained
    FROM "{Book._meta.db_table}" AS book LEFT JOIN "{LedgerEntry._meta.db_table}" AS entry ON entry.book_id = book.id
    GROUP BY book.id HAVING book.quantity != explained
"""


def _pairs(catalog: sqlite3.Connection, order: sqlite3.Connection) -> Iterator[tuple[Row | None, Row | None]]:
    """Sales and the lines of orders side by side, by the sale's number; None where one of them is missing."""
    sales = iter(
        catalog.execute(
            f'SELECT {SALE_COLUMNS} FROM "{LedgerEntry._meta.db_table}" WHERE kind = ? ORDER BY id',
            (LedgerEntry.Kind.SALE.value,),
        )
    )
    orders = iter(order.execute(f'SELECT {LINE_COLUMNS} FROM "{OrderLine._meta.db_table}" ORDER BY sale'))
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


def lines(found: Audit) -> Iterator[str]:
    """What doesn't fit, in words; nothing if all does."""
    counts = (
        (found.orders_without_sale, "orders have no sale in the ledger"),
        (found.sales_without_order, "sales have no order"),
        (found.differing, "orders say something else than their sale"),
        (found.books_unexplained, "books have a stock that their ledger doesn't explain"),
    )
    yield from (f"{count} {what}." for count, what in counts if count)
    yield from (f"  {name}" for name in found.named)
