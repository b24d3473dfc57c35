"""What customers feel while something fails: requests in each tenth of a second, before, during and after."""

import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from matplotlib.axes import Axes

from benchmarks.report import judging, popularity, style
from benchmarks.report.generator import Run
from benchmarks.report.judging import spread
from benchmarks.report.loads import BOOKS, WARM_UP_S, fill, in_turn, mixed, purchase, query, steadily
from benchmarks.report.section import Cost, Effort, Part, Plot, Section, Table
from bookstore_project.nodes.tool_client import Session
from tests.store import Store
from tests.waiting import wait_for

RATE = 150.0
PURCHASE_EVERY = 10
STRIKE_S = 1.5
"""After the load's begin."""
ROUND_S, QUICK_ROUND_S = 6.0, 4.0
TABLES = {"catalog": "catalog_app_book", "order": "order_app_order"}
OUT, BACK = "requests go to", "is back in rotation"
"""What the front says in its events."""


@dataclass(frozen=True)
class Fault:
    """Something that fails, and how it is made to."""

    name: str
    title: str
    strike: Callable[[Store], None]
    node: str


@dataclass
class Round:
    """One fault, once."""

    run: Run
    struck_s: float
    marks: Sequence[tuple[float, str]]
    """Seconds since the load's begin, and what was noticed then."""
    rows: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Of each table in the two files, when all was well again."""


def kill(node: str) -> Callable[[Store], None]:
    def strike(store: Store) -> None:
        store.kill(node)

    return strike


def delete_file(store: Store) -> None:
    """The database of a running replica, and what SQLite keeps beside it."""
    for path in (store.data / "catalog-2").glob("catalog.sqlite3*"):
        path.unlink(missing_ok=True)


FAULTS = (
    Fault("kill-catalog", "catalog-1 is killed", kill("catalog-1"), "catalog-1"),
    Fault("kill-order", "order-2 is killed", kill("order-2"), "order-2"),
    Fault("delete-file", "catalog-2's file is deleted", delete_file, "catalog-2"),
)


def measure(base: Path, effort: Effort, tell: Callable[[str], None]) -> Section:
    cost = Cost("queries and purchases, open loop, with faults")
    rounds = 1 if effort.is_quick else effort.rounds
    seconds = QUICK_ROUND_S if effort.is_quick else ROUND_S
    found: dict[str, list[Round]] = {fault.name: [] for fault in FAULTS}
    tell("starting a store")
    with Store(base / "store") as store:
        fill(store)
        steadily(store, in_turn(query), 50, WARM_UP_S)
        for turn in range(rounds):
            for fault in FAULTS:
                tell(f"round {turn + 1} of {rounds}: {fault.title}")
                found[fault.name].append(strike(store, fault, seconds, effort.seed + turn, cost))
    return section(found, seconds, cost)


def strike(store: Store, fault: Fault, seconds: float, seed: int, cost: Cost) -> Round:
    """The load, the fault in the midst of it, and what the front says of it; returns when the files are equal
    again."""
    seen_before = {event["at"] + event["event"] for event in events(store)}
    requests = mixed(popularity.endless(popularity.zipf(BOOKS), seed), PURCHASE_EVERY)
    began, began_at = time.perf_counter(), time.time()
    struck = threading.Event()
    moments: list[float] = []

    def do() -> None:
        struck.wait(STRIKE_S)
        moments.append(time.perf_counter() - began)
        fault.strike(store)

    with ExitStack() as stack:
        thread = threading.Thread(target=do)
        thread.start()
        stack.callback(thread.join)
        run = steadily(store, requests, RATE, seconds, cost)
    store.wait_ready()
    wait_for(lambda: is_well_again(store), what="both copies in sync and in rotation")
    offset = run.began - began
    marks = [
        (moment(event["at"]) - began_at - offset, f"{event['node']} {event['event']}")
        for event in events(store)
        if event["at"] + event["event"] not in seen_before
    ]
    return Round(run, moments[0] - offset, sorted(marks), row_counts(store))


def events(store: Store) -> list[Mapping[str, str]]:
    """What the front has noticed, the newest first."""
    with Session(store.addresses["front"]) as session:
        found: list[Mapping[str, str]] = session.get("/api/v1/cluster/").json["events"]
        return found


def is_well_again(store: Store) -> bool:
    """Asks a little, too: the front finds out by requests whether who has passed a check is back."""
    steadily(store, in_turn(purchase), 20, 0.2)
    with Session(store.addresses["front"]) as session:
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


def section(found: Mapping[str, Sequence[Round]], seconds: float, cost: Cost) -> Section:
    all_rounds = [each for rounds in found.values() for each in rounds]
    failed = sum(each.run.failed for each in all_rounds)
    asked = sum(len(each.run.samples) for each in all_rounds)
    unequal = sum(one != two for each in all_rounds for one, two in each.rows.values())
    return Section(
        title="Failing",
        question="A replica goes down, or loses its file, while customers are at work. Who notices, for how long, "
        "and "
        "what is in the databases afterwards?",
        shows=f"{failed} of {asked:,} requests failed in all rounds together. What was due while a node was down was "
        "asked of the other replica. Afterwards both files had the same number of rows"
        f"{f', except {unequal} times' if unequal else ''}.",
        limits="One node at a time fails, and the machine stays. A front that is cut off is not in it. Equal counts "
        "of "
        "rows are no proof of equal rows: `make chaos` compares each. The marks are what the front says in its "
        "events.",
        plots=[_timeline(fault, found[fault.name], seconds) for fault in FAULTS],
        tables=[_table(found), _rows(found)],
        raw={"failing": _raw(found, seconds), "failing_events": _raw_events(found)},
        costs=[cost],
    )


def _timeline(fault: Fault, rounds: Sequence[Round], seconds: float) -> Plot:
    """The rounds beside one another, each moved so that the fault is at 0."""
    figure, (upper, lower) = style.figure(2, 1, sharex=True)
    binned = [judging.bins(each.run.samples, seconds) for each in rounds]
    at = [number_of_bin * judging.BIN_S - STRIKE_S for number_of_bin in range(len(binned[0]))]
    answered = [[one.sent - one.failed for one in column] for column in zip(*binned, strict=True)]
    failed = [max(one.failed for one in column) for column in zip(*binned, strict=True)]
    worst = [spread([one.worst_ms for one in column]) for column in zip(*binned, strict=True)]
    edges = [*at, at[-1] + judging.BIN_S]
    for axis, name, line, values in (
        (upper, "answered", 0, [spread(each).median for each in answered]),
        (upper, "failed (most in a round)", 1, failed),
        (lower, "median of the rounds", 0, [each.median for each in worst]),
    ):
        colour = style.COLOURS[3 * line]
        axis.stairs(
            values, edges, baseline=None, color=colour, linestyle=style.LINES[line], label=name, linewidth=1.5
        )
    upper.set(ylabel="requests in 100 ms", ylim=(0, 1.4 * max(map(max, answered))), title=fault.title)
    lows, highs = [each.low for each in worst], [each.high for each in worst]
    lower.fill_between(
        edges,
        [*lows, lows[-1]],
        [*highs, highs[-1]],
        step="post",
        color=style.FAINT,
        label="all rounds",
        lw=0,
        zorder=0.8,
    )
    lower.set(yscale="log", ylabel="slowest request, ms", xlabel="seconds since the fault")
    lower.set_ylim(top=4 * max(highs))  # Room for the legend.
    style.plain_logarithm(lower.yaxis)
    for axis in (upper, lower):
        _mark(axis, fault, rounds, has_names=axis is upper)
        axis.legend(loc="upper right", ncols=2)
    return Plot(
        f"failing_{fault.name}",
        f"{RATE:g} requests a second, one in {PURCHASE_EVERY} a purchase, an open loop, "
        f"{judging.rounds_told(len(rounds))}. By "
        f"when a "
        f"request was due. Vertical lines: the fault, and when the front took {fault.node} out of rotation and back.",
        figure,
    )


def _mark(axis: Axes, fault: Fault, rounds: Sequence[Round], *, has_names: bool) -> None:
    """The fault, and the medians of when it was detected and healed."""
    lines = {"fault": 0.0}
    for name, text in (("detected", OUT), ("rejoined", BACK)):
        moments = [at for each in rounds if (at := _first(each, fault.node, text)) is not None]
        if moments:
            lines[name] = spread(moments).median
    for index, (name, x) in enumerate(lines.items()):
        axis.axvline(x, color=style.INK, linewidth=1, linestyle=style.LINES[index])
        if has_names and x < axis.get_xlim()[1]:
            place = axis.get_xaxis_transform()
            axis.text(x, 0.02 + 0.1 * index, f" {name}", transform=place, fontsize=8.5, va="bottom")


def _first(each: Round, node: str, text: str) -> float | None:
    """Seconds from the fault until the front first said so of that node."""
    return next(
        (
            at - each.struck_s
            for at, said in each.marks
            if at >= each.struck_s and said.startswith(node) and text in said
        ),
        None,
    )


def _table(found: Mapping[str, Sequence[Round]]) -> Table:
    body = []
    for fault in FAULTS:
        rounds = found[fault.name]
        before = [[one.took_ms for one in each.run.answered if one.due_s < each.struck_s] for each in rounds]
        after = [[one.took_ms for one in each.run.answered if one.due_s >= each.struck_s] for each in rounds]
        row = [fault.title, spread([each.run.failed for each in rounds]).counts]
        row += [str(spread([judging.percentile(each, 0.99) for each in part])) for part in (before, after)]
        for text in (OUT, BACK):
            moments = [at for each in rounds if (at := _first(each, fault.node, text)) is not None]
            row.append(f"{spread(moments)} s" if moments else "not seen")
        body.append(row)
    head = ["fault", "failed", "p99 before, ms", "p99 after, ms", "out of rotation after", "back after"]
    return Table(
        f"Of {judging.rounds_told(len(rounds))}; a fault that was masked before the front noticed is not seen",
        head,
        body,
    )


def _rows(found: Mapping[str, Sequence[Round]]) -> Table:
    body = [
        [fault.title, table, *(f"{count:,}" for count in found[fault.name][-1].rows[table])]
        for fault in FAULTS
        for table in TABLES.values()
    ]
    return Table("Rows after the last round", ["fault", "table", "in file 1", "in file 2"], body)


def _raw(found: Mapping[str, Sequence[Round]], seconds: float) -> list[dict[str, object]]:
    return [
        {"fault": name, "round": turn, "since_fault_s": f"{one.at_s - each.struck_s:.2f}"}
        | {"sent": one.sent, "failed": one.failed, "worst_ms": f"{one.worst_ms:.2f}"}
        for name, rounds in found.items()
        for turn, each in enumerate(rounds, start=1)
        for one in judging.bins(each.run.samples, seconds)
    ]


def _raw_events(found: Mapping[str, Sequence[Round]]) -> list[dict[str, object]]:
    return [
        {"fault": name, "round": turn, "since_fault_s": f"{at - each.struck_s:.2f}", "event": text}
        for name, rounds in found.items()
        for turn, each in enumerate(rounds, start=1)
        for at, text in each.marks
    ]


PART = Part("failing", 130, 40, measure)
