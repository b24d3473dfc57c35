"""How long a query and a purchase take, with a cache and without; and what a cache of which size hits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.percentile import percentile
from benchmarks.report import caches, judging, popularity, style
from benchmarks.report.generator import Sample, closed_loop
from benchmarks.report.judging import Spread, number, spread
from benchmarks.report.loads import MAKERS, PURCHASE, QUERY, by_turns, query, rows
from benchmarks.report.section import Cost, Effort, Part, Plot, Section, Table
from benchmarks.report.stores import BARE, Stores
from benchmarks.report.wire import Sockets
from bookstore_project.nodes.tool_client import Session
from tests.store import QUICK_LOGINS, Store
from tests.waiting import wait_for

RATES = {QUERY: 100.0, PURCHASE: 20.0}
SHOWN = [part / 200 for part in range(200)] + [0.999]
"""The percentiles that a curve is drawn of."""
UNLIKE_THE_TRACE = "/search/distributed%20systems"
LOOKS = 20
"""How often evictions are read while a trace runs."""


@dataclass(frozen=True)
class Sized:
    """What a cache of one size did with the trace."""

    size: int
    hits: int
    bypasses: int
    simulated: int
    best: int
    evictions: Sequence[tuple[int, int]]
    """After so many requests, so many."""


def measure(stores: Stores, effort: Effort, tell: Callable[[str], None]) -> Section:
    times, costs = _times(stores, effort, tell)
    weights, law = _weights(effort)
    length = 300 if effort.is_quick else 1500
    trace = popularity.trace(weights, length, effort.seed)
    sized = _sized(stores, trace, effort, tell)
    return _section(times, costs, sized, trace, law)


Times = dict[tuple[str, str], list[list[Sample]]]


def _times(stores: Stores, effort: Effort, tell: Callable[[str], None]) -> tuple[Times, list[Cost]]:
    """Each round of each kind, with a cache and without, by turns."""
    tell("starting a store with a cache and one without")
    compared = dict(zip(("with cache", "without"), stores.kept(cached={}, bare=BARE), strict=True))
    runs, costs = by_turns(compared, RATES, effort.rounds, effort.seconds, tell)
    return {key: [run.samples for run in of] for key, of in runs.items()}, costs


def _weights(effort: Effort) -> tuple[list[float], str]:
    books = 60 if effort.is_quick else 300
    if effort.ratings is None:
        return popularity.zipf(books), f"a Zipf law with the exponent {popularity.EXPONENT:g} over {books} books"
    return popularity.ratings(effort.ratings, books), f"how often the {books} most rated books of a list were rated"


def _sized(stores: Stores, trace: Sequence[int], effort: Effort, tell: Callable[[str], None]) -> list[Sized]:
    """The same trace at a store whose cache grows from start to start."""
    found: list[Sized] = []
    data = stores.made("sizes", {}).data
    for size in (20,) if effort.is_quick else (5, 15, 40, 100, 200):
        tell(f"a cache of {size} entries")
        settings = QUICK_LOGINS | {"BOOKSTORE_CACHE_SIZE": str(size)}
        with Store(data, environment=settings, is_forked=True) as store:
            if not found:
                made = store.manage("make_books", str(max(trace)))
                assert made.returncode == 0, made.stderr
            found.append(_replay(store, size, trace))
    return found


def _replay(store: Store, size: int, trace: Sequence[int]) -> Sized:
    """One request after the other, so that the cache sees the trace's order."""
    samples: list[Sample] = []
    evictions = []
    step = max(1, len(trace) // LOOKS)
    address = store.addresses["front"]
    with Session(address) as session, Sockets(address) as wire:
        # Without a lease a front caches nothing. What is asked for until it has one is the first that has to go.
        wait_for(lambda: session.get(UNLIKE_THE_TRACE).cache == "hit", what="the front uses its cache")
        for start in range(0, len(trace), step):
            part = trace[start : start + step]
            samples += closed_loop(wire, map(query, part), clients=1, most=len(part)).samples
            told = session.get("/api/v1/cluster/").json["cache"]
            evictions.append((len(samples), int(told["evictions"])))
    return Sized(
        size=size,
        hits=sum(sample.cache == "hit" for sample in samples),
        bypasses=sum(sample.cache == "bypass" for sample in samples),
        simulated=sum(caches.lru(trace, size)),
        best=sum(caches.optimum(trace, size)),
        evictions=evictions,
    )


def _section(times: Times, costs: list[Cost], sized: Sequence[Sized], trace: Sequence[int], law: str) -> Section:
    medians = {key: spread([percentile(_took(samples), 0.5) for samples in rounds]) for key, rounds in times.items()}
    return Section(
        title="Response times, and what a cache hits",
        question="What is the average response time of a query and of a purchase, with and without the cache? How "
        "does it help?",
        shows=_shows(medians, sized, len(trace), law),
        limits="Both stores run on this machine, and so does the load. A network would add its own time to every "
        "request, also to a hit. While queries are timed, no processor sleeps: on a machine that has nothing else "
        "to do, waking one takes longer than a hit. The trace has no memory: real customers ask again for what they "
        "have just seen, so that a cache hits more. Nothing is sold in it: a sale would drop the book's entry.",
        plots=[_curves(times), _ratios(sized, len(trace)), _evictions(sized)],
        tables=[_table(times, medians), _sizes(sized, len(trace))],
        raw={
            "response_times": [
                row
                for (kind, name), rounds in times.items()
                for turn, samples in enumerate(rounds, start=1)
                for row in rows(samples, {"store": name, "round": turn})
            ],
            "hit_ratio": [
                {"entries": each.size, "requests": len(trace), "hits": each.hits, "bypasses": each.bypasses}
                | {"lru_simulated": each.simulated, "optimum": each.best}
                for each in sized
            ],
            "evictions": [
                {"entries": each.size, "requests": after, "evictions": count}
                for each in sized
                for after, count in each.evictions
            ],
        },
        costs=costs,
    )


def _took(samples: Sequence[Sample]) -> list[float]:
    return [sample.took_ms for sample in samples if sample.is_answered]


def _shows(medians: Mapping[tuple[str, str], Spread], sized: Sequence[Sized], length: int, law: str) -> str:
    quick, slow = medians[QUERY, "with cache"].median, medians[QUERY, "without"].median
    off = max(abs(each.hits - each.simulated) for each in sized)
    exact = "exactly as often as" if off == 0 else f"within {off} of {length} requests as often as"
    return (
        f"The median query takes {number(quick)} ms with the cache and {number(slow)} ms without: "
        f"{number(slow / quick)} times as long. "
        f"The median purchase takes {number(medians[PURCHASE, 'with cache'].median)} and "
        f"{number(medians[PURCHASE, 'without'].median)} ms: it goes to both files of both services in either store. "
        f"Books are asked for by {law}. The store's cache hits {exact} the simulated LRU. The optimum knows the "
        f"future: what lies between "
        "the two is what any better rule could gain."
    )


def _curves(times: Times) -> Plot:
    figure, axes = style.figure(1, 2, sharey=True)
    for axis, kind in zip(axes, MAKERS, strict=True):
        for index, name in enumerate(("with cache", "without")):
            took = [value for samples in times[kind, name] for value in _took(samples)]
            axis.plot(
                [percentile(took, part) for part in SHOWN],
                [100 * part for part in SHOWN],
                style.LINES[index],
                color=style.COLOURS[index],
                label=name,
            )
        axis.set(xscale="log", title=kind, xlabel="response time, ms (log)", ylim=(0, 101))
        style.plain_logarithm(axis.xaxis)
    axes[0].set_ylabel("answered within, % of requests")
    axes[0].legend(loc="lower right")
    return Plot(
        "response_times",
        f"Response times as distributions, all rounds together. {RATES[QUERY]:g} queries or {RATES[PURCHASE]:g} "
        f"purchases a second, an "
        "open loop: the time runs from when a request was due.",
        figure,
    )


def _ratios(sized: Sequence[Sized], length: int) -> Plot:
    figure, (axis,) = style.figure()
    sizes = [each.size for each in sized]
    lines = {
        "optimum (Belady)": [each.best for each in sized],
        "LRU, simulated": [each.simulated for each in sized],
        "the store, measured": [each.hits for each in sized],
    }
    looks = (("-", "s", 4, style.COLOURS[1]), ("--", "o", 4, style.COLOURS[0]), ("none", "D", 9, style.COLOURS[3]))
    for (name, hits), (line, marker, size, colour) in zip(lines.items(), looks, strict=True):
        axis.plot(
            sizes,
            [100 * count / length for count in hits],
            linestyle=line,
            marker=marker,
            markersize=size,
            markerfacecolor="none" if line == "none" else colour,
            color=colour,
            label=name,
        )
    axis.set(xlabel="entries that the cache may hold", ylabel="hits, % of requests", ylim=(0, 100), xlim=(0, None))
    axis.legend()
    return Plot("hit_ratio", f"Hit ratio against the cache's size, of one trace of {length} requests.", figure)


def _evictions(sized: Sequence[Sized]) -> Plot:
    figure, (axis,) = style.figure()
    for index, each in enumerate(sized[:4]):
        after, counts = zip((0, 0), *each.evictions, strict=True)
        axis.plot(after, counts, style.LINES[index], color=style.COLOURS[index], label=f"{each.size} entries")
    axis.set(xlabel="requests so far", ylabel="evictions so far", ylim=(0, None), xlim=(0, None))
    axis.legend()
    return Plot(
        "evictions", "Evictions while the trace runs, as the store counts them: none until the cache is full.", figure
    )


def _table(times: Times, medians: Mapping[tuple[str, str], Spread]) -> Table:
    body = []
    for (kind, name), rounds in times.items():
        took = [_took(samples) for samples in rounds]
        late = spread([percentile(each, 0.99) for each in took])
        mean = spread([sum(each) / max(1, len(each)) for each in took])
        failed = sum(not sample.is_answered for samples in rounds for sample in samples)
        body.append([f"{kind}, {name}", str(mean), str(medians[kind, name]), str(late), str(failed)])
    return Table(
        f"Milliseconds, of {judging.rounds_told(len(rounds))}",
        ["", "mean", "median", "99th percentile", "failed"],
        body,
    )


def _sizes(sized: Sequence[Sized], length: int) -> Table:
    body = [
        [str(each.size), *(f"{100 * hits / length:.1f}" for hits in (each.hits, each.simulated, each.best))]
        for each in sized
    ]
    return Table("Hits, % of requests", ["entries", "measured", "LRU, simulated", "optimum"], body)


PART = Part("response-times", 90, 10, measure)
