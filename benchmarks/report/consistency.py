"""The price of consistency: what a write and the read after it cost by coherence, replicas and `synchronous`."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from benchmarks.report.consistency_told import CASES, ORDINARY, QUICK_CASES, READS, Case, Round, section
from benchmarks.report.judging import replaced, stale
from benchmarks.report.loads import (
    BOOKS,
    PURCHASE,
    UPDATE,
    copies_shown,
    price_shown,
    purchase,
    query,
    steadily,
    update,
)
from benchmarks.report.section import Cost, Effort, Part, Section
from benchmarks.report.stores import Stores, running
from benchmarks.report.wire import Request
from bookstore_project.nodes.tool_client import Session
from bookstore_project.replication.folder_locks import try_lock
from bookstore_project.replication.interface import MAINTENANCE
from tests.store import Store
from tests.waiting import wait_for

RATE = 60.0
DEAREST = 10_000
"""Cents, above all prices of a new store: from here on, each change sets one cent more than the one before."""


def measure(stores: Stores, effort: Effort, tell: Callable[[str], None]) -> Section:
    cost = Cost("writes and reads after them, open loop")
    cases = QUICK_CASES if effort.is_quick else CASES
    found: dict[str, list[Round]] = {case.label: [] for case in cases}
    prices = itertools.count(DEAREST)
    tell(f"starting {len(cases)} stores")
    with started(stores, cases) as compared:
        for store in compared.values():
            steadily(store, buy_and_read(), 40, 0.3)
            steadily(store, change_and_read(prices, store.staff), 40, 0.3)
        for turn in range(effort.rounds):
            tell(f"round {turn + 1} of {effort.rounds}")
            for label in list(compared)[:: 1 if turn % 2 == 0 else -1]:
                found[label] += rounds_at(compared[label], prices, 0.6 * effort.seconds, cost)
    return section(found, cost)


@contextmanager
def started(stores: Stores, cases: Sequence[Case]) -> Iterator[dict[str, Store]]:
    """A store for each case, by its label."""
    (ordinary,) = stores.kept(cached={})
    others = {case.label: stores.made(f"consistency-{n}", case.settings) for n, case in enumerate(cases)}
    del others[ORDINARY]
    lonely = [others[case.label] for case in cases if case.replicas == 1]
    with ExitStack() as stack:
        for store in lonely:
            stack.enter_context(no_repair(store))
        stack.enter_context(running(others.values()))
        for store in lonely:
            take_second_files(store)
        yield {case.label: others.get(case.label, ordinary) for case in cases}


@contextmanager
def no_repair(store: Store) -> Iterator[None]:
    """Of a store that isn't started yet: the role of whoever repairs files is held here, so that nobody does."""
    with ExitStack() as stack:
        for service in ("catalog", "order"):
            assert stack.enter_context(try_lock(store.data / "locks" / service / MAINTENANCE))
        yield


def take_second_files(store: Store) -> None:
    """Returns when both services have one replica alone."""
    for service in ("catalog", "order"):
        for path in (store.data / f"{service}-2").glob(f"{service}.sqlite3*"):
            path.unlink()
    wait_for(lambda: not any(seconds_in_sync(store)), what="one replica of each service")


def seconds_in_sync(store: Store) -> list[bool]:
    steadily(store, itertools.repeat(purchase(1)), 20, 0.1)  # Who writes finds that a file is gone.
    with Session(store.addresses["front"]) as session:
        nodes = session.get("/api/v1/cluster/").json["nodes"]
    return [bool(node["in_sync"]) for node in nodes if node["name"] in ("catalog-2", "order-2")]


def rounds_at(store: Store, prices: Iterator[int], seconds: float, cost: Cost) -> Iterator[Round]:
    """One of each kind of write."""
    start = books(store)
    run = steadily(store, buy_and_read(), RATE, seconds, cost, look=copies_shown)
    copies = {book: int(shown["quantity"]) for book, shown in start.items()}
    yield Round(PURCHASE, run, len(stale(run.samples, copies)))
    run = steadily(store, change_and_read(prices, store.staff), RATE, seconds, cost, look=price_shown)
    cents = {book: round(100 * float(shown["price"])) for book, shown in start.items()}
    yield Round(UPDATE, run, len(replaced(run.samples, cents, UPDATE)))


def books(store: Store) -> dict[int, Mapping[str, str]]:
    """Each as a replica has it: no cache is asked."""
    with Session(store.addresses["catalog-1"]) as session:
        return {book: session.get(f"/api/v1/books/{book}/").json for book in range(1, BOOKS + 1)}


def buy_and_read() -> Iterator[Request]:
    """A purchase of each book in turn, and reads of the same one after it."""
    for book in itertools.cycle(range(1, BOOKS + 1)):
        yield purchase(book)
        yield from itertools.repeat(query(book), READS)


def change_and_read(prices: Iterator[int], staff: tuple[str, str]) -> Iterator[Request]:
    """The same with a new price instead of a purchase."""
    for book in itertools.cycle(range(1, BOOKS + 1)):
        yield update(book, next(prices), staff)
        yield from itertools.repeat(query(book), READS)


PART = Part("consistency", 90, 10, measure)
