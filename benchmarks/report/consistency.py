"""The price of consistency: what a write and the read after it cost by coherence, replicas and `synchronous`."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from matplotlib.ticker import MaxNLocator

from benchmarks.report import style
from benchmarks.report.generator import Run, Sample
from benchmarks.report.judging import Spread, number, percentile, replaced, spread, stale
from benchmarks.report.loads import (
    BOOKS,
    PURCHASE,
    QUERY,
    UPDATE,
    copies_shown,
    price_shown,
    purchase,
    query,
    rows,
    steadily,
    update,
)
from benchmarks.report.section import Cost, Effort, Part, Plot, Section, Table
from benchmarks.report.stores import Stores, running
from benchmarks.report.wire import Request
from bookstore_project.nodes.tool_client import Session
from bookstore_project.replication.folder_locks import try_lock
from bookstore_project.replication.interface import MAINTENANCE
from tests.store import Store
from tests.waiting import wait_for

RATE = 60.0
READS = 5
"""Of the same book, after each write."""
DEAREST = 10_000
"""Cents, above all prices of a new store: from here on, each change sets one cent more than the one before."""
NORMAL = {"DJANGO_SETTINGS_MODULE": "benchmarks.report.relaxed.settings"}
KINDS = (PURCHASE, UPDATE)


@dataclass(frozen=True)
class Case:
    """A store to compare."""

    label: str
    settings: Mapping[str, str] = field(default_factory=dict)
    replicas: int = 2
    synchronous: str = "FULL"


ORDINARY = "full"
CASES = (
    Case("none", {"BOOKSTORE_COHERENCE": "none"}),
    Case("push", {"BOOKSTORE_COHERENCE": "push"}),
    Case(ORDINARY),
    Case("full, one replica", replicas=1),
    Case("full, NORMAL", NORMAL, synchronous="NORMAL"),
    Case("full, one replica, NORMAL", NORMAL, replicas=1, synchronous="NORMAL"),
)


@dataclass(frozen=True)
class Round:
    """One load of one kind of write, and how many of its reads were stale."""

    kind: str
    run: Run
    stale: int


Rounds = Mapping[str, Sequence[Round]]
"""By the label of their case."""


def measure(stores: Stores, effort: Effort, tell: Callable[[str], None]) -> Section:
    cost = Cost("writes and reads after them, open loop")
    cases = CASES[:-1] if effort.is_quick else CASES
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


def section(found: Rounds, cost: Cost) -> Section:
    purchases = {label: median(rounds, PURCHASE).median for label, rounds in found.items()}
    counts = {label: sum(each.stale for each in rounds) for label, rounds in found.items()}
    told = ", ".join(f"{counts[label]} with `{label}`" for label in ("none", "push"))
    others = sum(count for label, count in counts.items() if label not in ("none", "push"))
    return Section(
        title="The price of consistency",
        question="What does it cost that no read is stale, and that each write is on two disks? What does the read "
        "after an invalidation take?",
        shows=f"Stale reads: {told}, and {others} with `full`, on {len(counts) - 2} stores. The median purchase "
        + "takes "
        + ", ".join(f"{number(value)} ms with `{label}`" for label, value in purchases.items())
        + ". With `full` a write waits for the fronts to drop the entry, and the next read is a miss: the table "
        "says what that takes. With one replica there is one commit instead of two; with NORMAL a commit waits for "
        "no disk.",
        limits="With one front beside the replicas, on one machine, an invalidation is quick: on a network it takes "
        "a round trip, and `full` waits for it. A run may show no stale read with `push`: nothing guarantees that, "
        "and `make stress` finds them. One replica, and NORMAL, are for this comparison alone: the one is this store "
        "after a loss, the other would lose acknowledged writes in a power cut. What FULL costs is this disk's sync.",
        plots=[_bars(found), _curves(found)],
        tables=[_table(found)],
        raw={
            "consistency": [
                row
                for label, turn, each in _numbered(found)
                for row in rows(each.run.samples, {"store": label, "round": turn, "writes": each.kind})
            ],
            "stale_reads": [
                {"store": label, "writes": each.kind, "round": turn, "stale": each.stale, "reads": reads(each)}
                for label, turn, each in _numbered(found)
            ],
        },
        costs=[cost],
    )


def _numbered(found: Rounds) -> Iterator[tuple[str, int, Round]]:
    """Each with its case, and the number of its round."""
    for label, rounds in found.items():
        for place, each in enumerate(rounds):
            yield label, place // len(KINDS) + 1, each


def took(samples: Sequence[Sample], kind: str, cache: str = "") -> list[float]:
    """Milliseconds of those that were answered; with `cache`, of those alone that it says so of."""
    return [
        sample.took_ms
        for sample in samples
        if sample.kind == kind and sample.is_answered and (not cache or sample.cache == cache)
    ]


def reads(each: Round) -> int:
    return len(took(each.run.samples, QUERY))


def median(rounds: Sequence[Round], kind: str) -> Spread:
    """Of the rounds' medians of this kind of write."""
    return spread([percentile(took(each.run.samples, kind), 0.5) for each in rounds if each.kind == kind])


