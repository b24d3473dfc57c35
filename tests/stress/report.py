"""What a run did and found, in words."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from tests.chaos.checker import Violation
from tests.chaos.history import NEVER, Kind, Operation, Outcome
from tests.chaos.report import SHOWN, counted, longest_stall, violation_lines
from tests.stress.network import Way


@dataclass(frozen=True)
class Result:
    """Of one run."""

    name: str
    seconds: float
    operations: Sequence[Operation]
    healed: float
    """When the network was healed, by the clock of the operations."""
    faults: Counter[str]
    delayed: int
    """Times that something arrived later."""
    lost: int
    """Times that something didn't arrive."""
    late: int
    """Times that something was held until the network had healed."""
    kills: int
    silent: frozenset[Way]
    """Kinds of actors between which nothing passed the network."""
    violations: Sequence[Violation]

    @property
    def overlaps(self) -> int:
        return count_overlaps(self.operations)

    @property
    def stale_reads(self) -> int:
        return sum("a stale read" in violation.what for violation in self.violations)

    def count(self, *kinds: Kind) -> int:
        return sum(one.asked.kind in kinds and one.outcome is Outcome.OK for one in self.operations)

    @property
    def hit_ratio(self) -> float:
        hits = sum(one.asked.kind is Kind.READ and one.note == "hit" for one in self.operations)
        return hits / max(self.count(Kind.READ), 1)

    def summary(self) -> str:
        return (
            f"{len(self.operations)} operations, {self.overlaps} overlaps, {self.hit_ratio:.2f} hits, "
            f"{self.faults.total()} faults, {self.kills} kills, {len(self.violations)} violations"
        )

    def lines(self, shown: int = SHOWN) -> list[str]:
        """`shown` violations are told with their evidence."""
        reads, lists = self.count(Kind.READ), self.count(Kind.LIST)
        asked_in_time = [one for one in self.operations if one.invoked < self.healed]
        unanswered = Counter(str(one.outcome) for one in self.operations if one.outcome is not Outcome.OK)
        return [
            f"operations         {len(self.operations)} in {self.seconds:.0f} s: {reads} reads, {lists} lists, "
            f"{self.count(*Kind) - reads - lists} writes acknowledged; {counted(unanswered)}",
            f"overlaps           {self.overlaps} reads overlap a write of what they read",
            f"hit ratio          {self.hit_ratio:.2f}",
            f"faults             {counted(self.faults)}",
            f"                   {self.delayed} times something was delayed, {self.lost} lost, {self.late} held",
            f"kills              {self.kills}",
            f"longest stall      {longest_stall(asked_in_time).seconds:.1f} s between two acknowledged writes",
            *violation_lines(self.violations, shown),
        ]


def count_overlaps(operations: Sequence[Operation]) -> int:
    """Reads of a book during which an acknowledged write of it was under way."""
    found = 0
    for book in {operation.asked.book for operation in operations}:
        of_book = [one for one in operations if one.asked.book == book and one.outcome is Outcome.OK]
        writes = sorted((one.invoked, one.responded) for one in of_book if one.is_write)
        begun = [invoked for invoked, _ in writes]
        # Of the writes that began before a moment, the one that ends last.
        ends = list(accumulate((responded for _, responded in writes), max, initial=-NEVER))
        for one in of_book:
            if one.asked.kind is Kind.READ and ends[bisect_right(begun, one.responded)] >= one.invoked:
                found += 1
    return found
