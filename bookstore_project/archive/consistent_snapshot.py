"""Snapshots of both services at one moment in which ledger and orders agree, while the store goes on selling.

A purchase is two transactions, a sale and an order. So the catalog's writer lock is held for an instant: no sale
begins, the orders of the sales that are made are written (as the sweeper would), and both snapshots are opened. The
copying comes afterwards, and delays nobody.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from django.db import connections

from bookstore_project.replication import reads
from bookstore_project.replication.engine import copies
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.interface import Snapshot
from bookstore_project.replication.transaction import run
from bookstore_project.settings import topology
from catalog_app import sales, selectors
from catalog_app.models import LedgerEntry
from order_app import sweeper

T = TypeVar("T")
BATCH = 1_000


class Reader:
    """A gated read of one service that stays open, in a thread of its own: a thread has one such read at a time."""

    def __init__(self, service_name: str) -> None:
        self.service_name = service_name
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"read-{service_name}")
        self._read = ExitStack()
        self.snapshot: Snapshot | None = None

    def enter(self) -> None:
        """Opens the snapshot, instead of the one that was open. Raises Unavailable."""
        self.snapshot = self._thread.submit(self._enter).result()

    def do(self, work: Callable[[], T]) -> T:
        """What `work` gives, inside of the read."""
        return self._thread.submit(work).result()

    def close(self) -> None:
        self._thread.submit(self._leave).result()
        self._thread.shutdown()

    def _enter(self) -> Snapshot:
        self._read.close()
        snapshot = self._read.enter_context(reads.reading(self.service_name))
        copies.keep_open(snapshot.alias)
        return snapshot

    def _leave(self) -> None:
        self._read.close()
        connections.close_all()


@contextmanager
def consistent_snapshots() -> Iterator[tuple[dict[str, Reader], float]]:
    """Open reads of catalog and order, and for how many seconds sales stood still. Raises Unavailable."""
    with ExitStack() as stack:
        readers = {name: Reader(name) for name in topology.SERVICES}
        for reader in readers.values():
            stack.callback(reader.close)
        finish_orders = orders_to_finish()
        began = 0.0

        def change() -> None:
            nonlocal began
            began = time.monotonic()
            finish_orders()
            for reader in readers.values():
                reader.enter()
                reached(f"snapshot-{reader.service_name}")

        run(topology.CATALOG, change)
        yield readers, time.monotonic() - began


def orders_to_finish() -> Callable[[], None]:
    """Looks for sales without an order; what writes the orders of all of them, once no sale can begin any more.

    Raises Unavailable. What it gives is to be called in a read of the catalog, under its writer lock.
    """
    missing, scanned = _sales_without_order(sweeper.read_mark())

    def finish() -> None:
        rows = LedgerEntry.objects.filter(kind=LedgerEntry.Kind.SALE)
        late = sales.sales_of(
            [*rows.filter(order__in=missing).order_by("pk"), *rows.filter(pk__gt=scanned).order_by("pk")]
        )
        for start in range(0, len(late), BATCH):
            sweeper.finish(late[start : start + BATCH])

    return finish


def _sales_without_order(after: int) -> tuple[list[uuid.UUID], int]:
    """Outside of any lock: the orders (yet) to be written, and up to which sale that was looked."""
    missing: list[uuid.UUID] = []
    while True:
        with reads.reading(topology.CATALOG):
            found = selectors.moved_after(after, BATCH)
        if not found:
            return missing, after
        sold = {row.order for row in found if row.order is not None}
        missing += sold - sweeper.known_orders(list(sold))
        after = found[-1].pk
