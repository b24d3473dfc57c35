"""Histories made in bulk: what many sales or edits leave in the files and their logs, without making each."""

import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice
from typing import Any

from django.db import connections

from bookstore_project.replication.log import catchup, entries, images
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness, unvouched, write_witness
from bookstore_project.replication.tests.support.replica_files import opened

CATALOG = get_service("catalog")
BOOKS, LEDGER = "catalog_app_book", "catalog_app_ledgerentry"


def edits(connection: sqlite3.Connection, count: int, book_id: int = 1) -> Iterator[entries.Entry]:
    """The entries of so many changes of one book's price, after the head of this file."""
    head, book = entries.read_head(connection), _book(connection, book_id)
    for number in range(count):
        book = {**book, "price": number % 90 + 1, "version": book["version"] + 1}
        yield (
            entry := entries.make_entry(head, 1, [entries.RowChange(BOOKS, book_id, None, book)], [f"book:{book_id}"])
        )
        head = entries.Head(entry.position, entry.hash)


def sales(connection: sqlite3.Connection, count: int, book_id: int = 1) -> Iterator[entries.Entry]:
    """The entries of so many sales of one copy, after the head of this file. There have to be as many copies."""
    head, book = entries.read_head(connection), _book(connection, book_id)
    (newest,) = connection.execute(f"SELECT max(id) FROM {LEDGER}").fetchone()
    sold = images.read_image(connection, CATALOG.tables[LEDGER], newest)
    assert sold is not None
    for number in range(newest + 1, newest + 1 + count):
        book = {**book, "quantity": book["quantity"] - 1, "version": book["version"] + 1}
        row: dict[str, Any] = {
            **sold,
            "id": number,
            "kind": "sale",
            "change": -1,
            "quantity": 1,
            "balance": book["quantity"],
            "order": uuid.uuid5(uuid.NAMESPACE_OID, str(number)).hex,
        }
        changes = [entries.RowChange(BOOKS, book_id, None, book), entries.RowChange(LEDGER, number, None, row)]
        yield (entry := entries.make_entry(head, 1, changes, [f"book:{book_id}"]))
        head = entries.Head(entry.position, entry.hash)


def append(made: Iterable[entries.Entry], aliases: Iterable[str], batch_entries: int = 2000) -> int:
    """Writes them into these files, in transactions of so many; the position of the last."""
    made, position = iter(made), 0
    with ExitStack() as stack:
        connections = [stack.enter_context(opened(alias)) for alias in aliases]
        while batch := list(islice(made, batch_entries)):
            position = batch[-1].position
            for connection in connections:
                connection.execute("BEGIN IMMEDIATE")
                catchup.apply(connection, CATALOG, batch)
                connection.execute("COMMIT")
    return position


def settle_at(position: int) -> None:
    """The floor of the catalog, as the writers of those entries would have raised it."""
    witness = unvouched(read_witness(CATALOG.witness_file), *CATALOG.aliases)
    write_witness(CATALOG.witness_file, replace(witness, floor=position), sync=False)


def edit(count: int, aliases: Sequence[str] = ("catalog-1", "catalog-2")) -> None:
    """So many edits of book 1 in these files, acknowledged."""
    connections.close_all()
    with opened(aliases[0]) as connection:
        settle_at(append(edits(connection, count), aliases))


def _book(connection: sqlite3.Connection, book_id: int) -> images.Image:
    book = images.read_image(connection, CATALOG.tables[BOOKS], book_id)
    assert book is not None
    return book
