"""TPC-W's three mixes on this interface: interactions per second, and how long each kind takes.

TPC Benchmark W 1.8 (2002, obsolete since 2005: https://www.tpc.org/tpcw/) says how often customers of a bookstore do
what (clause 5.2.1, with the six kinds that browse before the eight that order). The weights are its; what is sent is
ours, as `INTERACTIONS` says. It is no TPC-W result: no images, no sessions, no scale, no think time of seven seconds.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from benchmarks.percentile import percentile
from benchmarks.report import style
from benchmarks.report.generator import Run, Sample
from benchmarks.report.judging import Spread, number, spread
from benchmarks.report.loads import BOOKS, busily, in_turn, query
from benchmarks.report.section import Cost, Effort, Part, Plot, Section, Table
from benchmarks.report.stores import BARE, Stores
from benchmarks.report.wire import Request, request
from bookstore_project.nodes.tool_client import Session
from tests.store import Store

MIXES = ("browsing", "shopping", "ordering")
CLIENTS = 8
THINK_S = 0.1
"""The mean of the exponential think time. TPC-W's is 7 s: this is that, 70 times as fast."""


class Interaction(NamedTuple):
    """How often in each mix, in percent, and what stands for it here."""

    browsing: float
    shopping: float
    ordering: float
    method: str
    path: str
    why: str = ""


INTERACTIONS = {
    "home": Interaction(29.00, 16.00, 9.12, "GET", "/api/v1/topics/"),
    "new products": Interaction(11.00, 5.00, 0.46, "GET", "/api/v1/books/"),
    "best sellers": Interaction(11.00, 5.00, 0.46, "GET", "/search/distributed%20systems", "a topic's list"),
    "product detail": Interaction(21.00, 17.00, 12.35, "GET", "/product/{book}"),
    "search request": Interaction(12.00, 20.00, 14.53, "GET", "/api/v1/topics/", "what one can search in"),
    "search results": Interaction(11.00, 17.00, 13.08, "GET", "/api/v1/books/?search=systems"),
    "shopping cart": Interaction(2.00, 11.60, 13.53, "GET", "/product/{book}", "baskets are kept by customers"),
    "customer registration": Interaction(0.82, 3.00, 12.86, "GET", "/product/{book}", "there are no accounts"),
    "buy request": Interaction(0.75, 2.60, 12.73, "GET", "/product/{book}", "the price once more"),
    "buy confirm": Interaction(0.69, 1.20, 10.18, "POST", "/purchase/{book}"),
    "order inquiry": Interaction(0.30, 0.75, 0.25, "GET", "/api/v1/topics/", "a form"),
    "order display": Interaction(0.25, 0.66, 0.22, "GET", "/api/v1/orders/{order}/"),
    "admin request": Interaction(0.10, 0.10, 0.12, "GET", "/product/{book}"),
    "admin confirm": Interaction(0.09, 0.09, 0.11, "GET", "/product/{book}", "prices are not changed here"),
}


def requests(mix: str, order: str, seed: int) -> Iterator[Request]:
    """By the mix's weights, independently of one another; books all alike. `order` is one that there is."""
    chance = random.Random(seed)
    kinds = list(INTERACTIONS)
    weights = [getattr(INTERACTIONS[kind], mix) for kind in kinds]
    made = {
        (kind, book): request(kind, each.method, each.path.format(book=book, order=order), book=book)
        for kind, each in INTERACTIONS.items()
        for book in range(1, BOOKS + 1)
    }
    while True:
        for kind in chance.choices(kinds, weights, k=200):
            yield made[kind, chance.randint(1, BOOKS)]


Runs = dict[tuple[str, str], list[Run]]


def measure(stores: Stores, effort: Effort, tell: Callable[[str], None]) -> Section:
    runs: Runs = {}
    thinking: dict[str, Run] = {}
    tell("starting a store with a cache and one without")
    compared = dict(zip(("with cache", "without"), stores.kept(cached={}, bare=BARE), strict=True))
    orders = {name: first_order(store) for name, store in compared.items()}
    costs = {(mix, name): Cost(f"TPC-W, {mix}, {name}, closed loop") for mix in MIXES for name in compared}
    for turn in range(effort.rounds):
        tell(f"round {turn + 1} of {effort.rounds}")
        for mix in MIXES:
            for name in sorted(compared, reverse=turn % 2 == 1):
                asked = requests(mix, orders[name], effort.seed + turn)
                run = busily(compared[name], asked, CLIENTS, 0.75 * effort.seconds, costs[mix, name])
                runs.setdefault((mix, name), []).append(run)
    for mix in MIXES:
        tell(f"{mix}, with think time")
        asked = requests(mix, orders["with cache"], effort.seed)
        thinking[mix] = busily(
            compared["with cache"], asked, CLIENTS, effort.seconds, think_s=THINK_S, seed=effort.seed
        )
    return section(runs, thinking, list(costs.values()))


