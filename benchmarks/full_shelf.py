"""Builds a catalog of many made-up books, written directly: what `make_books` leaves, in a tenth of the time.

`python -m benchmarks.full_shelf 1000000`, with BOOKSTORE_DATA naming an empty folder. Rows, digests and indexes are
what replicated transactions would have left; the log begins after them. A scrub finds nothing wrong with the files.
"""

import argparse
import sqlite3
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any

from benchmarks import django_set_up  # noqa: F401  (what follows needs it)
from benchmarks.bigstore import CATALOG
from benchmarks.filling import fill
from bookstore_project.replication import origin
from bookstore_project.text.search_keys import search_key
from catalog_app.making.maker import ACTOR
from catalog_app.making.rules import made_book

BATCH = 20_000
MADE_AT = "2026-01-01 00:00:00"
_BOOK = (
    "INSERT INTO catalog_app_book (id, title, authors, isbn13, topic, price, quantity, version, retired, title_key, "
    "authors_key, topic_key) VALUES (?, ?, ?, ?, ?, ?, ?, 1, 0, ?, ?, ?)"
)
_LEDGER = (
    'INSERT INTO catalog_app_ledgerentry (book_id, kind, change, balance, "order", cancellation, quantity, title, '
    "unit_price, actor, created_at, title_key) "
    "SELECT id, 'initial', quantity, quantity, NULL, '', 0, title, price, ?, ?, title_key FROM catalog_app_book "
    "WHERE id > ?"
)
_HISTORY = (
    'INSERT INTO catalog_app_bookchange (book_id, field, "before", "after", actor, way, created_at) '
    "SELECT id, 'initial', '', CAST(quantity AS TEXT), ?, ?, ? FROM catalog_app_book WHERE id > ?"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("books", type=int, help="how many, beside the seven")
    build(parser.parse_args().books)


def build(books: int) -> None:
    """In this process's data folder, which has no store yet."""
    fill(CATALOG, partial(_load, books=books))


def _load(connection: sqlite3.Connection, books: int) -> None:
    (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM catalog_app_book").fetchone()
    rows = _rows(last + 1, books)
    while batch := list(islice(rows, BATCH)):
        connection.executemany(_BOOK, batch)
    connection.execute(_LEDGER, (ACTOR, MADE_AT, last))
    connection.execute(_HISTORY, (ACTOR, origin.SHELL, MADE_AT, last))


def _rows(first: int, books: int) -> Iterator[tuple[Any, ...]]:
    for number in range(books):
        made = made_book(0, number)
        keys = (search_key(made.title), search_key(made.authors), search_key(made.topic))
        price = float(made.price)
        yield first + number, made.title, made.authors, made.isbn13, made.topic, price, made.quantity, *keys


if __name__ == "__main__":
    main()
