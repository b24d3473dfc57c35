"""The two stores, so that the same customers can buy in them, and the same killer strike."""

import contextlib
import os
import signal
import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.losses.judge import File
from benchmarks.processor_time import processes_by
from benchmarks.servers import restock
from benchmarks.usual_way_processes import is_up
from benchmarks.yardstick import UsualWay, usual_way
from bookstore_project.nodes.tool_client import Session
from tests.store import Store
from tests.waiting import PATIENCE_S

SCARCE, COPIES = (1, 2, 3, 4), 50
"""The books that customers fight for, and how many copies there are of each."""
WATCHED, MANY = 5, 100_000
"""The book that some buy all the time, while others read it; it doesn't run out."""
REPLICAS = ("catalog-1", "order-1", "catalog-2", "order-2")


class Shop(Protocol):
    """One of the two, while it runs."""

    @property
    def name(self) -> str: ...

    @property
    def heals(self) -> bool:
        """Whether it mends its files by itself, so that it makes sense to wait for that."""

    @property
    def front(self) -> str: ...

    def is_whole(self) -> bool:
        """Whether all its processes answer, so that the next kill is the only fault."""

    def kill(self, node: str) -> None:
        """Its processes, as `kill -9` does; nothing, if there is none at the moment."""

    def files(self) -> list[File]: ...


@dataclass(frozen=True)
class Usual:
    data: Path
    way: UsualWay
    name: str = "the usual way"
    heals: bool = False

    @property
    def front(self) -> str:
        return self.way.addresses["front-1"]

    def is_whole(self) -> bool:
        return all(map(is_up, self.way.addresses.values()))

    def kill(self, node: str) -> None:
        for pid, name in processes_by("USUAL_WAY_DATA", str(self.data), "USUAL_WAY_NODE").items():
            if name == node:
                _kill(pid)

    def files(self) -> list[File]:
        return [
            File(
                _stock(self.data / f"catalog-{number}.sqlite3", "usual_way_book"),
                _orders(
                    self.data / f"order-{number}.sqlite3",
                    "SELECT id, book, title, price FROM usual_way_order",
                ),
            )
            for number in (1, 2)
        ]

    def put_stock(self) -> None:
        """In both files, before anybody has asked."""
        for number in (1, 2):
            connection = sqlite3.connect(self.data / f"catalog-{number}.sqlite3", timeout=PATIENCE_S)
            with connection:
                connection.execute("UPDATE usual_way_book SET quantity = ?", [COPIES])
                connection.execute("UPDATE usual_way_book SET quantity = ? WHERE id = ?", [COPIES + MANY, WATCHED])
            connection.close()


@dataclass(frozen=True)
class Ours:
    store: Store
    name: str = "this store"
    heals: bool = True

    @property
    def front(self) -> str:
        return self.store.addresses["front"]

    def is_whole(self) -> bool:
        try:
            with Session(self.front) as session:
                nodes = session.get("/api/v1/cluster/").json["nodes"]
        except OSError:
            return False
        return all(node["state"] == "up" and node["in_sync"] is not False for node in nodes)

    def kill(self, node: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # It is just being started.
            _kill(self.store.pid(node))

    def files(self) -> list[File]:
        lines = "SELECT order_id, book, title, quantity, unit_price FROM order_app_orderline"
        return [
            File(
                _stock(self.store.data / f"catalog-{number}" / "catalog.sqlite3", "catalog_app_book"),
                _orders(self.store.data / f"order-{number}" / "order.sqlite3", lines),
            )
            for number in (1, 2)
        ]


@contextmanager
def ours(folder: Path, prepared: Path | None = None) -> Iterator[Shop]:
    """This store, with seven books of 50 copies each, and more of the watched one."""
    with Store(folder / "ours", prepared=prepared) as store:
        restock(store, WATCHED, MANY)
        yield Ours(store)


@contextmanager
def usual(folder: Path) -> Iterator[Shop]:
    """The usual way with as many."""
    data = folder / "usual"
    with usual_way(data) as way:
        shop = Usual(data.resolve(), way)
        shop.put_stock()
        yield shop


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _read(file: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=PATIENCE_S)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def _stock(file: Path, table: str) -> Mapping[int, int]:
    return {int(str(book)): int(str(copies)) for book, copies in _read(file, f"SELECT id, quantity FROM {table}")}


def _orders(file: Path, query: str) -> Mapping[str, tuple[object, ...]]:
    return {uuid.UUID(str(order)).hex: tuple(rest) for order, *rest in _read(file, query)}