def first_order(store: Store) -> str:
    """The id of an order, for those who look at theirs; the store is warm then."""
    busily(store, in_turn(query), 2, 0.3)
    with Session(store.addresses["front"]) as session:
        return str(session.call("POST", "/purchase/1").json["id"])


def section(runs: Runs, thinking: Mapping[str, Run], costs: list[Cost]) -> Section:
    rates = {key: spread([run.rate for run in of]) for key, of in runs.items()}
    gains = [rates[mix, "with cache"].median / max(rates[mix, "without"].median, 0.1) for mix in MIXES]
    failed = sum(run.failed for of in runs.values() for run in of)
    return Section(
        title="TPC-W's mixes",
        question="How many interactions a second does the store bear, of customers who browse, shop, or order?",
        shows="With the cache, interactions a second are "
        + ", ".join(f"{number(gain)} times ({mix})" for gain, mix in zip(gains, MIXES, strict=True))
        + f" those without it. {failed} failed.",
        limits="It is no result of TPC-W: the weights are its (TPC Benchmark W 1.8, clause 5.2.1; obsolete since "
        "2005, www.tpc.org/tpcw), the requests are this store's, and the table says what stands for what. An "
        "interaction is one request here, without images. Customers' steps don't depend on one another.",
        plots=[_rates(rates), _kinds(runs)],
        tables=[_mix_table(runs, thinking), _mapping()],
        raw={
            "tpcw": [
                {"mix": mix, "store": name, "round": turn, "kind": sample.kind}
                | {"took_ms": f"{sample.took_ms:.3f}", "status": sample.status, "cache": sample.cache}
                for (mix, name), of in runs.items()
                for turn, run in enumerate(of, start=1)
                for sample in run.samples
            ]
        },
        costs=costs,
    )


def _rates(rates: Mapping[tuple[str, str], Spread]) -> Plot:
    figure, (axis,) = style.figure()
    for index, name in enumerate(("with cache", "without")):
        found = [rates[mix, name] for mix in MIXES]
        off = [[each.median - each.low for each in found], [each.high - each.median for each in found]]
        places = [place + 0.38 * (index - 0.5) for place in range(len(MIXES))]
        axis.bar(
            places, [each.median for each in found], 0.36, yerr=off, label=name, color=style.COLOURS[index],
            hatch=style.HATCHES[index], edgecolor=style.INK, ecolor=style.INK, capsize=3, linewidth=0.6,
        )  # fmt: skip
    axis.set_xticks(range(len(MIXES)), MIXES)
    axis.set(ylabel="interactions per second", ylim=(0, None))
    axis.grid(visible=False, axis="x")
    axis.legend()
    return Plot(
        "tpcw_rates",
        f"{CLIENTS} customers without think time, a closed loop: median, least and greatest of the rounds.",
        figure,
    )


def _kinds(runs: Runs) -> Plot:
    figure, (axis,) = style.figure(height_in=4.6)
    kinds = list(INTERACTIONS)
    for index, name in enumerate(("with cache", "without")):
        values = [percentile(_took(runs["shopping", name], kind), 0.9) for kind in kinds]
        axis.plot(
            values, range(len(kinds)), linestyle="none", marker=style.MARKERS[index], markersize=6,
            color=style.COLOURS[index], label=name,
        )  # fmt: skip
    axis.set_yticks(range(len(kinds)), kinds)
    axis.invert_yaxis()
    axis.set(xscale="log", xlabel="90th percentile of the response time, ms (log)")
    style.plain_logarithm(axis.xaxis)
    axis.legend()
    return Plot(
        "tpcw_kinds", "The shopping mix, kind by kind, all rounds together; rare kinds rest on few requests.", figure
    )


def _took(of: Sequence[Run], kind: str) -> list[float]:
    return [sample.took_ms for run in of for sample in run.answered if sample.kind == kind]


def _p90(samples: Sequence[Sample]) -> float:
    return percentile([sample.took_ms for sample in samples], 0.9)


def _mix_table(runs: Runs, thinking: Mapping[str, Run]) -> Table:
    body = [
        [
            f"{mix}, {name}",
            str(spread([run.rate for run in of])),
            str(spread([_p90(run.answered) for run in of])),
            str(sum(run.failed for run in of)),
        ]
        for (mix, name), of in runs.items()
    ]
    body += [
        [f"{mix}, with cache and think time", number(run.rate), number(_p90(run.answered)), str(run.failed)]
        for mix, run in thinking.items()
    ]
    caption = f"{CLIENTS} customers; think time: exponential, {THINK_S:g} s in the mean, one round"
    return Table(caption, ["mix", "interactions per second", "90th percentile, ms", "failed"], body)


def _mapping() -> Table:
    body = [
        [kind, *(f"{weight:g}" for weight in each[:3]), f"{each.method} {each.path}", each.why]
        for kind, each in INTERACTIONS.items()
    ]
    return Table("What stands for what; weights in percent", ["interaction", *MIXES, "request", "why"], body)


PART = Part("tpcw", 55, 6, measure)
