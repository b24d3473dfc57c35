"""Builds a catalog with a long past: so many sales or edits, written directly, with valid chain and digests.

`python -m benchmarks.bigstore --sales 1000000 --keep 10000`, with BOOKSTORE_DATA naming an empty folder. Both files
are what replicated transactions would have left; a scrub finds nothing wrong with them.
"""

import argparse
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from django.core.management import call_command
from django.db import connections

from benchmarks import django_set_up  # noqa: F401  (what follows needs it)
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.log import catchup, entries, triggers
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.files import derived
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness, write_witness
from bookstore_project.replication.tests.support import histories
from bookstore_project.replication.tests.support.replica_files import opened
from bookstore_project.settings import topology
from catalog_app.services import book_restock

BATCH = 10_000
BOOK = 1
COPIES_LEFT = 10_000_000
CATALOG = get_service(topology.CATALOG)
BOOKS = histories.Goods(
    CATALOG,
    "book",
    "catalog_app_book",
    "catalog_app_ledgerentry",
    lambda number: {"kind": "sale", "quantity": 1, "order": number},
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sales", type=int, default=0, help="sales of one copy of book 1")
    parser.add_argument("--edits", type=int, default=0, help="changes of its price")
    parser.add_argument("--keep", type=int, default=0, help="log entries to keep; 0 is all of them")
    parser.add_argument("--behind", action="store_true", help="the second file has none of it, and is out of sync")
    options = parser.parse_args()
    build(sales=options.sales, edits=options.edits, keep=options.keep, behind=options.behind)


def build(*, sales: int, edits: int, keep: int, behind: bool) -> None:
    """In this process's data folder, which has no store yet."""
    call_command("prepare", verbosity=0)
    book_restock(book_id=BOOK, quantity=sales + COPIES_LEFT, actor="benchmark")
    connections.close_all()
    with opened("catalog-1") as connection:
        _load(connection, BOOKS.takings(connection, sales, BOOK), keep)
        _load(connection, BOOKS.edits(connection, edits, BOOK), keep)
        head = entries.read_head(connection).position
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if behind:
        witness = read_witness(CATALOG.witness_file)
        write_witness(CATALOG.witness_file, replace(witness, in_sync=("catalog-1",)), sync=True)
    else:
        copy_over("catalog-1", "catalog-2")
    histories.settle_at(head, CATALOG)


def _load(connection: sqlite3.Connection, made: Iterator[entries.Entry], keep: int) -> None:
    """Without triggers, which have nothing to note here, and without waiting for the disk."""
    connection.execute("PRAGMA synchronous=OFF")
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f'DROP TRIGGER "{name}"')
    while batch := list(islice(made, BATCH)):
        connection.execute("BEGIN IMMEDIATE")
        catchup.apply(connection, CATALOG, batch)
        if keep and (base := batch[-1].position - keep) > entries.read_base(connection):
            entries.drop_before(connection, base)
        connection.execute("COMMIT")
    triggers.install(connection, CATALOG)
    derived.install(connection, CATALOG)


def copy_over(source: str, target: str) -> None:
    """The content of one file into another, which stays the file that the witness knows, with its own nonce."""
    service = get_service(replication_settings.service_of_alias[target])
    path = topology.database_file(target)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    shutil.copyfile(topology.database_file(source), path)
    with opened(target) as connection:
        nonce = read_witness(service.witness_file).files[target].nonce
        connection.execute("UPDATE replication_incarnation SET nonce = ?", (nonce,))


if __name__ == "__main__":
    main()
