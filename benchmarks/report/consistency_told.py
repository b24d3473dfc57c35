"""What is told and drawn of the price of consistency: writes, the reads after them, and those that were stale."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from matplotlib.ticker import MaxNLocator

from benchmarks.percentile import percentile
from benchmarks.report import style
from benchmarks.report.generator import Run, Sample
from benchmarks.report.judging import Spread, number, spread
from benchmarks.report.loads import PURCHASE, QUERY, UPDATE, rows
from benchmarks.report.section import Cost, Plot, Section, Table

READS = 5
"""Of the same book, after each write."""
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
LOSING = ("none", "push")
"""Those in which a read may be stale."""
QUICK_CASES = (CASES[0], *CASES[2:4])


@dataclass(frozen=True)
class Round:
    """One load of one kind of write, and how many of its reads were stale."""

    kind: str
    run: Run
    stale: int


Rounds = Mapping[str, Sequence[Round]]
"""By the label of their case."""


def section(found: Rounds, cost: Cost) -> Section:
    purchases = {label: median(rounds, PURCHASE).median for label, rounds in found.items()}
    counts = {label: sum(each.stale for each in rounds) for label, rounds in found.items()}
    told = ", ".join(f"{counts[label]} with `{label}`" for label in LOSING if label in counts)
    others = [count for label, count in counts.items() if label not in LOSING]
    return Section(
        title="The price of consistency",
        question="What does it cost that no read is stale, and that each write is on two disks? What does the read "
        "after an invalidation take?",
        shows=f"Stale reads: {told}, and {sum(others)} with `full`, on {len(others)} stores. The median purchase "
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
    for index, label in enumerate(label for label in (*LOSING, ORDINARY) if label in found):
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
