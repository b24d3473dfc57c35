"""Histories made in bulk: what many changes of a row leave in the files and their logs, without making each."""

import sqlite3
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from django.db import connections

from bookstore_project.replication.log import catchup, entries, images
from bookstore_project.replication.service import Service, get_service
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness, unvouched, write_witness
from bookstore_project.replication.tests.support.replica_files import opened


@dataclass(frozen=True)
class Goods:
    """A table of goods with `price`, `quantity` and `version`, and the ledger that says why there are so many."""

    service: Service
    name: str
    """What the cache keys of its rows begin with."""
    table: str
    ledger: str
    receipt: Callable[[str], Mapping[str, Any]]
    """What a row of the ledger has besides, if one was taken under this number."""

    def edits(self, connection: sqlite3.Connection, count: int, key: int = 1) -> Iterator[entries.Entry]:
        """The entries of so many changes of one row's price, after the head of this file."""
        head, row = entries.read_head(connection), self._image(connection, self.table, key)
        for number in range(count):
            row = {**row, "price": number % 90 + 1, "version": row["version"] + 1}
            changes = [entries.RowChange(self.table, key, None, row)]
            yield (entry := entries.make_entry(head, 1, changes, [f"{self.name}:{key}"]))
            head = entries.Head(entry.position, entry.hash)

    def takings(self, connection: sqlite3.Connection, count: int, key: int = 1) -> Iterator[entries.Entry]:
        """The entries of so many takings of one, after the head of this file. There have to be as many."""
        head, row = entries.read_head(connection), self._image(connection, self.table, key)
        (newest,) = connection.execute(f"SELECT max(id) FROM {self.ledger}").fetchone()
        taken = self._image(connection, self.ledger, newest)
        for number in range(newest + 1, newest + 1 + count):
            row = {**row, "quantity": row["quantity"] - 1, "version": row["version"] + 1}
            receipt = self.receipt(uuid.uuid5(uuid.NAMESPACE_OID, str(number)).hex)
            why = {**taken, "id": number, "change": -1, "balance": row["quantity"], **receipt}
            changes = [
                entries.RowChange(self.table, key, None, row),
                entries.RowChange(self.ledger, number, None, why),
            ]
            yield (entry := entries.make_entry(head, 1, changes, [f"{self.name}:{key}"]))
            head = entries.Head(entry.position, entry.hash)

    def _image(self, connection: sqlite3.Connection, table: str, key: int) -> images.Image:
        image = images.read_image(connection, self.service.tables[table], key)
        assert image is not None
        return image


SHELF = get_service("shelf")
ARTICLES = Goods(SHELF, "article", "shelf_article", "shelf_movement", lambda number: {"receipt": number})


def append(made: Iterable[entries.Entry], aliases: Iterable[str], batch_entries: int = 2000) -> int:
    """Writes them into these files of the shelf, in transactions of so many; the position of the last."""
    made, position = iter(made), 0
    with ExitStack() as stack:
        files = [stack.enter_context(opened(alias)) for alias in aliases]
        while batch := list(islice(made, batch_entries)):
            position = batch[-1].position
            for connection in files:
                connection.execute("BEGIN IMMEDIATE")
                catchup.apply(connection, SHELF, batch)
                connection.execute("COMMIT")
    return position


def settle_at(position: int, service: Service = SHELF) -> None:
    """The floor of the service, as the writers of those entries would have raised it."""
    witness = unvouched(read_witness(service.witness_file), *service.aliases)
    write_witness(service.witness_file, replace(witness, floor=position), sync=False)


def edit(count: int, aliases: Sequence[str] = ("shelf-1", "shelf-2")) -> None:
    """So many edits of article 1 in these files, acknowledged."""
    connections.close_all()
    with opened(aliases[0]) as connection:
        settle_at(append(ARTICLES.edits(connection, count), aliases))
