"""The demo's own store, as its steps use it: over HTTP as customers and staff, and its files from outside."""

import base64
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from bookstore_project import sqlite_files
from demo.telling import Row
from tests.connection import Kept
from tests.store import Store

CACHE_SIZE = 3
"""Entries: few enough to see one go."""
LEASE_S = 4
"""Longer than usual, so that no pause of a busy machine empties a lease between a miss and the hit that follows."""
TIMEOUT_S = 15.0
SERVICES = ("catalog", "order")
OF_GOODS = (
    *("catalog_app_book", "catalog_app_ledgerentry", "catalog_app_keyedanswer"),
    *("order_app_order", "order_app_orderline"),
)
"""The tables that customers and staff change, on whichever database they are."""


@dataclass(frozen=True)
class Answer:
    """What a node said, and how long it took as the caller sees it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    took_ms: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def cache(self) -> str:
        return self.headers.get("x-cache", "")

    @property
    def replica(self) -> str:
        return self.headers.get("x-replica", "")


class Connection:
    """A node, on a connection that is kept while it can be; for one thread."""

    def __init__(self, store: Store, node: str = "front") -> None:
        self._store = store
        self._kept = Kept(store.addresses[node], TIMEOUT_S)

    def get(self, path: str) -> Answer:
        return self.call("GET", path)

    def buy(self, book: int, quantity: int = 1) -> Answer:
        return self.call("POST", "/api/v1/orders/", {"book": book, "quantity": quantity})

    def call(self, method: str, path: str, data: Any = None, *, as_staff: bool = False) -> Answer:
        """Raises OSError or HTTPException if there is no answer."""
        headers = {"Content-Type": "application/json"} if data is not None else {}
        if as_staff:
            credentials = ":".join(self._store.staff)
            headers["Authorization"] = "Basic " + base64.b64encode(credentials.encode()).decode()
        body = None if data is None else json.dumps(data)
        began = time.perf_counter()
        try:
            http = self._kept.take()
            http.request(method, path, body, headers)
            response = http.getresponse()
            content = response.read()
        except (OSError, HTTPException):
            self._kept.close()
            raise
        self._kept.answered()
        took_ms = (time.perf_counter() - began) * 1000
        return Answer(
            response.status, {name.lower(): value for name, value in response.getheaders()}, content, took_ms
        )

    def close(self) -> None:
        self._kept.close()


class Shop:
    """A running store with the seven books, and what the steps ask of it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.front = Connection(store)

    def cache(self) -> dict[str, Any]:
        """The front's cache, by its own account."""
        return dict(self.front.get("/api/v1/cluster/").json["cache"])

    def is_up(self, name: str) -> bool:
        """Whether the front calls this replica."""
        nodes = self.front.get("/api/v1/cluster/").json["nodes"]
        return any(node["name"] == name and node["state"] == "up" for node in nodes)

    def events(self) -> list[Any]:
        """What has happened to the replicas, as the front noticed it."""
        return list(self.front.get("/api/v1/cluster/").json["events"])

    def file(self, replica: str) -> Path:
        return self.store.data / replica / f"{replica.partition('-')[0]}.sqlite3"

    def both(self, service: str, sql: str, *values: object) -> dict[str, list[Row]]:
        """What both databases of a service answer to a query, under the names of their files."""
        files = [self.file(f"{service}-{number}") for number in (1, 2)]
        return {f"{file.parent.name}/{file.name}": rows(file, sql, *values) for file in files}

    def differing_tables(self) -> list[str]:
        """The tables of which the two copies don't hold the same rows."""
        found = []
        for service in SERVICES:
            for table in OF_GOODS:
                if table.startswith(service):
                    first, second = self.both(service, f"SELECT * FROM {table} ORDER BY 1").values()  # noqa: S608
                    found += [table] if first != second else []
        return found


def rows(file: Path, sql: str, *values: object) -> list[Row]:
    """Reads a database file from outside, as any program could, without the right to change it."""
    with sqlite_files.opened(file) as connection:
        return connection.execute(sql, values).fetchall()


@contextmanager
def opened(coherence: str, folder: Path) -> Iterator[Shop]:
    """Starts a store with ports of its own in that folder; it is stopped after the block."""
    settings = {
        "BOOKSTORE_CACHE_SIZE": str(CACHE_SIZE),
        "BOOKSTORE_COHERENCE": coherence,
        "BOOKSTORE_LEASE_S": str(LEASE_S),
    }
    with Store(folder / "var", environment=settings) as store:
        shop = Shop(store)
        try:
            yield shop
        finally:
            shop.front.close()
