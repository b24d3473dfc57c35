"""Chooses which runs to carry out: what met something new is followed up from there on."""

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.simulation.coverage import Coverage, Pair, described
from tests.simulation.plan import Plan, Strike
from tests.simulation.totals import Totals
from tests.simulation.watching import Watcher

if TYPE_CHECKING:
    from tests.simulation.report import Report

BY_CHANCE = 0.2
"""Of the runs, those that follow a lead or not by chance alone; of the others, it is what has met more of late."""
RECENT = 0.3
"""How much the last run counts for what has been brought of late."""
AT_FIRST = 20.0
"""New pairs that a run is expected to meet, while nothing is known."""
FOLLOWED = 4
"""So many runs follow a lead, at most: one for each pair that was new."""
ALIKE = 0.6
"""Of those, the runs that have the lead's faults alone, and nothing else of it."""
TELL_EVERY_S = 5.0


@dataclass
class Lead:
    """A run that has met what no run before had met."""

    plan: Plan
    turns: list[int]
    """At which it did, those that are still to be followed."""


class Explorer:
    """Chooses one plan after the other, as a seed says and as it hears what came of those before."""

    def __init__(self, first: Plan, *, is_led: bool = True) -> None:
        """`first`: what all have in common, and the first seed. Not `is_led`: seeds in order."""
        self.met: set[Pair] = set()
        self.followed = 0
        """Runs that followed a lead."""
        self._first, self._is_led = first, is_led
        self._chance = random.Random(f"{first.seed}/exploring")
        self._leads: list[Lead] = []
        self._brings = {True: AT_FIRST, False: AT_FIRST}
        """New pairs of a run that follows a lead, and of one with a seed of its own."""
        self._is_following = False
        self._fresh = self._made = 0

    def next(self) -> Plan:
        self._made += 1
        self._is_following = bool(self._leads) and self._is_worth_following()
        if self._is_following:
            self.followed += 1
            return self._follow(self._leads[-1])
        self._fresh += 1
        return replace(self._first, seed=str(int(self._first.seed) + self._fresh - 1))

    def _is_worth_following(self) -> bool:
        if self._chance.random() < BY_CHANCE:
            return self._chance.random() < 0.5
        return self._brings[True] > self._brings[False]

    def hear(self, report: "Report", met: dict[Pair, int]) -> int:
        """How much of what that run met is new."""
        new = {pair: turn for pair, turn in met.items() if pair not in self.met}
        self.met |= new.keys()
        self._brings[self._is_following] += RECENT * (len(new) - self._brings[self._is_following])
        if new and self._is_led:
            turns = self._chance.sample(sorted(new.values()), min(FOLLOWED, len(new)))
            self._leads.append(Lead(report.plan, turns))
        return len(new)

    def _follow(self, lead: Lead) -> Plan:
        turn = lead.turns.pop()
        if not lead.turns:
            self._leads.remove(lead)
        seed = f"{self._first.seed}/followed {self._made}"
        if lead.plan.strikes and self._chance.random() < ALIKE:
            return self._alike(lead.plan.strikes, seed)
        return self._forked(lead, turn, seed)

    def _alike(self, strikes: Sequence[Strike], seed: str) -> Plan:
        """Another run with faults of the same kinds, as often."""
        kinds = tuple(sorted({strike.kind for strike in strikes}))
        return replace(self._first, seed=seed, kinds=kinds, every=max(1, strikes[-1].turn // len(strikes)))

    def _forked(self, lead: Lead, turn: int, seed: str) -> Plan:
        """The same run up to that turn. From there on it goes another way; and, mostly, something strikes there."""
        plan = replace(lead.plan, forks=(*(fork for fork in lead.plan.forks if fork[0] < turn), (turn, seed)))
        kinds = lead.plan.kinds
        if kinds and self._chance.random() < 0.7:
            strike = Strike(turn + self._chance.randrange(3), self._chance.choice(kinds), seed)
            strikes = [*(plan.strikes or ()), strike]
            plan = replace(plan, strikes=tuple(sorted(strikes, key=lambda one: one.turn)))
        return plan


class Progress(Watcher):
    """Says every few seconds how far it is, also in the middle of a run."""

    def __init__(self, tell: Callable[[], object], clock: Callable[[], float]) -> None:
        self._tell, self._clock = tell, clock
        self._told = clock()

    def turn(self, at_ns: int, process: object, actor: object, point: str) -> None:
        now = self._clock()
        if now >= self._told + TELL_EVERY_S:
            self._told = now
            self._tell()


class Exploration:
    """Runs, until the time is up, there were enough, or one has broken a promise."""

    def __init__(
        self,
        run: Callable[[Plan, list[Watcher]], "Report"],
        explorer: Explorer,
        say: Callable[[str], object],
        clock: Callable[[], float],
    ) -> None:
        """`clock`: seconds."""
        self.totals = Totals()
        self.digest = hashlib.blake2b(digest_size=16)
        self._run, self._explorer, self._say, self._clock = run, explorer, say, clock
        self._began = clock()

    def carry_out(self, seconds: float, runs: int) -> "Report | None":
        """The report of a run that broke a promise, if there was one. `runs`: 0 for as many as there is time for."""
        progress = Progress(self._tell, self._clock)
        while self._clock() < self._began + seconds and (not runs or self.totals.runs < runs):
            coverage = Coverage()
            report = self._run(self._explorer.next(), [coverage, progress])
            self._explorer.hear(report, coverage.met)
            self.totals.add(report)
            self.digest.update(report.digest.encode())
            if report.violations:
                return report
        return None

    def _tell(self) -> None:
        totals, at_s = self.totals, self._clock() - self._began
        self._say(
            f"[{at_s:6.1f}] {totals.runs} runs, of which {self._explorer.followed} followed others;"
            f" {totals.operations} operations, {totals.faults.total()} faults, {len(self._explorer.met)} pairs met"
        )

    def lines(self) -> list[str]:
        return [*self.totals.lines(), *described(self._explorer.met)]
