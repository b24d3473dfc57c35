"""Builds a catalog of many made-up books, written directly: what `make_books` leaves, in a tenth of the time.

`python -m benchmarks.full_shelf 1000000`, with BOOKSTORE_DATA naming an empty folder. Rows, digests and indexes are
what replicated transactions would have left; the log begins after them. A scrub finds nothing wrong with the files.
"""

import argparse
import sqlite3
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.core.management import call_command
from django.db import connections

from benchmarks import django_set_up  # noqa: F401  (what follows needs it)
from benchmarks.bigstore import CATALOG, copy_over
from bookstore_project.replication import origin
from bookstore_project.replication.log import entries
from bookstore_project.replication.pinning import pinned
from bookstore_project.replication.sqlite_pair.backend.base import wrapper
from bookstore_project.replication.sqlite_pair.repair.migration import begin_log
from bookstore_project.replication.tests.support import histories
from bookstore_project.replication.tests.support.replica_files import opened
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
    call_command("prepare", verbosity=0)
    connections.close_all()
    first = CATALOG.aliases[0]
    with opened(first) as connection:
        head, nonce = entries.read_head(connection), _nonce(connection)
        _load(connection, books)
    with pinned(CATALOG.name, first, for_writing=True), wrapper(first).unguarded():
        begin_log(CATALOG, first, head, 1, nonce)
    connections.close_all()
    with opened(first) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    copy_over(*CATALOG.aliases)
    histories.settle_at(head.position + 1, CATALOG)


def _nonce(connection: sqlite3.Connection) -> str:
    (found,) = connection.execute("SELECT nonce FROM replication_incarnation").fetchone()
    return str(found)


def _load(connection: sqlite3.Connection, books: int) -> None:
    """Without triggers, which have nothing to note here, and without waiting for the disk."""
    connection.execute("PRAGMA synchronous=OFF")
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f'DROP TRIGGER "{name}"')
    (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM catalog_app_book").fetchone()
    rows = _rows(last + 1, books)
    connection.execute("BEGIN IMMEDIATE")
    while batch := list(islice(rows, BATCH)):
        connection.executemany(_BOOK, batch)
    connection.execute(_LEDGER, (ACTOR, MADE_AT, last))
    connection.execute(_HISTORY, (ACTOR, origin.SHELL, MADE_AT, last))
    connection.execute("COMMIT")


def _rows(first: int, books: int) -> Iterator[tuple[Any, ...]]:
    for number in range(books):
        made = made_book(0, number)
        keys = (search_key(made.title), search_key(made.authors), search_key(made.topic))
        price = float(made.price)
        yield first + number, made.title, made.authors, made.isbn13, made.topic, price, made.quantity, *keys


if __name__ == "__main__":
    main()
