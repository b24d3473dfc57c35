"""The usual way beside this store, under the same load and the same kills: what each loses, and how."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.losses.__main__ import Report, examined
from benchmarks.losses.customers import BUYERS, KILL_EVERY_S, READERS, REGULARS
from benchmarks.losses.judge import CREATED
from benchmarks.losses.shops import REPLICAS, ours, usual
from benchmarks.report import style
from benchmarks.report.judging import rounds_told, spread
from benchmarks.report.section import Effort, Part, Plot, Section, Table
from benchmarks.report.sequences import draw, steps_of
from benchmarks.report.stores import Stores

KINDS = {
    "copies sold twice": "oversold copies",
    "copies gone, and sold to nobody": "copies sold to nobody",
    "orders that are not in both files": "lost orders",
    "rows that differ between the two files": "diverged rows",
    "stale reads": "stale reads",
}
"""What is counted by `benchmarks.losses`, and its name here."""
NONE_SEEN = "This run had none; the drawing shows what the code allows."
KILLS, QUICK_KILLS = 2, 1
"""In a round; the next one goes on with the next replicas."""


@dataclass(frozen=True)
class Counted:
    """One round at one store."""

    store: str
    bought: int
    failed: int
    counts: Mapping[str, int]
    examples: Mapping[str, str]


def measure(stores: Stores, effort: Effort, tell: Callable[[str], None]) -> Section:
    rounds, kills = (1, QUICK_KILLS) if effort.is_quick else (effort.rounds, KILLS)
    shops = (usual, partial(ours, prepared=stores.prepared))
    found: list[Counted] = []
    for turn in range(rounds):
        victims = [REPLICAS[(kills * turn + number) % len(REPLICAS)] for number in range(kills)]
        for number, shop_of in enumerate(shops[:: 1 if turn % 2 == 0 else -1]):
            folder = stores.base / f"shops-{turn}-{number}"
            folder.mkdir()
            tell(f"round {turn + 1} of {rounds}")
            with shop_of(folder) as shop:
                found.append(counted(examined(shop, kills * KILL_EVERY_S + 1.0, tell, victims)))
    return section(found, rounds)


def counted(report: Report) -> Counted:
    kinds = {KINDS[loss.what.partition(", of ")[0]]: loss for loss in report.losses}
    return Counted(
        report.name,
        report.counted(CREATED),
        report.failed,
        {name: loss.count for name, loss in kinds.items()},
        {name: loss.example for name, loss in kinds.items() if loss.count},
    )


def section(found: Sequence[Counted], rounds: int) -> Section:
    stores = sorted({each.store for each in found}, key="the usual way".__ne__)
    of = {store: [each for each in found if each.store == store] for store in stores}
    examples: dict[str, str] = {}
    for each in of[stores[0]]:
        examples |= {name: text for name, text in each.examples.items() if name not in examples}
    lost = sum(sum(each.counts.values()) for each in of[stores[-1]])
    return Section(
        title="The usual way beside the right way",
        question="What does a replicated store with caches lose if it is written as one writes it at first?",
        shows=f"In {rounds_told(rounds)}, {stores[-1]} lost {'nothing' if not lost else f'{lost} things'} and "
        f"{_sum(of[stores[0]])}. Each drawing shows the interleaving that the usual way's code allows; where the "
        "run had an example of it, its words are in the caption.",
        limits="A count of nothing proves nothing: the moment at which an order is lost is short, and a round may "
        "miss it. The drawings are of the code, not recordings. The usual way is quicker where it skips what the "
        "store has to do, and it may sell more or fewer copies in a round.",
        plots=[_bars(of), *(each.drawn(examples) for each in INTERLEAVINGS)],
        tables=[_table(of)],
        raw={
            "usual_way": [
                {"store": each.store, "acknowledged": each.bought, "failed": each.failed, **each.counts}
                for each in found
            ]
        },
    )


def _sum(found: Sequence[Counted]) -> str:
    totals = {name: sum(each.counts[name] for each in found) for name in KINDS.values()}
    return f"{found[0].store} had " + ", ".join(f"{name} ({count:,})" for name, count in totals.items())


def _bars(of: Mapping[str, Sequence[Counted]]) -> Plot:
    figure, (axis,) = style.figure()
    names = list(KINDS.values())
    for index, (store, found) in enumerate(of.items()):
        spreads = [spread([each.counts[name] for each in found]) for name in names]
        places = [number + 0.4 * (index - 0.5) for number in range(len(names))]
        medians = [each.median for each in spreads]
        off = [[each.median - each.low for each in spreads], [each.high - each.median for each in spreads]]
        axis.barh(
            places, medians, 0.38, xerr=off, label=store, color=style.COLOURS[1 - index], hatch=style.HATCHES[index],
            edgecolor=style.INK, ecolor=style.INK, linewidth=0.6,
        )  # fmt: skip
        for place, each in zip(places, spreads, strict=True):
            axis.text(each.high, place, f"  {each.median:g}", va="center", fontsize=8.5).set_in_layout(False)
    axis.set_yticks(range(len(names)), names)
    axis.invert_yaxis()
    most = max(count for found in of.values() for each in found for count in each.counts.values())
    ticks = [0] + [10**power for power in range(6) if 10**power <= 5 * most]
    axis.set_xscale("symlog", linthresh=1)
    axis.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axis.set(xlabel="in a round (0, then a logarithmic axis)", xlim=(0, 5 * max(most, 1)))
    axis.legend(loc="center right")
    customers = f"{BUYERS} customers want the last copies of four books, {REGULARS} buy another, {READERS} read it"
    return Plot(
        "usual_way",
        f"What was lost in a round: the median, with the least and the greatest. {customers}; one replica "
        f"after another is killed, one every {KILL_EVERY_S:g} s.",
        figure,
    )


def _table(of: Mapping[str, Sequence[Counted]]) -> Table:
    body = [["purchases acknowledged", *(spread([each.bought for each in found]).counts for found in of.values())]]
    body.append(
        ["… failed, or no answer", *(spread([each.failed for each in found]).counts for found in of.values())]
    )
    for name in KINDS.values():
        body.append([name, *(spread([each.counts[name] for each in found]).counts for found in of.values())])
    return Table("In a round", ["", *of], body)


@dataclass(frozen=True)
class Interleaving:
    """How the usual way's code loses something."""

    kind: str
    name: str
    title: str
    text: str
    actors: str
    """From left to right, with commas."""
    steps: str
    """As `steps_of` reads them."""

    def drawn(self, examples: Mapping[str, str]) -> Plot:
        """With the run's own example of it, if there is one."""
        seen = f"In this run: {examples[self.kind]}." if self.kind in examples else NONE_SEEN
        caption = f"{self.text} {seen}"
        return draw(self.name, self.title, caption, self.actors.split(", "), steps_of(self.steps))