def _bars(found: Rounds) -> Plot:
    figure, axes = style.figure(1, 2, sharey=True, height_in=4.0)
    labels = list(found)
    for index, kind in enumerate(KINDS):
        stale_reads = [spread([one.stale for one in found[label] if one.kind == kind]) for label in labels]
        medians = [median(found[label], kind) for label in labels]
        places = [place + 0.38 * (index - 0.5) for place in range(len(labels))]
        for axis, spreads in zip(axes, (stale_reads, medians), strict=True):
            off = [[each.median - each.low for each in spreads], [each.high - each.median for each in spreads]]
            axis.barh(
                places, [each.median for each in spreads], 0.36, xerr=off, label=kind, color=style.COLOURS[index],
                hatch=style.HATCHES[index], edgecolor=style.INK, ecolor=style.INK, capsize=2, linewidth=0.6,
            )  # fmt: skip
    for axis, label in zip(axes, ("stale reads in a round", "median of the writes, ms"), strict=True):
        axis.set(xlabel=label, xlim=(0, None))
        axis.grid(visible=False, axis="y")
    axes[0].xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0].set_yticks(range(len(labels)), [label.replace(", ", ",\n", 1) for label in labels])
    axes[0].invert_yaxis()
    axes[0].legend(loc="lower right")
    return Plot(
        "consistency",
        "Coherence `none`, `push` and `full` on two replicas with `synchronous=FULL`, and `full` with less: the "
        "rounds' median, with the least and the greatest.",
        figure,
    )


def _curves(found: Rounds) -> Plot:
    figure, (axis,) = style.figure()
    for index, label in enumerate(("none", "push", "full")):
        values = [value for each in found[label] for value in took(each.run.samples, QUERY)]
        parts = [part / 200 for part in range(200)]
        axis.plot(
            [percentile(values, part) for part in parts],
            [100 * part for part in parts],
            style.LINES[index],
            color=style.COLOURS[index],
            label=f"coherence {label}",
        )
    axis.set(
        xscale="log", xlabel="response time of reads, ms (log)", ylabel="answered within, % of reads", ylim=(0, 101)
    )
    style.plain_logarithm(axis.xaxis)
    axis.legend(loc="lower right")
    return Plot(
        "reads_after",
        f"The {READS} reads of a book after each of its writes: the first one may find an entry gone.",
        figure,
    )


def _table(found: Rounds) -> Table:
    body = []
    for case, rounds in ((case, found[case.label]) for case in CASES if case.label in found):
        writes = [sample for each in rounds for sample in each.run.samples if sample.kind in KINDS]
        body.append(
            [
                case.label,
                f"{case.replicas}, {case.synchronous}",
                f"{sum(each.stale for each in rounds)} of {sum(map(reads, rounds))}",
                *(str(median(rounds, kind)) for kind in KINDS),
                *(str(_median_of(rounds, cache)) for cache in ("hit", "miss")),
                str(sum(sample.status not in (200, 201) for sample in writes)),
            ]
        )
    head = ["store", "replicas, `synchronous`", "stale reads", *(f"{kind}, ms" for kind in KINDS)]
    head += ["hit, ms", "miss, ms", "writes not made"]
    return Table("Medians of the rounds, with the least and the greatest", head, body)


def _median_of(rounds: Sequence[Round], cache: str) -> Spread | str:
    """Of the rounds that had such reads."""
    had = [values for each in rounds if (values := took(each.run.samples, QUERY, cache))]
    return spread([percentile(values, 0.5) for values in had]) if had else "none"


PART = Part("consistency", 90, 12, measure)
