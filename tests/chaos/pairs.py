"""Two file faults at once: the second while the first isn't healed. What the store must then do, and an operator.

Two copies can't mask that: where neither can serve, the store refuses until a fault has passed, or an operator has
come by the runbook. Nothing is given up by anybody else, and no more than was said beforehand. A pair that would ruin
both files for good isn't drawn: what comes then is `restore`, from a backup, which has tests of its own.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from tests.chaos.faults import ALIASES, Fault, Missed, NotHere, Scene, service_of
from tests.chaos.operator import Decision, Operator
from tests.databases import SERVICES

SAME_FILE = 0.2
"""Of the pairs."""
SOUND = frozenset(("file-renamed",))
"""What can be put back: it may be behind, and is whole. An old copy below a newer log may be a mixture."""
LONGEST_S = 10.0
NOTICED_S = 3.0
BY_ITSELF_S = 12.0
"""How long the store may take, once what passes has passed; then the operator comes."""


@dataclass
class Pairs:
    """Draws pairs among these faults, and sees them through."""

    scene: Scene
    faults: Sequence[Fault]
    rng: random.Random
    say: Callable[[str], None]
    scrub: Callable[[str], bool]
    """Has both files of a service read, and says whether all is well."""
    operator: Operator
    share: float
    """Of the faults that are drawn, so many are pairs."""
    drawn: list[str] = field(default_factory=list)

    @property
    def decisions(self) -> list[Decision]:
        return self.operator.decisions

    def strike(self) -> None:
        """Draws one, does it, and returns when everything is in sync again, or the operator is at a loss."""
        service = self.rng.choice(SERVICES)
        first_target, second_target = self.rng.sample(_replicas(service), 2)
        if self.rng.random() < SAME_FILE:
            second_target = first_target
        pair = self.draw(first_target, second_target)
        if pair is None or not self.scene.is_in_sync(service):
            return
        is_noticed = self.rng.random() < 0.5
        moment = "once it is noticed" if is_noticed else "at once"
        told = f"{pair[0].name} on {first_target}, and {moment} {pair[1].name} on {second_target}"
        self.say(f"a pair: {told}")
        self.drawn.append(told)
        holds_s = 0.0
        for fault, target in zip(pair, (first_target, second_target), strict=True):
            try:
                undo = fault.do(self.scene, target)
            except (Missed, NotHere, OSError) as error:  # Nothing is there any more, or this machine forbids it.
                self.say(f"  {fault.name} missed: {error}")
                continue
            if undo is not None:
                self.scene.undo.append(undo)
                holds_s = max(holds_s, self.rng.uniform(*fault.holds_s))
            if fault is pair[0] and is_noticed:
                self._until_noticed(target)
        time.sleep(holds_s)
        self.scene.take_back()
        self.see_through(service)

    def see_through(self, service: str) -> None:
        """Returns when both copies are in sync and sound, with the operator's help if need be, or nothing helped."""
        if not self._is_healed(service, BY_ITSELF_S):
            self.operator.help(service, partial(self._is_healed, service))

    def _is_healed(self, service: str, seconds: float) -> bool:
        """Whether both copies are in sync and sound, or will be within that time."""
        deadline = time.monotonic() + seconds
        # Asked for first: some faults are found by that alone.
        while not (self.scrub(service) and self.scene.is_in_sync(service)):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def draw(self, first_target: str, second_target: str) -> tuple[Fault, Fault] | None:
        """None if there is none for these targets."""
        first = [fault for fault in self.faults if first_target in fault.targets]
        second = [fault for fault in self.faults if second_target in fault.targets]
        possible = [
            (one, other)
            for one in first
            for other in second
            if first_target == second_target or _leaves_something(one) or _leaves_something(other)
        ]
        return self.rng.choice(possible) if possible else None

    def _until_noticed(self, target: str) -> None:
        deadline = time.monotonic() + NOTICED_S
        while time.monotonic() < deadline:
            witness = self.scene.witness(service_of(target))
            if witness is not None and target not in witness.trusted:
                return
            time.sleep(0.02)


def _replicas(service: str) -> list[str]:
    return [alias for alias in ALIASES if service_of(alias) == service]


def _leaves_something(fault: Fault) -> bool:
    return fault.name in SOUND or any(fault.holds_s)


def for_pairs(faults: Sequence[Fault]) -> list[Fault]:
    """Those of files that don't show in what is read before they are found, and don't last for long."""
    return [
        fault for fault in faults if fault.group == "file" and not fault.is_silent and max(fault.holds_s) <= LONGEST_S
    ]