INTERLEAVINGS = (
    Interleaving(
        "oversold copies",
        "usual_oversold",
        "An oversold copy",
        "Both read the stock before either has written it.",
        "customer A, catalog-1, file 1, file 2, catalog-2, customer B",
        """
        customer A > catalog-1: buy
        file 1 > catalog-1: 1 copy
        customer B > catalog-2: buy
        file 2 > catalog-2: 1 copy
        catalog-1 > file 1: 0 copies
        catalog-1 > file 2: 0 copies
        catalog-1 > customer A: sold
        ! catalog-2 > file 2: 0 copies
        ! catalog-2 > customer B: sold again
        """,
    ),
    Interleaving(
        "lost orders",
        "usual_lost_order",
        "A lost order",
        "A kill between the two saves leaves the order in one file alone, and its customer without an answer.",
        "customer, order-1, file 1, file 2",
        """
        customer > order-1: buy
        order-1 > file 1: save, committed
        ! order-1: killed
        ! file 2: never hears of it
        ! order-1 > customer: no answer: did I buy?
        """,
    ),
    Interleaving(
        "stale reads",
        "usual_stale",
        "A stale read",
        "What was read before a sale is put into the cache after the sale's message.",
        "reader, front's cache, catalog-1, buyer",
        """
        reader > front's cache: read, a miss
        front's cache > catalog-1: read
        catalog-1: finds 2 copies
        buyer > catalog-1: buy
        catalog-1 > front's cache: set: 1 copy
        ! catalog-1 > front's cache: 2 copies, too late
        ! front's cache: keeps the 2
        ! front's cache > reader: 2, until a sale
        """,
    ),
    Interleaving(
        "diverged rows",
        "usual_diverged",
        "Rows that differ",
        "Two processes save the same book in different order.",
        "catalog-1, file 1, file 2, catalog-2",
        """
        catalog-1 > file 1: 5 copies
        catalog-2 > file 2: 4 copies
        catalog-2 > file 1: 4 copies
        ! catalog-1 > file 2: 5 copies
        file 1: has 4
        ! file 2: has 5
        """,
    ),
)

PART = Part("usual-way", 110, 14, measure)
