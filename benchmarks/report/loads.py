"""What is asked of a running store, and what asking cost."""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from benchmarks.processor_time import Meter, processes_of
from benchmarks.report.generator import Look, Run, Sample, closed_loop, look_at_nothing, open_loop
from benchmarks.report.section import Cost
from benchmarks.report.wire import Reply, Request, Sockets, request
from benchmarks.servers import restock
from tests.store import Store

BOOKS = 7
STOCK = 1_000_000
QUERY, PURCHASE = "query", "purchase"
WARM_UP_S = 0.5


def query(book: int) -> Request:
    return request(QUERY, "GET", f"/product/{book}", book=book)


def purchase(book: int) -> Request:
    return request(PURCHASE, "POST", f"/purchase/{book}", book=book)


def copies_shown(asked: Request, reply: Reply) -> int | None:
    """Of a page of a book."""
    return int(json.loads(reply.body)["quantity"]) if asked.kind == QUERY and reply.status == 200 else None


def in_turn(make: Callable[[int], Request], books: int = BOOKS) -> Iterator[Request]:
    """Of all books, one after the other: with a cache of one entry, never a hit."""
    return itertools.cycle([make(book) for book in range(1, books + 1)])


def mixed(requests: Iterable[int], purchase_every: int) -> Iterator[Request]:
    """Of these books; one in so many requests buys."""
    for number, book in enumerate(requests):
        yield purchase(book) if number % purchase_every == 0 else query(book)


def fill(store: Store) -> None:
    """With enough copies that no purchase is refused."""
    for book in range(1, BOOKS + 1):
        restock(store, book, STOCK)


def steadily(
    store: Store,
    requests: Iterator[Request],
    rate: float,
    seconds: float,
    cost: Cost | None = None,
    *,
    look: Look = look_at_nothing,
) -> Run:
    """An open loop at the store's front."""
    with Sockets(store.addresses["front"]) as wire:
        return _counted(store, cost, lambda: open_loop(wire, requests, rate=rate, seconds=seconds, look=look))


def busily(
    store: Store,
    requests: Iterator[Request],
    clients: int,
    seconds: float,
    cost: Cost | None = None,
    *,
    look: Look = look_at_nothing,
) -> Run:
    """A closed loop at the store's front, as fast as answers come."""
    with Sockets(store.addresses["front"]) as wire:
        return _counted(store, cost, lambda: closed_loop(wire, requests, clients=clients, seconds=seconds, look=look))


def _counted(store: Store, cost: Cost | None, load: Callable[[], Run]) -> Run:
    if cost is None:
        return load()
    meter = Meter(lambda: processes_of(store))
    run = load()
    cost.requests += len(run.samples)
    cost.own_s += run.cost_s
    cost.store_s += sum(meter.take().values())
    return run


def rows(samples: Sequence[Sample], more: Mapping[str, object]) -> list[dict[str, object]]:
    """For a CSV file."""
    return [
        {
            **more,
            "kind": sample.kind,
            "book": sample.book,
            "due_s": f"{sample.due_s:.6f}",
            "sent_s": f"{sample.sent_s:.6f}",
            "took_ms": f"{sample.took_ms:.3f}",
            "status": sample.status,
            "cache": sample.cache,
            "replica": sample.replica,
        }
        for sample in samples
    ]
