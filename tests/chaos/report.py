"""What a run did and found, in words."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.chaos.checker import Violation
from tests.chaos.faults import Struck
from tests.chaos.history import Kind, Operation, Outcome

SHOWN = 20
"""Violations that are printed with their evidence."""
SHOWN_S = 0.05
"""What lasted less long is told without."""


@dataclass(frozen=True)
class Report:
    """The result of a run."""

    seed: str
    seconds: float
    operations: Sequence[Operation]
    kills: Mapping[str, int]
    points: Sequence[str]
    """At which processes killed themselves."""
    faults: Counter[str]
    file_faults: int
    skipped: Mapping[str, str]
    refused: Sequence[str]
    unjudged: int
    violations: Sequence[Violation] = field(default_factory=list)
    pairs: Sequence[str] = ()
    """Of file faults, the second while the first wasn't healed."""
    decisions: Sequence[str] = ()
    """What an operator gave up."""
    given_up: int = 0
    """Answers that rest on it."""
    struck: Sequence[Struck] = ()

    @property
    def killed(self) -> int:
        return sum(self.kills.values()) + len(self.points)

    @property
    def acknowledged(self) -> int:
        return sum(one.is_write and one.outcome is Outcome.OK for one in self.operations)

    @property
    def reads(self) -> int:
        return sum(one.asked.kind is Kind.READ and one.outcome is Outcome.OK for one in self.operations)

    def count(self, outcome: Outcome) -> int:
        return sum(one.outcome is outcome for one in self.operations)

    def lines(self) -> list[str]:
        at_front = longest_stall([one for one in self.operations if one.actor.startswith("customer")])
        told = [
            f"seed               {self.seed}",
            f"seconds            {self.seconds:.0f}",
            f"operations         {len(self.operations)}",
            f"  acknowledged     {self.acknowledged} writes",
            f"  reads            {self.reads}, of which {self.unjudged} were not judged",
            f"  refused          {self.count(Outcome.REFUSED)}",
            f"  open             {self.count(Outcome.OPEN)}",
            f"kills              {self.killed}: {counted(self.kills)}",
            f"  at a point       {counted(Counter(self.points))}",
            f"faults             {self.faults.total()}, {self.file_faults} of them on files: {counted(self.faults)}",
            f"pairs of faults    {len(self.pairs)}",
            *(f"  decided          {decision}" for decision in self.decisions),
            f"  given up         {self.given_up} answers",
            f"longest stall      {at_front.seconds:.1f} s without an acknowledged write at the front, "
            f"{longest_stall(self.operations).seconds:.1f} s anywhere",
            *(f"  meanwhile        {what}" for what in at_front.meanwhile(self.struck)),
            f"operator called    {len(self.refused)} times",
        ]
        told += [f"left out           {name}: it needs {reason}" for name, reason in self.skipped.items()]
        return told + violation_lines(self.violations)


def violation_lines(violations: Sequence[Violation], shown: int = SHOWN) -> list[str]:
    """The first ones with their evidence, and how many there are."""
    told = [f"  - {violation}" for violation in violations[:shown]]
    if len(violations) > shown:
        told.append(f"  ... and {len(violations) - shown} more")
    return [*told, f"violations         {len(violations)}"]


def counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()) if count) or "none"


@dataclass(frozen=True)
class Stall:
    """Without an acknowledged write, though somebody asked for one: mostly from one's answer to the other's."""

    began: float
    ended: float

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    def meanwhile(self, struck: Sequence[Struck]) -> list[str]:
        """What was done to the store, and for how much of the stall it lasted."""
        told = []
        for one in struck:
            if one.began < self.ended and one.ended > self.began:
                lasted_s = min(one.ended, self.ended) - max(one.began, self.began)
                told.append(f"{one.what}, {lasted_s:.1f} s" if lasted_s >= SHOWN_S else one.what)
        return told


def longest_stall(operations: Sequence[Operation]) -> Stall:
    """Also one that begins before the first acknowledged write, or lasts until nobody asks any more."""
    asked = [one.invoked for one in operations if one.is_write]
    if not asked:
        return Stall(0.0, 0.0)
    ends = sorted(one.responded for one in operations if one.is_write and one.outcome is Outcome.OK)
    moments = [min(asked), *ends, max(asked)]
    return max((Stall(*pair) for pair in pairwise(moments)), key=lambda stall: stall.seconds)
