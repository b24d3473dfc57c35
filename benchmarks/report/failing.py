"""What customers feel while something fails: requests before, during and after a fault, at a store that runs."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import datetime

from benchmarks.report import judging, popularity
from benchmarks.report.consistency import books
from benchmarks.report.failing_told import PURCHASE_EVERY, RATE, section
from benchmarks.report.faults import CUT_OFF, FAULTS, FULL, OTHER_FRONT, QUICK, Fault, Plan, Round, Scene
from benchmarks.report.generator import Run
from benchmarks.report.loads import BOOKS, WARM_UP_S, copies_shown, in_turn, mixed, purchase, query, steadily
from benchmarks.report.section import Cost, Effort, Part, Section
from benchmarks.report.stores import Stores, running
from bookstore_project.nodes.tool_client import Session
from tests.store import Store
from tests.stress.network import Network
from tests.stress.run import WIRED, calls_between, routes
from tests.waiting import wait_for

TABLES = {"catalog": "catalog_app_ledgerentry", "order": "order_app_order"}
WATCHED_RATE = 40.0
"""Of reads at the front that is cut off."""


def measure(stores: Stores, effort: Effort, tell: Callable[[str], None]) -> Section:
    cost = Cost("queries and purchases, open loop, with faults")
    rounds = 1 if effort.is_quick else effort.rounds
    plan = QUICK if effort.is_quick else FULL
    found: dict[str, list[Round]] = {fault.name: [] for fault in FAULTS}
    tell("starting a store, and one on a network that can be cut")
    with two_fronts(stores, plan) as cuttable:
        (store,) = stores.kept(cached={})
        whole = Scene(store, plan)
        for scene in (whole, cuttable):
            steadily(scene.store, in_turn(query), 50, WARM_UP_S)
        for turn in range(rounds):
            for fault in FAULTS:
                tell(f"round {turn + 1} of {rounds}: {fault.title}")
                scene = cuttable if fault is CUT_OFF else whole
                found[fault.name].append(strike(scene, fault, effort.seed + turn, cost))
    return section(found, plan, cost)


@contextmanager
def two_fronts(stores: Stores, plan: Plan) -> Iterator[Scene]:
    """A store of two fronts, on a network of which a part can be cut."""
    store = stores.made("two-fronts", {}, fronts=2)
    with Network(calls_between(["front", OTHER_FRONT]), store.addresses, "report") as network:
        store.environment |= WIRED | routes(network)
        with running([store]):
            yield Scene(store, plan, network)


def strike(scene: Scene, fault: Fault, seed: int, cost: Cost) -> Round:
    """The load, the fault in the midst of it, and what a front says of it; returns when the files are equal again."""
    store, seconds = scene.store, scene.plan.seconds
    seen_before = {event["at"] + event["event"] for event in events(store, fault.seen_by)}
    requests = mixed(popularity.endless(popularity.zipf(BOOKS), seed), PURCHASE_EVERY)
    rows_before = row_counts(store)
    copies = {book: int(shown["quantity"]) for book, shown in books(store).items()} if fault is CUT_OFF else {}
    began, began_at = time.perf_counter(), time.time()
    moments: list[float] = []
    watched: list[Run] = []

    def do() -> None:
        time.sleep(scene.plan.strike_s)
        moments.append(time.perf_counter() - began)
        fault.strike(scene)

    def watch() -> None:
        run = steadily(store, in_turn(query), WATCHED_RATE, seconds, look=copies_shown, front=OTHER_FRONT)
        watched.append(run)

    with ExitStack() as stack:
        for work in (do, watch) if fault is CUT_OFF else (do,):
            thread = threading.Thread(target=work)
            thread.start()
            stack.callback(thread.join)
        run = steadily(store, requests, RATE, seconds, cost)
    store.wait_ready()
    wait_for(lambda: is_well_again(store, fault.seen_by), what="both copies in sync and in rotation")
    offset = run.began - began
    marks = [
        (moment(event["at"]) - began_at - offset, f"{event['node']} {event['event']}")
        for event in events(store, fault.seen_by)
        if event["at"] + event["event"] not in seen_before
    ]
    return Round(
        run,
        moments[0] - offset,
        sorted(marks),
        row_counts(store),
        rows_before,
        *((watched[0], stale_at_both(run, watched[0], copies)) if watched else ()),
    )


def stale_at_both(run: Run, watched: Run, copies: Mapping[int, int]) -> int:
    """Of the watched reads, beside the purchases of the run; each has moments of its own."""
    later = watched.began - run.began
    moved = [
        replace(one, due_s=one.due_s + later, sent_s=one.sent_s + later, done_s=one.done_s + later)
        for one in watched.samples
    ]
    return len(judging.stale([*run.samples, *moved], copies))


def events(store: Store, front: str) -> list[Mapping[str, str]]:
    """What a front has noticed, the newest first."""
    with Session(store.addresses[front]) as session:
        found: list[Mapping[str, str]] = session.get("/api/v1/cluster/").json["events"]
        return found


def is_well_again(store: Store, front: str) -> bool:
    """Asks a little, too: the front finds out by requests whether who has passed a check is back."""
    steadily(store, in_turn(purchase), 20, 0.2, front=front)
    with Session(store.addresses[front]) as session:
        nodes = session.get("/api/v1/cluster/").json["nodes"]
    return all(node["in_sync"] and node["state"] == "up" for node in nodes if not node["name"].startswith("front"))


def moment(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def row_counts(store: Store) -> dict[str, tuple[int, int]]:
    found = {}
    for service, table in TABLES.items():
        counts = []
        for number_of_copy in (1, 2):
            file = store.data / f"{service}-{number_of_copy}" / f"{service}.sqlite3"
            with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)) as connection:
                counts.append(int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]))
        found[table] = (counts[0], counts[1])
    return found


PART = Part("failing", 130, 14, measure)
