"""The demo's own store, as its steps use it: over HTTP as customers and staff, and its files from outside."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from bookstore_project import sqlite_files
from bookstore_project.nodes.tool_client import Answer, Session
from demo.telling import Row
from tests.postgres import Server, primary_and_standby
from tests.store import Store
from tests.waiting import wait_for
from tests.writer_lock import held

CACHE_SIZE = 3
"""Entries: few enough to see one go."""
LEASE_S = 8
"""Longer than usual, so that no pause of a busy machine empties a lease between a miss and the hit that follows."""
SERVICES = ("catalog", "order")
OF_GOODS = (
    *("catalog_app_book", "catalog_app_ledgerentry", "catalog_app_keyedanswer"),
    *("order_app_order", "order_app_orderline"),
)
"""The tables that customers and staff change, on whichever database they are."""


class Connection:
    """A node, on a connection that is kept while it can be; for one thread."""

    def __init__(self, store: Store, node: str = "front") -> None:
        self._store = store
        self._session = Session(store.addresses[node])

    def get(self, path: str) -> Answer:
        return self.call("GET", path)

    def buy(self, book: int, quantity: int = 1) -> Answer:
        return self.call("POST", "/api/v1/orders/", {"book": book, "quantity": quantity})

    def call(self, method: str, path: str, data: Any = None, *, as_staff: bool = False) -> Answer:
        """Raises OSError if there is no answer."""
        return self._session.call(method, path, data, login=self._store.staff if as_staff else None)

    def close(self) -> None:
        self._session.close()


class Shop:
    """A running store with the seven books, and what the steps ask of it."""

    def __init__(self, store: Store, servers: Sequence[Server] = ()) -> None:
        """`servers`: a primary and its standby, if the rows are there."""
        self.store, self.servers = store, servers
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
        """What both databases of a service answer to a query, under the names of their files, or servers.

        Of the files at a moment at which nobody writes: the store may finish an order that was cut short meanwhile.
        """
        if self.servers:
            self._await_standby()
            names = zip(("primary", "standby"), self.servers, strict=True)
            return {f"{name}/{service}": rows_of_server(server, service, sql, *values) for name, server in names}
        files = [self.file(f"{service}-{number}") for number in (1, 2)]
        with held(self.store.data / "locks" / service / "mutex"):
            return {f"{file.parent.name}/{file.name}": rows(file, sql, *values) for file in files}

    def _await_standby(self) -> None:
        """It confirms what it has written down, and shows it a moment later."""
        primary, standby = self.servers
        ((end,),) = primary.execute("SELECT pg_current_wal_lsn()::text")
        has_it = f"SELECT 1 WHERE pg_last_wal_replay_lsn() >= '{end}'"
        wait_for(lambda: standby.execute(has_it), 20, "the standby shows what the primary does")

    def differing_tables(self) -> list[str]:
        """The tables of which the two copies don't hold the same rows."""
        found = []
        for service in SERVICES:
            for table in OF_GOODS:
                if table.startswith(service):
                    first, second = self.both(service, f"SELECT * FROM {table} ORDER BY 1").values()  # noqa: S608  (our names)
                    found += [table] if first != second else []
        return found


def rows(file: Path, sql: str, *values: object) -> list[Row]:
    """Reads a database file from outside, as any program could, without the right to change it."""
    with sqlite_files.opened(file) as connection:
        return [tuple(map(_shown, row)) for row in connection.execute(sql, values)]


def rows_of_server(server: Server, database: str, sql: str, *values: object) -> list[Row]:
    """The same of a database of a server."""
    with server.connect(database) as connection:
        found = connection.execute(sql.replace("?", "%s").encode(), values or None)
        return [tuple(map(_shown, row)) for row in found]


def _shown(value: object) -> object:
    """Money as people write it, whatever a database makes of it."""
    return f"{value:.2f}" if isinstance(value, float | Decimal) else value


@contextmanager
def opened(coherence: str, folder: Path, *, on_postgresql: bool = False) -> Iterator[Shop]:
    """Starts a store with ports of its own in that folder, and servers if it needs some; stopped after the block."""
    settings = {
        "BOOKSTORE_CACHE_SIZE": str(CACHE_SIZE),
        "BOOKSTORE_COHERENCE": coherence,
        "BOOKSTORE_LEASE_S": str(LEASE_S),
    }
    with ExitStack() as stack:
        servers: Sequence[Server] = ()
        if on_postgresql:
            servers = stack.enter_context(primary_and_standby(folder / "servers"))
            settings["BOOKSTORE_DATABASE_URL"] = servers[0].url
        shop = Shop(stack.enter_context(Store(folder / "var", environment=settings)), servers)
        stack.callback(shop.front.close)
        yield shop
