"""Histories made in bulk: what many changes of a row leave in the files and their logs, without making each."""

import sqlite3
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bookstore_project.replication.log import entries, images
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness, unvouched, write_witness


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


def settle_at(position: int, service: Service) -> None:
    """The floor of the service, as the writers of those entries would have raised it."""
    witness = unvouched(read_witness(service.witness_file), *service.aliases)
    write_witness(service.witness_file, replace(witness, floor=position), sync=False)
