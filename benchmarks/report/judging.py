"""What samples say: spread, requests per tenth of a second, stale reads."""

import bisect
import itertools
import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.report.generator import Sample

CREATED = 201
BIN_S = 0.1
FELT, QUIET_S = 2.0, 0.5


@dataclass(frozen=True)
class Spread:
    """Of the rounds' figures: the middle one, the least and the greatest."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{number(self.median)} ({number(self.low)} … {number(self.high)})"

    @property
    def counts(self) -> str:
        """The same of what is counted."""
        return f"{self.median:,.6g} ({self.low:,.6g} … {self.high:,.6g})"


def spread(values: Sequence[float]) -> Spread:
    return Spread(statistics.median(values), min(values), max(values)) if values else Spread(0, 0, 0)


def number(value: float) -> str:
    """With three digits that count, and no more."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def rounds_told(rounds: int) -> str:
    return "one round" if rounds == 1 else f"{rounds} rounds"


@dataclass(frozen=True)
class Bin:
    """A tenth of a second, by when its requests were due."""

    at_s: float
    sent: int
    failed: int
    worst_ms: float


def bins(samples: Sequence[Sample], seconds: float) -> list[Bin]:
    kept: dict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        kept[int(sample.due_s / BIN_S)].append(sample)
    return [
        Bin(
            index * BIN_S,
            len(kept[index]),
            sum(not sample.is_answered for sample in kept[index]),
            max((sample.took_ms for sample in kept[index]), default=0.0),
        )
        for index in range(round(seconds / BIN_S))
    ]


def stale(samples: Sequence[Sample], start: Mapping[int, int]) -> list[Sample]:
    """Reads that show more copies than there were when they were sent.

    `start`: each book's copies when the load began. Nobody else buys, and each purchase takes one copy. A purchase
    that was acknowledged before a read was sent is one copy less for that read, at least. So is what an earlier read
    has shown.
    """
    found = []
    for book, copies in start.items():
        of_book = [sample for sample in samples if sample.book == book]
        sold = sorted(sample.done_s for sample in of_book if sample.status == CREATED)
        reads = sorted((sample for sample in of_book if sample.shown is not None), key=lambda read: read.done_s)
        ends = [read.done_s for read in reads]
        fewest = _running_minimum([copies if read.shown is None else read.shown for read in reads])
        for read in reads:
            most = copies - bisect.bisect_left(sold, read.sent_s)
            if earlier := bisect.bisect_left(ends, read.sent_s):
                most = min(most, fewest[earlier - 1])
            if read.shown is not None and read.shown > most:
                found.append(read)
    return found


def replaced(samples: Sequence[Sample], start: Mapping[int, int], kind: str) -> list[Sample]:
    """Reads that show what had been replaced before they were sent.

    Samples of this kind are the changes, and each has `shown` more than any change of its book before it. `start` is
    what each book had when the load began: less than that is stale. Two changes that overlap may have come in either
    order: nothing is held against a read of either. Nor against one that shows what no acknowledged change has set.
    """
    found = []
    for book, first in start.items():
        shown = [sample for sample in samples if sample.book == book and sample.shown is not None]
        changes = sorted((one for one in shown if one.kind == kind), key=lambda change: change.done_s)
        ends = [change.done_s for change in changes]
        latest = list(itertools.accumulate((change.sent_s for change in changes), max))
        set_at = {first: -math.inf} | {change.shown: change.done_s for change in changes}
        for read in (one for one in shown if one.kind != kind):
            before = bisect.bisect_left(ends, read.sent_s)
            newest = latest[before - 1] if before else -math.inf
            if (read.shown or 0) < first or newest > set_at.get(read.shown, math.inf):
                found.append(read)
    return found


def masked_s(samples: Sequence[Sample], struck_s: float) -> float:
    """Seconds from a fault to the end of the last answer that customers felt of it; 0 if they felt nothing.

    Felt is what failed, or took `FELT` times as long as the slowest request before the fault. When nothing was felt
    for `QUIET_S`, the fault is masked. What comes later isn't put down to it.
    """
    slowest = max((one.took_ms for one in samples if one.done_s < struck_s), default=math.inf)
    masked = struck_s
    for one in sorted(samples, key=lambda sample: sample.due_s):
        is_felt = not one.is_answered or one.took_ms > FELT * slowest
        if is_felt and one.done_s > struck_s and one.due_s < masked + QUIET_S:
            masked = max(masked, one.done_s)
    return masked - struck_s


def _running_minimum(values: Sequence[int]) -> list[int]:
    fewest: list[int] = []
    for value in values:
        fewest.append(min(value, fewest[-1]) if fewest else value)
    return fewest
