"""What is asked of a running store, and what asking cost."""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial

from benchmarks.processor_time import Meter, processes_of
from benchmarks.report.generator import Look, Run, Sample, closed_loop, look_at_nothing, open_loop
from benchmarks.report.section import Cost
from benchmarks.report.timetable import kept
from benchmarks.report.wakefulness import processors_awake
from benchmarks.report.wire import Reply, Request, Sockets, Wire, request
from benchmarks.servers import restock
from tests.store import Store

BOOKS = 7
STOCK = 1_000_000
QUERY, PURCHASE, UPDATE = "query", "purchase", "update"
WARM_UP_S = 0.5
Load = Callable[[Wire], Run]


def query(book: int) -> Request:
    return request(QUERY, "GET", f"/product/{book}", book=book)


def purchase(book: int) -> Request:
    return request(PURCHASE, "POST", f"/purchase/{book}", book=book)


MAKERS = {QUERY: query, PURCHASE: purchase}


def update(book: int, cents: int, staff: tuple[str, str]) -> Request:
    """A new price."""
    price = f"{cents // 100}.{cents % 100:02}"
    return request(UPDATE, "PATCH", f"/api/v1/books/{book}/", body={"price": price}, book=book, login=staff)


def copies_shown(asked: Request, reply: Reply) -> int | None:
    """Of a page of a book."""
    return int(json.loads(reply.body)["quantity"]) if asked.kind == QUERY and reply.status == 200 else None


def price_shown(asked: Request, reply: Reply) -> int | None:
    """In cents: of a page of a book, or as it was changed."""
    if asked.kind not in (QUERY, UPDATE) or reply.status != 200:
        return None
    return round(100 * float(json.loads(reply.body)["price"]))


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


def by_turns(
    stores: Mapping[str, Store], rates: Mapping[str, float], rounds: int, seconds: float, tell: Callable[[str], None]
) -> tuple[dict[tuple[str, str], list[Run]], list[Cost]]:
    """Open loops of queries and of purchases: each round of each, by kind and the store's name; after a warm-up.

    No processor sleeps while queries are timed. A purchase would wait for what keeps it awake: it has many processes
    on its way.
    """
    runs: dict[tuple[str, str], list[Run]] = {(kind, name): [] for kind in rates for name in stores}
    costs = {(kind, name): Cost(f"{kind}, {name}, open loop") for kind, name in runs}
    for kind, name in runs:
        steadily(stores[name], in_turn(MAKERS[kind]), 20, WARM_UP_S)
    for turn, kind in itertools.product(range(rounds), rates):
        tell(f"round {turn + 1} of {rounds}: {kind}")
        with processors_awake() if kind == QUERY else nullcontext():
            for name in sorted(stores, reverse=turn % 2 == 1):
                asked = partial(kept, stores[name].addresses["front"], in_turn(MAKERS[kind]), rate=rates[kind])
                runs[kind, name].append(_metered(stores[name], costs[kind, name], partial(asked, seconds=seconds)))
    return runs, list(costs.values())


def steadily(
    store: Store,
    requests: Iterator[Request],
    rate: float,
    seconds: float,
    cost: Cost | None = None,
    *,
    look: Look = look_at_nothing,
    front: str = "front",
) -> Run:
    """An open loop at one of the store's fronts."""
    return _loaded(store, front, cost, partial(open_loop, requests=requests, rate=rate, seconds=seconds, look=look))


def busily(
    store: Store,
    requests: Iterator[Request],
    clients: int,
    seconds: float,
    cost: Cost | None = None,
    *,
    think_s: float = 0.0,
    seed: int = 1,
) -> Run:
    """A closed loop at the store's front: as fast as answers come, if nobody thinks."""
    customers = partial(closed_loop, clients=clients, seconds=seconds, think_s=think_s, seed=seed)
    return _loaded(store, "front", cost, partial(customers, requests=requests))


def _loaded(store: Store, front: str, cost: Cost | None, load: Load) -> Run:
    with Sockets(store.addresses[front]) as wire:
        if cost is None:
            return load(wire)
        return _metered(store, cost, partial(load, wire))


def _metered(store: Store, cost: Cost, load: Callable[[], Run]) -> Run:
    meter = Meter(lambda: processes_of(store))
    run = load()
    cost.requests += len(run.samples)
    cost.seconds += run.seconds
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
