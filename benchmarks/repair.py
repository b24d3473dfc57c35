"""How fast a copy comes back, and what a long past costs.

Catch-up by log, a verified copy of a large file while the other one serves, and writes with a long log behind them.
"""

import statistics
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.children import build, party, say
from benchmarks.percentile import percentile
from tests.client import Client
from tests.databases import in_sync
from tests.store import Store
from tests.waiting import wait_for

Figures = dict[str, Mapping[str, float]]
CATCH_UP_ENTRIES = 50_000
ROWS = 1_000_000
PAST_ENTRIES = 1_000_000
LOG_KEEP = 10_000
ROUND_SALES = 100
COPY_TIMEOUT_S = 600
BEFORE_S = 10


def measure(base: Path, rounds: int, smaller: int) -> Figures:
    """Everything, at a part of the sizes."""
    return {
        f"catch-up by log, {CATCH_UP_ENTRIES // smaller:,} sales": catch_up(base, CATCH_UP_ENTRIES // smaller),
        f"verified copy of {ROWS // smaller:,} ledger rows": copy_while_serving(base, ROWS // smaller),
        f"writes with {PAST_ENTRIES // smaller:,} entries behind them ÷ on a fresh store": long_past(
            base, PAST_ENTRIES // smaller, rounds
        ),
    }


# ------------------------------------------------------------------------------------------- catch-up by log


def catch_up(base: Path, entries: int) -> Mapping[str, float]:
    """Of a sale's entry, which changes the book and adds a ledger row."""
    say("catch-up by log")
    data = base / "behind"
    build(data, "--sales", str(entries), "--behind")
    with party(data) as told:
        done = told("repair", 0)
    assert done["means"] == "log", done
    return {
        "entries/s": entries / done["caught up"],
        "entries per second of a core": entries / done["caught up, of a core"],
        "catching up, s": done["caught up"],
        "with verification, until in sync, s": done["in sync"],
    }


# -------------------------------------------------------------------------------- a copy while the store serves


def copy_while_serving(base: Path, rows: int) -> Mapping[str, float]:
    """A running store loses one catalog file; the front is asked for books and purchases all the time.

    The files were scrubbed before, as those of a store are that has run for an hour.
    """
    say("a verified copy while the store serves")
    data = base / "large"
    build(data, "--sales", str(rows), "--keep", str(min(rows, LOG_KEEP)))
    with Store(data) as store:
        store.manage("replication", "scrub", timeout_s=COPY_TIMEOUT_S)
        for buyer in (load := Load(store)).threads:
            buyer.start()
        time.sleep(BEFORE_S)  # What it is like without.
        before = load.take()
        began = time.perf_counter()
        (data / "catalog-2" / "catalog.sqlite3").unlink()
        wait_for(lambda: in_sync(store, "catalog") == {"catalog-1"}, 30, "the loss is noticed")
        wait_for(lambda: len(in_sync(store, "catalog")) == 2, COPY_TIMEOUT_S, "the copy is in sync")
        seconds = time.perf_counter() - began
        during = load.take()
        load.stop.set()
        for buyer in load.threads:
            buyer.join()
    rates = {
        f"{what}s/s meanwhile ÷ before": len(during[what]) / seconds / (len(before[what]) / BEFORE_S)
        for what in before
    }
    return {
        "until in sync again, s": seconds,
        "requests that failed": load.failed,
        **rates,
        **told_of(before, during),
    }


class Load:
    """One thread that buys and one that reads a book that is not in the cache, one after the other."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.stop = threading.Event()
        self.failed = 0
        self._seconds: dict[str, list[float]] = {"purchase": [], "read": []}
        self.threads = [threading.Thread(target=self._buy), threading.Thread(target=self._read)]

    def take(self) -> dict[str, list[float]]:
        """The seconds of each request since the last call."""
        taken, self._seconds = self._seconds, {"purchase": [], "read": []}
        return taken

    def _buy(self) -> None:
        with Client(self.store, keep_alive=True) as client:
            while not self.stop.is_set():
                self._time("purchase", 201, lambda: client.buy(1).status)

    def _read(self) -> None:
        with Client(self.store, "catalog-1", keep_alive=True) as client:
            while not self.stop.is_set():
                self._time("read", 200, lambda: client.get("/api/v1/books/1/").status)

    def _time(self, what: str, wanted: int, request: Any) -> None:
        began = time.perf_counter()
        self.failed += request() != wanted
        self._seconds[what].append(time.perf_counter() - began)


def told_of(before: dict[str, list[float]], during: dict[str, list[float]]) -> dict[str, float]:
    """Medians, 99th percentiles and the longest, in ms."""
    figures: dict[str, float] = {}
    for when, taken in (("before", before), ("meanwhile", during)):
        for what, seconds in taken.items():
            figures[f"{what} {when}, median ms"] = 1000 * statistics.median(seconds)
            figures[f"{what} {when}, p99 ms"] = 1000 * percentile(seconds, 0.99)
            figures[f"{what} {when}, longest ms"] = 1000 * max(seconds)
    return figures


# ------------------------------------------------------------------------------------------------ a long past


def long_past(base: Path, entries: int, rounds: int) -> Mapping[str, float]:
    """Sales by turns in two stores, which differ in what lies behind them."""
    say("writes with a long log behind them")
    build(base / "old", "--edits", str(entries))
    build(base / "fresh")
    pairs: list[tuple[float, float]] = []
    with party(base / "old") as old, party(base / "fresh") as fresh:
        for each in (old, fresh):
            each("sell", ROUND_SALES)
        for turn in range(rounds):
            sides = (old, fresh) if turn % 2 == 0 else (fresh, old)
            medians = {side: statistics.median(side("sell", ROUND_SALES)) for side in sides}
            pairs.append((medians[old], medians[fresh]))
    return {
        "with a past, ms a sale": 1000 * statistics.median(pair[0] for pair in pairs),
        "fresh, ms a sale": 1000 * statistics.median(pair[1] for pair in pairs),
        "ratio of speeds": statistics.median(fresh_s / old_s for old_s, fresh_s in pairs),
    }
