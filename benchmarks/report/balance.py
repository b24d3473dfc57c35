"""Who answers: the shares of the replicas, also when one leaves and returns; and what more customers bring."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from benchmarks.percentile import percentile
from benchmarks.report import style
from benchmarks.report.generator import Run
from benchmarks.report.judging import Spread, number, spread
from benchmarks.report.loads import WARM_UP_S, busily, in_turn, query, steadily
from benchmarks.report.section import Cost, Effort, Part, Plot, Section, Table
from benchmarks.report.stores import BARE, Stores

RATE = 100.0
REPLICAS = ("catalog-1", "catalog-2")
LEAVES_S, QUICK_LEAVES_S = 2.0, 0.5
TIMES_AS_LONG = 4
"""The whole load, beside the time before the kill."""
BIN_S = 0.25
CLIENTS, FEW_CLIENTS = (1, 2, 4, 8, 16, 32, 64), (1, 8, 64)


def measure(stores: Stores, effort: Effort, tell: Callable[[str], None]) -> Section:
    cost = Cost("queries without cache, closed loop")
    clients = FEW_CLIENTS if effort.is_quick else CLIENTS
    rounds = 1 if effort.is_quick else effort.rounds
    runs: dict[int, list[Run]] = {many: [] for many in clients}
    tell("starting a store without a cache")
    (store,) = stores.kept(bare=BARE)
    busily(store, in_turn(query), 4, WARM_UP_S)
    for turn in range(rounds):
        tell(f"throughput, round {turn + 1} of {rounds}")
        for many in clients if turn % 2 == 0 else clients[::-1]:
            runs[many].append(busily(store, in_turn(query), many, effort.seconds / 2, cost))
    tell("a replica leaves and returns")
    leaves_s = QUICK_LEAVES_S if effort.is_quick else LEAVES_S
    leaving = threading.Timer(leaves_s, lambda: store.kill("catalog-2"))
    leaving.start()
    shares = steadily(store, in_turn(query), RATE, TIMES_AS_LONG * leaves_s)
    leaving.join()
    store.wait_ready()
    return section(runs, shares, leaves_s, cost)


def section(runs: Mapping[int, Sequence[Run]], shares: Run, leaves_s: float, cost: Cost) -> Section:
    rates = {many: spread([run.rate for run in of]) for many, of in runs.items()}
    before = Counter(sample.replica for sample in shares.samples if sample.due_s < leaves_s)
    told = " and ".join(f"{count} by {name}" for name, count in sorted(before.items()) if name in REPLICAS)
    best = max(rates, key=lambda many: rates[many].median)
    return Section(
        title="Balance",
        question="Are requests shared out among the replicas, also when one leaves? What do more customers bring?",
        shows=f"Before the kill, of {sum(before.values())} queries were answered: {told}. Then the other one has "
        f"them all, "
        f"until it is back. {shares.failed} failed. The most queries a second, {number(rates[best].median)}, came "
        f"with {best} "
        "customers at a time.",
        limits="All processes share this machine's cores, so a second replica brings little throughput here: it "
        "would on a "
        "machine of its own. All these queries are misses; hits never reach a replica.",
        plots=[_shares(shares, leaves_s), _throughput(runs, rates)],
        tables=[_table(runs, rates)],
        raw={
            "balance": [
                {"due_s": f"{sample.due_s:.3f}", "replica": sample.replica, "status": sample.status}
                for sample in shares.samples
            ],
            "throughput": [
                {"clients": many, "round": turn, "per_s": f"{run.rate:.1f}", "failed": run.failed}
                for many, of in runs.items()
                for turn, run in enumerate(of, start=1)
            ],
        },
        costs=[cost],
    )


def _shares(shares: Run, leaves_s: float) -> Plot:
    figure, (axis,) = style.figure()
    counts = Counter((int(sample.due_s / BIN_S), sample.replica) for sample in shares.answered)
    last = int(shares.seconds / BIN_S)
    for index, name in enumerate(REPLICAS):
        per_s = [counts[place, name] / BIN_S for place in range(last)]
        at = [place * BIN_S - leaves_s for place in range(last)]
        axis.step(at, per_s, style.LINES[index], where="post", color=style.COLOURS[index], label=name)
    axis.axvline(0, color=style.INK, linewidth=1)
    axis.text(0, 0.02, " catalog-2 is killed", transform=axis.get_xaxis_transform(), fontsize=8.5)
    axis.set(xlabel="seconds since the kill", ylabel="answers per second", ylim=(0, 1.25 * RATE))
    axis.legend(loc="upper right", ncols=2)
    return Plot("shares", f"Who answered {RATE:g} queries a second, an open loop; none of them a hit.", figure)


def _throughput(runs: Mapping[int, Sequence[Run]], rates: Mapping[int, Spread]) -> Plot:
    figure, (axis,) = style.figure()
    clients = list(runs)
    medians = [rates[many].median for many in clients]
    off = [[each.median - each.low for each in rates.values()], [each.high - each.median for each in rates.values()]]
    axis.errorbar(clients, medians, yerr=off, color=style.COLOURS[0], marker="o", capsize=3)
    axis.set_xscale("log", base=2)
    axis.set_xticks(clients, [str(many) for many in clients])
    axis.set(xlabel="customers at a time (log)", ylabel="queries per second", ylim=(0, None))
    return Plot(
        "throughput", "Throughput of misses, a closed loop: the median, with the least and the greatest.", figure
    )


def _table(runs: Mapping[int, Sequence[Run]], rates: Mapping[int, Spread]) -> Table:
    body = []
    for many, of in runs.items():
        took = [percentile([sample.took_ms for sample in run.answered], 0.9) for run in of]
        body.append([str(many), str(rates[many]), str(spread(took)), str(sum(run.failed for run in of))])
    return Table("Queries without a cache", ["customers", "per second", "90th percentile, ms", "failed"], body)


PART = Part("balance", 45, 6, measure)
