"""The price of consistency: what a purchase and the read after it cost in each coherence mode, and what is stale."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.report import style
from benchmarks.report.generator import Run, Sample
from benchmarks.report.judging import CREATED, Spread, number, percentile, spread, stale
from benchmarks.report.loads import BOOKS, PURCHASE, QUERY, copies_shown, fill, purchase, query, rows, steadily
from benchmarks.report.section import Cost, Effort, Part, Plot, Section, Table
from benchmarks.report.wire import Request
from bookstore_project.nodes.tool_client import Session
from tests.store import Store

MODES = ("none", "push", "full")
RATE = 60.0
READS = 5
"""Of the same book, after each purchase."""


def measure(base: Path, effort: Effort, tell: Callable[[str], None]) -> Section:
    cost = Cost("purchases and reads, open loop")
    rounds = effort.rounds
    runs: dict[str, list[tuple[Run, int]]] = {mode: [] for mode in MODES}
    tell("starting a store of each coherence mode")
    with ExitStack() as stack:
        stores = {
            mode: stack.enter_context(Store(base / mode, environment={"BOOKSTORE_COHERENCE": mode})) for mode in MODES
        }
        for store in stores.values():
            fill(store)
            steadily(store, buy_and_read(), 20, 0.5)
        for turn in range(rounds):
            tell(f"round {turn + 1} of {rounds}")
            for mode in MODES if turn % 2 == 0 else MODES[::-1]:
                start = copies(stores[mode])
                run = steadily(stores[mode], buy_and_read(), RATE, effort.seconds, cost, look=copies_shown)
                runs[mode].append((run, len(stale(run.samples, start))))
    return section(runs, cost)


def buy_and_read() -> Iterator[Request]:
    """A purchase of each book in turn, and reads of the same one after it."""
    for book in itertools.cycle(range(1, BOOKS + 1)):
        yield purchase(book)
        yield from itertools.repeat(query(book), READS)


def copies(store: Store) -> dict[int, int]:
    """Of each book, by a replica: no cache is asked."""
    with Session(store.addresses["catalog-1"]) as session:
        return {book: int(session.get(f"/api/v1/books/{book}/").json["quantity"]) for book in range(1, BOOKS + 1)}


def section(runs: Mapping[str, Sequence[tuple[Run, int]]], cost: Cost) -> Section:
    counts = {mode: sum(count for _, count in of) for mode, of in runs.items()}
    medians = {
        mode: spread([percentile(took(run.samples, PURCHASE), 0.5) for run, _ in of]).median
        for mode, of in runs.items()
    }
    return Section(
        title="The price of consistency",
        question="What does it cost that no read is stale? What does the read after an invalidation take?",
        shows=f"Stale reads: {', '.join(f'{count} with `{mode}`' for mode, count in counts.items())}. The median "
        f"purchase takes "
        + ", ".join(f"{number(median)} ms with `{mode}`" for mode, median in medians.items())
        + ". With `full` a purchase waits for the fronts to drop the entry, "
        "and the next read is a miss: the table says what that takes.",
        limits="With one front beside the replicas, on one machine, an invalidation is quick: on a network it takes "
        "a round "
        "trip, and `full` waits for it. A run may show no stale read with `push`: nothing guarantees that, and `make "
        "stress` "
        "finds them. One replica alone, and SQLite with synchronous NORMAL, are no settings of this store.",
        plots=[_bars(runs), _curves(runs)],
        tables=[_table(runs)],
        raw={
            "consistency": [
                row
                for mode, of in runs.items()
                for turn, (run, _) in enumerate(of, start=1)
                for row in rows(run.samples, {"coherence": mode, "round": turn})
            ],
            "stale_reads": [
                {"coherence": mode, "round": turn, "stale": count, "reads": len(took(run.samples, QUERY))}
                for mode, of in runs.items()
                for turn, (run, count) in enumerate(of, start=1)
            ],
        },
        costs=[cost],
    )


def took(samples: Sequence[Sample], kind: str, cache: str = "") -> list[float]:
    """Milliseconds of those that were answered; with `cache`, of those alone that it says so of."""
    return [
        sample.took_ms
        for sample in samples
        if sample.kind == kind and sample.is_answered and (not cache or sample.cache == cache)
    ]


def _bars(runs: Mapping[str, Sequence[tuple[Run, int]]]) -> Plot:
    figure, axes = style.figure(1, 2)
    stale_reads = {mode: spread([count for _, count in of]) for mode, of in runs.items()}
    purchases = {
        mode: spread([percentile(took(run.samples, PURCHASE), 0.5) for run, _ in of]) for mode, of in runs.items()
    }
    for axis, title, found in (
        (axes[0], "stale reads in a round", stale_reads),
        (axes[1], "median purchase, ms", purchases),
    ):
        for index, (mode, each) in enumerate(found.items()):
            off = [[each.median - each.low], [each.high - each.median]]
            axis.bar(
                mode, each.median, 0.6, yerr=off, color=style.COLOURS[index], hatch=style.HATCHES[index],
                edgecolor=style.INK, ecolor=style.INK, capsize=3, linewidth=0.6,
            )  # fmt: skip
        axis.set(title=title, xlabel="coherence", ylim=(0, None))
        axis.grid(visible=False, axis="x")
    return Plot("consistency", "Each mode's rounds: the median, with the least and the greatest.", figure)


def _curves(runs: Mapping[str, Sequence[tuple[Run, int]]]) -> Plot:
    figure, (axis,) = style.figure()
    for index, (mode, of) in enumerate(runs.items()):
        values = [value for run, _ in of for value in took(run.samples, QUERY)]
        parts = [part / 200 for part in range(200)]
        axis.plot(
            [percentile(values, part) for part in parts],
            [100 * part for part in parts],
            style.LINES[index],
            color=style.COLOURS[index],
            label=f"coherence {mode}",
        )
    axis.set(
        xscale="log", xlabel="response time of reads, ms (log)", ylabel="answered within, % of reads", ylim=(0, 101)
    )
    style.plain_logarithm(axis.xaxis)
    axis.legend(loc="lower right")
    return Plot(
        "reads_after",
        f"The {READS} reads of a book after each of its purchases: the first one may find an entry gone.",
        figure,
    )


def _table(runs: Mapping[str, Sequence[tuple[Run, int]]]) -> Table:
    body = []
    for mode, of in runs.items():
        reads = sum(len(took(run.samples, QUERY)) for run, _ in of)
        body.append(
            [
                mode,
                f"{sum(count for _, count in of)} of {reads}",
                str(spread([percentile(took(run.samples, PURCHASE), 0.5) for run, _ in of])),
                str(_median_of(of, "hit")),
                str(_median_of(of, "miss")),
                str(
                    sum(
                        sample.status != CREATED for run, _ in of for sample in run.samples if sample.kind == PURCHASE
                    )
                ),
            ]
        )
    head = [
        "coherence",
        "stale reads",
        "purchase, median ms",
        "hit, median ms",
        "miss, median ms",
        "purchases not made",
    ]
    return Table("By coherence mode", head, body)


def _median_of(of: Sequence[tuple[Run, int]], cache: str) -> Spread | str:
    """Of the rounds that had such reads."""
    rounds = [found for run, _ in of if (found := took(run.samples, QUERY, cache))]
    return spread([percentile(found, 0.5) for found in rounds]) if rounds else "none"


PART = Part("consistency", 50, 18, measure)
