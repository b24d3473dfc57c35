"""What replication costs, as ratios measured in one run, the sides by turns."""

import json
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from benchmarks.children import Party, build, party, say
from benchmarks.percentile import percentile
from tests.store import Store
from tests.waiting import wait_for

Figures = dict[str, Mapping[str, float]]
REPLICAS, THREADS = 2, 3
WRITERS = REPLICAS * THREADS
SALES = 100
"""In a round of one writer."""
READS = 500


def measure(base: Path, rounds: int) -> Figures:
    build(base / "alone")
    return {
        "replicated sale ÷ plain loop over two files": sale_and_plain_loop(base / "alone", rounds),
        "gated read of a book ÷ plain ORM read": gated_and_plain_read(base / "alone", rounds, "read"),
        "the same ORM query through the gate ÷ without": gated_and_plain_read(base / "alone", rounds, "query"),
        f"{WRITERS} writers ÷ 1 writer": many_writers(base / "alone", rounds),
        "sale with one front ÷ with none": with_a_front(base, rounds),
    }


def sale_and_plain_loop(data: Path, rounds: int) -> Mapping[str, float]:
    say("a replicated sale and a plain loop")
    with party(data) as one:
        return compared(one, ("sell", SALES), one, ("sell plainly", SALES), rounds, "replicated", "plain")


def gated_and_plain_read(data: Path, rounds: int, command: str) -> Mapping[str, float]:
    say("a gated and a plain read")
    with party(data) as one:
        return compared(one, (command, READS), one, ("read plainly", READS), rounds, "gated", "plain")


def with_a_front(base: Path, rounds: int) -> Mapping[str, float]:
    """In a running store, whose front holds a lease and is told of each sale; and in one whose front was stopped."""
    say("sales with a front and without")
    names = ("with a front", "without a front")
    for name in names:
        build(base / name)
    with ExitStack() as stack:
        told, alone = (stack.enter_context(Store(base / name)) for name in names)
        alone.manage("node", "stop", "front")
        wait_for(lambda: not is_leased(alone), what="the lease has run out")
        parties = [stack.enter_context(party(store.data, store.environment)) for store in (told, alone)]
        return compared(parties[0], ("sell", SALES), parties[1], ("sell", SALES), rounds, *names)


def is_leased(store: Store) -> bool:
    leases = json.loads((store.data / "leases" / "front.json").read_bytes())["leases"]
    return any(lease["expires"] > time.monotonic() for lease in leases)


def many_writers(data: Path, rounds: int) -> Mapping[str, float]:
    """Sales per second of all together, and how long one of them waits in the worst of cases.

    As in a store: two replicas, and in each of them threads. Those of a process commit together.
    """
    say(f"{WRITERS} writers")
    share = SALES // 2
    pairs: list[tuple[float, float]] = []
    seconds: list[float] = []
    with ExitStack() as stack:
        parties = [stack.enter_context(party(data)) for _ in range(REPLICAS)]
        for each in parties:
            each("sell at once", 10)
        for _ in range(rounds):
            one = rate(lambda: parties[0]("sell", SALES), SALES)
            many = rate(lambda: seconds.extend(all_sell(parties, share)), share * WRITERS)
            pairs.append((many, one))
    median, p99 = statistics.median(seconds), percentile(seconds, 0.99)
    return {
        f"{WRITERS} writers, sales/s": statistics.median(many for many, _ in pairs),
        "1 writer, sales/s": statistics.median(one for _, one in pairs),
        "ratio": statistics.median(many / one for many, one in pairs),
        "of a sale among many, median ms": 1000 * median,
        "of a sale among many, p99 ms": 1000 * p99,
        "p99 ÷ median": p99 / median,
    }


def all_sell(parties: list[Party], share: int) -> list[float]:
    """All at once; how long each sale took."""
    for each in parties:
        each.send("sell at once", share)
    return [seconds for each in parties for seconds in each.receive()]


def rate(work: Callable[[], object], count: int) -> float:
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


def compared(
    ours: Party, our_work: tuple[str, int], theirs: Party, their_work: tuple[str, int], rounds: int, *names: str
) -> Mapping[str, float]:
    """Both by turns, so that a noisy machine troubles both: mean times, and the median of each round's ratio."""
    pairs = []
    ours(*our_work), theirs(*their_work)
    for turn in range(rounds):
        if turn % 2 == 0:
            mine, yardstick = ours(*our_work), theirs(*their_work)
        else:
            yardstick, mine = theirs(*their_work), ours(*our_work)
        pairs.append((statistics.mean(mine), statistics.mean(yardstick)))
    return {
        f"{names[0]}, ms": 1000 * statistics.median(pair[0] for pair in pairs),
        f"{names[1]}, ms": 1000 * statistics.median(pair[1] for pair in pairs),
        "ratio of speeds": statistics.median(yardstick / mine for mine, yardstick in pairs),
    }
