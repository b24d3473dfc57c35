"""The same store on PostgreSQL and on two files, both running, on one machine: what each request costs.

The primary and its standby are of the run's own, and write as surely as by default (`fsync`). Nothing lies between
them but this machine: on two machines each commit waits for a round trip more.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.children import say
from benchmarks.load import Target, compare, drive
from benchmarks.processor_time import PROC, Meter, processes_of
from benchmarks.servers import restock
from tests.on_postgresql import BINARIES, PACKAGE, program
from tests.postgres import Server, primary_and_standby
from tests.store import Store

BOOKS = 7
STOCK = 1_000_000
CLIENTS = (1, 16)
SERVERS = "servers"
PARENT = 4 - 3
"""As proc(5) numbers the fields: see `processor_time`."""


@dataclass(frozen=True)
class Kept:
    """A running store, and the database servers that it has, if any."""

    name: str
    store: Store
    servers: tuple[Server, ...] = ()

    def target(self, what: str, clients: int) -> Target:
        name = f"{what} on {self.name}"
        if what == "hit":
            return Target(name, f"{self.store.front}/product/2", clients)
        if what == "miss":
            return Target(name, self.store.front, clients, "books.lua", ("/api/v1/books/", str(BOOKS)))
        if what == "purchase":
            return Target(name, self.store.front, clients, "purchases.lua")
        token = (self.store.data / "service-token").read_text().strip()
        return Target(name, self.store.url("catalog-1"), clients, "sales.lua", (token,))

    def processes(self) -> Mapping[int, str]:
        """Those of nodes under their names, those of servers as SERVERS."""
        found = dict(processes_of(self.store))
        for server in self.servers:
            found |= dict.fromkeys([server.pid, *_children(server.pid)], SERVERS)
        return found


def measure(base: Path, rounds: int, seconds: int) -> dict[str, Mapping[str, float]]:
    if program("postgres") is None:
        say(f"engines: left out, as there is no {BINARIES}/postgres (apt install {PACKAGE})")
        return {}
    figures: dict[str, Mapping[str, float]] = {}
    with _both(base) as (server, pair):
        for what in ("hit", "miss", "sale", "purchase"):
            for clients in CLIENTS:
                say(f"{what}, {clients} at once, on both engines")
                ours, yardstick = server.target(what, clients), pair.target(what, clients)
                title = f"{what}, {clients} at once, on PostgreSQL ÷ on two files"
                figures[title] = compare(ours, yardstick, rounds, seconds)
                figures[f"{what}, {clients} at once: processor ms"] = {
                    **_processor_ms(server, ours, rounds * seconds),
                    **_processor_ms(pair, yardstick, rounds * seconds),
                }
    return figures


@contextmanager
def _both(base: Path) -> Iterator[tuple[Kept, Kept]]:
    # One entry: each read of another book is a miss, and each read of the same one a hit.
    environment = {"BOOKSTORE_CACHE_SIZE": "1"}
    with ExitStack() as stack:
        servers = stack.enter_context(primary_and_standby(base / "servers", is_durable=True))
        url = {"BOOKSTORE_DATABASE_URL": servers[0].url}
        stores = [
            stack.enter_context(Store(base / "on-server", environment=environment | url)),
            stack.enter_context(Store(base / "on-files", environment=environment)),
        ]
        for store in stores:
            for book in range(1, BOOKS + 1):
                restock(store, book, STOCK)
        yield Kept("PostgreSQL", stores[0], servers), Kept("two files", stores[1])


def _processor_ms(kept: Kept, target: Target, seconds: int) -> dict[str, float]:
    """Of one request: all processes of the store, and its servers'."""
    meter = Meter(kept.processes)
    answered = drive(target, max(2, seconds // 2)).answered
    spent = meter.take()
    found = {f"{target.name}: all": 1000 * sum(spent.values()) / answered}
    if kept.servers:
        found[f"{target.name}: of that, the two servers"] = 1000 * spent.get(SERVERS, 0.0) / answered
    return found


def _children(pid: int) -> list[int]:
    found = []
    for process in PROC.glob("[0-9]*"):
        try:
            fields = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # It has ended.
            continue
        if int(fields[PARENT]) == pid and int(process.name) != os.getpid():
            found.append(int(process.name))
    return found
