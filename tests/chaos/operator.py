"""An operator with the runbook in hand: puts back what can be put back, else takes the copy that loses least."""

import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from tests.chaos.faults import Scene
from tests.chaos.file_faults import put_back

HELPED_S = 120.0
"""How long the store may take once it was helped, on a busy machine."""
LOOKS_AGAIN_S = 10.0
ATTEMPTS = 5
"""The store goes on living while it is looked at: a plan that has grown old is refused, and made anew."""
KEPT = re.compile(r"counts, up to position (\d+)\.")
SETTLED = re.compile(r"Positions (\d+) to (\d+), which are settled")


@dataclass(frozen=True)
class Offer:
    """What `promote` says before it asks."""

    alias: str
    head: int
    """The position up to which the copy's history counts."""
    lost: int
    """Settled entries that are lost, by its account."""


@dataclass(frozen=True)
class Decision:
    """A history that was given up, by whom it was said what that costs, and when, by the clock of the operations."""

    service: str
    offer: Offer
    began: float
    ended: float

    def __str__(self) -> str:
        return f"promote {self.offer.alias}, up to {self.offer.head}, {self.offer.lost} settled entries given up"


@dataclass
class Operator:
    """What was done is told by `planning`, what couldn't be mended by `stuck`."""

    scene: Scene
    say: Callable[[str], None]
    manage: Callable[..., str]
    """`manage.py replication`: what it says to these arguments."""
    held: Callable[[str], AbstractContextManager[Callable[[int], None]]]
    """Keeps whoever writes down a service's settled log from it meanwhile. What it gives takes back all that was
    written down beyond a position."""
    decisions: list[Decision] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)

    def help(self, service: str, is_healed: Callable[[float], bool]) -> None:
        """By the runbook: what can be put back as it was, is; else one copy's history counts."""
        self.say(f"the operator is called:\n{self.manage('status')}")
        if put_back(self.scene, service) and self._heals(service, is_healed):
            self.say("the file was put back: nothing is lost")
            return
        for _ in range(ATTEMPTS):
            offers = self._offers(service)
            if offers and self._take(service, min(offers, key=lambda offer: offer.lost)):
                break
            if is_healed(0):  # Nobody needs to decide after all.
                return
        self.manage("repair", "--service", service)
        if not is_healed(HELPED_S):
            self.stuck.append(self.manage("status"))

    def _heals(self, service: str, is_healed: Callable[[float], bool]) -> bool:
        """Waits for it, unless somebody has to decide all the same."""
        deadline = time.monotonic() + HELPED_S
        while not is_healed(LOOKS_AGAIN_S):
            if time.monotonic() > deadline or self._offers(service):
                return False
        return True

    def _offers(self, service: str) -> list[Offer]:
        return [offer for number in (1, 2) if (offer := self.ask(f"{service}-{number}")) is not None]

    def ask(self, alias: str) -> Offer | None:
        """What it would cost to promote it; None if that isn't possible."""
        told = self.manage("promote", alias)
        offer = offer_of(alias, told)
        if offer is None:
            self.say(f"  {alias}: {(told.strip().splitlines() or ['no answer'])[-1]}")
        return offer

    def _take(self, service: str, offer: Offer) -> bool:
        began = time.monotonic()
        with self.held(service) as cut_at:
            told = self.manage("promote", offer.alias, "--yes")
            if "Done:" not in told:
                self.say(f"  {told.strip().splitlines()[-1]}")
                return False
            cut_at(offer.head)
        self.decisions.append(Decision(service, offer, began, time.monotonic()))
        self.say(f"  {self.decisions[-1]}")
        return True


def offer_of(alias: str, told: str) -> Offer | None:
    """By what the command said; None if it refused."""
    kept = KEPT.search(told)
    if kept is None:
        return None
    settled = SETTLED.search(told)
    lost = int(settled[2]) - int(settled[1]) + 1 if settled else 0
    return Offer(alias, int(kept[1]), lost)
