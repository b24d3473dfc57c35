"""What customers notice when a process is killed: 200 requests a second, whatever became of those before.

An open loop: a request's time runs from when it was due, so that waiting in the load generator counts as well.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from itertools import pairwise
from pathlib import Path

from benchmarks.children import say
from benchmarks.percentile import percentile
from benchmarks.servers import restock
from tests.client import Client
from tests.store import Store

Figures = dict[str, Mapping[str, float]]
RATE = 200.0
PURCHASE_EVERY = 10
"""One in so many requests buys; the others read a book, now a hit and now a miss."""
CUSTOMERS = 128
BOOKS = 7
STOCK = 100_000
LEASE_S = 1.5
GAP_S = 0.5
"""A pause between two acknowledged writes that counts as a stall: far more than one write takes."""


def measure(base: Path, seconds: float) -> Figures:
    """A replica of each service killed under load, and a front beside the one that is used."""
    figures: Figures = {}
    for node in ("catalog-1", "order-2"):
        figures[f"{node} killed under {RATE:.0f} requests/s"] = kill_a_replica(base / node, node, seconds)
    figures["a front killed under a stream of writes"] = kill_a_front(base / "fronts", seconds)
    return figures


@dataclass(frozen=True)
class Outcome:
    """What became of one request."""

    took_s: float
    status: int


def kill_a_replica(data: Path, node: str, seconds: float) -> Mapping[str, float]:
    say(f"{node} killed")
    with Store(data) as store:
        for book in range(1, BOOKS + 1):
            restock(store, book, STOCK)
        stream = Stream(store)
        before = stream.run(seconds)
        killer = threading.Timer(1.0, lambda: store.kill(node))
        killer.start()
        during = stream.run(seconds)
        killer.join()
        store.wait_ready()
    return {
        "requests": len(during),
        **failures(during),
        "worst before, ms": 1000 * max(outcome.took_s for outcome in before),
        "worst with the kill, ms": 1000 * max(outcome.took_s for outcome in during),
        "99th percentile with the kill, ms": 1000 * percentile((outcome.took_s for outcome in during), 0.99),
    }


def failures(outcomes: list[Outcome]) -> dict[str, float]:
    """How many, and how many of each status."""
    counted = Counter(outcome.status for outcome in outcomes if outcome.status not in (200, 201))
    return {"failed": counted.total(), **{f"  with status {status}": count for status, count in counted.items()}}


class Stream:
    """Sends requests when they are due, for some seconds at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._idle: deque[Client] = deque()

    def run(self, seconds: float) -> list[Outcome]:
        began = time.monotonic() + 0.2
        with ThreadPoolExecutor(CUSTOMERS) as customers:
            answers = []
            for number in range(int(RATE * seconds)):
                due = began + number / RATE
                time.sleep(max(0.0, due - time.monotonic()))
                answers.append(customers.submit(self._ask, number, due))
            return [answer.result() for answer in answers]

    def _ask(self, number: int, due: float) -> Outcome:
        client = self._take()
        status = answer_of(client, number)
        now = time.monotonic()
        self._idle.append(client)
        return Outcome(now - due, status)

    def _take(self) -> Client:
        with suppress(IndexError):
            return self._idle.pop()
        return Client(self._store, keep_alive=True)


def answer_of(client: Client, number: int) -> int:
    """The status; 0 for no answer."""
    book = number % BOOKS + 1
    try:
        return client.buy(book).status if number % PURCHASE_EVERY == 0 else client.get(f"/product/{book}").status
    except (OSError, HTTPException):
        return 0


def kill_a_front(data: Path, seconds: float) -> Mapping[str, float]:
    """Writes through one front, one after the other, while the other one is killed and comes back."""
    say("a front killed")
    acknowledged: list[float] = []
    failed = 0
    with Store(data, fronts=2) as store:
        for book in range(1, BOOKS + 1):
            restock(store, book, STOCK)
        end = time.monotonic() + seconds
        killer = threading.Timer(1.0, lambda: store.kill("front-2"))
        killer.start()
        with Client(store, keep_alive=True) as client:
            while time.monotonic() < end:
                failed += answer_of(client, 0) != 201
                acknowledged.append(time.monotonic())
        killer.join()
        store.wait_ready()
    pauses = [after - before for before, after in pairwise(acknowledged)]
    return {
        "writes": len(acknowledged),
        "failed": failed,
        "stalls": sum(pause > GAP_S for pause in pauses),
        "longest pause, s": max(pauses),
        "a lease, s": LEASE_S,
    }
