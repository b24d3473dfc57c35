"""Builds the orders of a shop with a long past, written directly.

`python -m benchmarks.full_counter 300000`, with BOOKSTORE_DATA naming an empty folder. Every order is of one
to three of the books of `make_books`, a minute after the one before, and most are collected. A scrub finds nothing
wrong with the files.
"""

import argparse
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from random import Random
from typing import Any
from uuid import UUID

from benchmarks import django_set_up  # noqa: F401  (what follows needs it)
from benchmarks.filling import fill
from bookstore_project.replication.service import get_service
from bookstore_project.settings import topology
from bookstore_project.text.search_keys import search_key
from catalog_app.making.rules import MadeBook, made_book

BATCH = 20_000
BOOKS = 20_000
"""Different ones that were sold; half of all copies are of the first tenth."""
BEGUN_AT = datetime(2026, 1, 1, tzinfo=UTC)
COLLECTED = 0.95
ORDER = get_service(topology.ORDER)
_ORDER = "INSERT INTO order_app_order (id, status, refunded, created_at, sale) VALUES (?, ?, 0, ?, ?)"
_LINE = (
    "INSERT INTO order_app_orderline (sale, order_id, book, title, quantity, cancelled, unit_price, title_key) "
    "VALUES (?, ?, ?, ?, ?, 0, ?, ?)"
)
Row = tuple[Any, ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("orders", type=int, help="how many")
    fill(ORDER, partial(_load, orders=parser.parse_args().orders))


def _load(connection: sqlite3.Connection, orders: int) -> None:
    made = _orders(orders)
    while batch := list(islice(made, BATCH)):
        connection.executemany(_ORDER, [order for order, _ in batch])
        connection.executemany(_LINE, [line for _, lines in batch for line in lines])


def _orders(count: int) -> Iterator[tuple[Row, list[Row]]]:
    """The same each time: each with its lines."""
    random = Random(1)  # noqa: S311  (no secret)
    books = [made_book(0, number) for number in range(BOOKS)]
    keys = [search_key(book.title) for book in books]
    sale = 0
    for number in range(count):
        order_id = UUID(int=random.getrandbits(128), version=4).hex
        bought = {int(BOOKS * random.random() ** 3) for _ in range(random.choice((1, 1, 1, 2, 3)))}
        status = "collected" if random.random() < COLLECTED else "completed"
        moment = (BEGUN_AT + timedelta(minutes=number)).strftime("%Y-%m-%d %H:%M:%S")
        lines = [
            _line(sale + place + 1, order_id, book, books[book], keys[book]) for place, book in enumerate(bought)
        ]
        yield (order_id, status, moment, sale + 1), lines
        sale += len(lines)


def _line(sale: int, order_id: str, number: int, book: MadeBook, key: str) -> Row:
    return sale, order_id, number + 1, book.title, 1 + sale % 2, float(book.price), key


if __name__ == "__main__":
    main()
