"""Our store beside the usual way (`benchmarks.usual_way`): requests, and what each costs in processor time."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.children import say
from benchmarks.load import Load, Target, drive
from benchmarks.processor_time import Meter, processes_by, processes_of
from benchmarks.servers import restock
from tests.store import ROOT, Store
from tests.waiting import wait_for

Figures = dict[str, Mapping[str, float]]
BOOKS = 7
STOCK = 1_000_000
START_S = 120
CROWD = 64
"""Customers of two fronts."""
REST_S, IDLE_S = 15, 20
"""Until a store has done what is left of its beginning, and for how long it is watched then."""
SETTLE_S, LOOK_S = 30.0, 0.2
BUSY = 0.2
"""Of a core: who burns less has nothing to do."""


@dataclass(frozen=True)
class Side:
    """One of the two, while it runs."""

    name: str
    fronts: Sequence[str]
    """Their URLs: customers are given out among them."""
    meter: Meter
    may_fail: bool = False


@dataclass
class Taken:
    """What one side has done in all its rounds."""

    rates: list[float] = field(default_factory=list)
    loads: list[Load] = field(default_factory=list)
    burned: dict[str, float] = field(default_factory=dict)

    @property
    def answered(self) -> int:
        """Never none, so that there is something to divide by."""
        return max(1, sum(load.answered for load in self.loads))

    def figures(self, name: str) -> Mapping[str, float]:
        each = {node: 1000 * seconds / self.answered for node, seconds in sorted(self.burned.items())}
        failed = sum(load.failed for load in self.loads)
        return {
            f"{name}, requests/s": statistics.median(self.rates),
            f"{name}, median ms": statistics.median(load.median_ms for load in self.loads),
            f"{name}, p99 ms": max(load.p99_ms for load in self.loads),
            **({f"{name}, requests that failed": failed} if failed else {}),
            f"{name}, processor ms a request": sum(each.values()),
            **{f"  … {node}": milliseconds for node, milliseconds in each.items()},
        }


def measure(base: Path, rounds: int, seconds: int) -> Figures:
    """Hits, misses and purchases, the two sides by turns; and what our store burns while nobody asks."""
    figures: Figures = {}
    with both(base / "cached") as sides:
        say("an idle store")
        figures["idle store"] = idle(sides[0])
        say("hits beside the usual way")
        figures["hit ÷ the usual way"] = beside(sides, 32, "/product/2", "", rounds, seconds)
        for customers in (1, 16):
            say(f"purchases of {customers} beside the usual way")
            figures[purchases(customers)] = beside(sides, customers, "", "purchases.lua", rounds, seconds)
    with both(base / "uncached", is_cached=False) as sides:
        say("misses beside the usual way")
        figures["miss ÷ the usual way"] = beside(sides, 4, "", "books.lua", rounds, seconds)
    with both(base / "fronts", fronts=2) as sides:
        say(f"purchases of {CROWD} on two fronts")
        figures[purchases(CROWD)] = beside(sides, CROWD, "", "purchases.lua", rounds, seconds)
    return figures


def purchases(customers: int) -> str:
    """The title of that comparison."""
    whose = {1: "1 client", CROWD: f"{CROWD} clients on two fronts"}.get(customers, f"{customers} clients")
    return f"purchase ÷ the usual way, {whose}"


def idle(side: Side) -> Mapping[str, float]:
    """Processor time of all processes, in parts of one core."""
    time.sleep(REST_S)
    side.meter.take()
    began = time.monotonic()
    time.sleep(IDLE_S)
    spent = side.meter.take()
    return {"% of a core": 100 * sum(spent.values()) / (time.monotonic() - began)}


def beside(
    sides: Sequence[Side], customers: int, path: str, script: str, rounds: int, seconds: int
) -> Mapping[str, float]:
    """Ours first, the usual way second, and their ratio: the median of the rounds, who begins changing each time."""
    taken = [Taken() for _ in sides]
    for turn in range(rounds):
        order = (0, 1) if turn % 2 == 0 else (1, 0)
        for number in order:
            _round(sides[number], taken[number], customers, path, script, seconds)
    ours, usual = taken
    first, second = (each.figures(side.name) for side, each in zip(sides, taken, strict=True))
    # The names of the nodes are those of both: which side's they are stands before.
    named = {key if not key.startswith("  …") else f"{key} (the usual way)": value for key, value in second.items()}
    return {
        **first,
        "p99 ÷ median": statistics.median(load.p99_ms / load.median_ms for load in ours.loads if load.answered),
        **named,
        "ratio": statistics.median(
            # Who had not one answer in a round counts as if there had been one.
            mine / max(theirs, 1 / seconds)
            for mine, theirs in zip(ours.rates, usual.rates, strict=True)
        ),
    }


def _round(side: Side, taken: Taken, customers: int, path: str, script: str, seconds: int) -> None:
    arguments = ("/product/", str(BOOKS)) if script == "books.lua" else ()
    share = customers // len(side.fronts)
    targets = [Target(side.name, f"{front}{path}", share, script, arguments) for front in side.fronts]
    side.meter.take()
    with ThreadPoolExecutor(len(targets)) as drivers:
        loads = list(drivers.map(partial(drive, seconds=seconds, may_fail=side.may_fail), targets))
    for node, burned in side.meter.take().items():
        taken.burned[node] = taken.burned.get(node, 0.0) + burned
    _settle(side)
    taken.rates.append(sum(load.rate for load in loads))
    taken.loads += loads


def _settle(side: Side) -> None:
    """Until it has worked off what nobody waits for any more: that would burden the other side."""
    end = time.monotonic() + SETTLE_S
    while time.monotonic() < end:
        side.meter.take()
        time.sleep(LOOK_S)
        if sum(side.meter.take().values()) < BUSY * LOOK_S:
            return


@contextmanager
def both(base: Path, *, fronts: int = 1, is_cached: bool = True) -> Iterator[Sequence[Side]]:
    """Our store and the usual way, both running, with enough copies."""
    say("starting both stores")
    base.mkdir()
    environment = {} if is_cached else {"BOOKSTORE_CACHE_SIZE": "1"}
    with (
        Store(base / "ours", fronts=fronts, environment=environment) as store,
        usual_way(base / "usual", fronts=fronts, is_cached=is_cached) as running,
    ):
        for book in range(1, BOOKS + 1):
            restock(store, book, STOCK)
        usual = partial(processes_by, "USUAL_WAY_DATA", str(base / "usual"), "USUAL_WAY_NODE")
        yield (
            Side("ours", _fronts(store.addresses), Meter(partial(processes_of, store))),
            Side("the usual way", _fronts(running.addresses), Meter(usual), may_fail=True),
        )


def _fronts(addresses: Mapping[str, str]) -> Sequence[str]:
    return [f"http://{address}" for node, address in addresses.items() if node.startswith("front")]


@dataclass(frozen=True)
class UsualWay:
    """The usual way, while it runs."""

    process: "subprocess.Popen[bytes]"
    """That which has started the others."""
    addresses: Mapping[str, str]


@contextmanager
def usual_way(data: Path, *, fronts: int = 1, is_cached: bool = True) -> Iterator[UsualWay]:
    """The usual way with its files in a new folder, up."""
    command = [sys.executable, "-m", "benchmarks.usual_way", "--data", str(data), "--fronts", str(fronts)]
    command += [] if is_cached else ["--no-cache"]
    said = data.with_name(f"{data.name}.console")
    with said.open("ab") as console:
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ, stdout=console, stderr=console)
    told = data / "addresses.json"

    def is_up() -> bool:
        assert process.poll() is None, said.read_text()
        return told.exists()

    try:
        wait_for(is_up, START_S, "the usual way")
        yield UsualWay(process, json.loads(told.read_text()))
    finally:
        process.terminate()
        process.wait(30)
