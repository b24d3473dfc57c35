"""What goes wrong on the network, and when: draw_faults from a seed, and over in time."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.stress.network import Network, Trouble, Way

DELAYS, DROPS, ONE_WAY, PARTITION, ISOLATION = "delays", "drops", "one-way partition", "partition", "isolation"
UNREACHABLE, CUT_OFF = "unreachable", "cut off from the catalog"
KINDS = {DELAYS: 3, DROPS: 3, ONE_WAY: 2, PARTITION: 2, UNREACHABLE: 1, CUT_OFF: 3, ISOLATION: 1}
"""With their weights. An unreachable actor can call, but not be called; an isolated one reaches nobody; leases are
for a front that is cut off from both catalog replicas."""
EVERY_S = 0.6
LONGEST_DELAY_S = (0.01, 0.3)
LOSS = (0.1, 0.5)
LASTS_S = (0.2, 1.5)
LEASES = (0.2, 3.0)
"""How long a partition lasts, in leases."""


@dataclass(frozen=True)
class Event:
    """A trouble, from one moment to another, in seconds from the beginning."""

    begins_s: float
    ends_s: float
    trouble: Trouble


def draw_faults(seed: str, calls: Sequence[Way], seconds: float, lease_s: float) -> list[Event]:
    """Troubles by their beginning; all have ended after `seconds`. The same for the same arguments."""
    rng = random.Random(f"{seed}/schedule")
    events = []
    begins_s = rng.uniform(0, EVERY_S)
    while begins_s < seconds:
        kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
        shortest, longest = LASTS_S if kind in (DELAYS, DROPS) else (lease_s * leases for leases in LEASES)
        ends_s = min(begins_s + rng.uniform(shortest, longest), seconds)
        events.append(Event(begins_s, ends_s, _trouble(kind, calls, rng)))
        begins_s += rng.uniform(0, 2 * EVERY_S)
    return events


def _trouble(kind: str, calls: Sequence[Way], rng: random.Random) -> Trouble:
    one, other = rng.choice(calls)
    both_ways = frozenset({(one, other), (other, one)})
    if kind == DELAYS:
        return Trouble(kind, both_ways, delay_s=rng.uniform(*LONGEST_DELAY_S))
    if kind == DROPS:
        return Trouble(kind, both_ways, loss=rng.uniform(*LOSS))
    if kind == ONE_WAY:
        return Trouble(kind, frozenset({rng.choice(sorted(both_ways))}), is_blocked=True)
    if kind == PARTITION:
        return Trouble(kind, both_ways, is_blocked=True)
    if kind == UNREACHABLE:
        return unreachable_by(call for call in calls if call[1] == other)
    actors = sorted({actor for call in calls for actor in call})
    if kind == CUT_OFF:
        return cut_off(rng.choice([actor for actor in actors if actor.startswith("front")]), calls)
    lonely = rng.choice(actors)
    return Trouble(kind, _both_ways(call for call in calls if lonely in call), is_blocked=True)


def unreachable_by(calls: Iterable[Way]) -> Trouble:
    """Those calls aren't heard."""
    unheard = frozenset(calls)
    return Trouble(UNREACHABLE, unheard, unheard, is_blocked=True)


def cut_off(front: str, calls: Iterable[Way]) -> Trouble:
    """Nothing passes between that front (all, if its name is empty) and the catalog; orders do."""
    between = (call for call in calls if _services(call) == {"front", "catalog"} and front in (*call, ""))
    return Trouble(CUT_OFF, _both_ways(between), is_blocked=True)


def _both_ways(calls: Iterable[Way]) -> frozenset[Way]:
    return frozenset(way for call in calls for way in (call, call[::-1]))


def _services(call: Way) -> set[str]:
    return {actor.partition("-")[0] for actor in call}


class FaultSchedule(threading.Thread):
    """Lets the draw_faults come true, from `start` on; ends by itself, or with `end`, and leaves no trouble."""

    def __init__(self, network: Network, events: Iterable[Event]) -> None:
        super().__init__(daemon=True, name="schedule")
        self.begun: Counter[str] = Counter()
        self.told: list[str] = []
        """What began and ended, each with its moment, by the clock of the history."""
        self._network = network
        self._changes = sorted(
            [(event.begins_s, False, event) for event in events] + [(event.ends_s, True, event) for event in events],
            key=lambda change: change[:2],
        )
        self._ended = threading.Event()

    def run(self) -> None:
        began = time.monotonic()
        left: list[Trouble] = []
        for moment_s, is_end, event in self._changes:
            if self._ended.wait(max(0.0, began + moment_s - time.monotonic())):
                break
            name = f"{event.trouble.kind} {sorted(event.trouble.wires or event.trouble.ways)}"
            self.told.append(f"{time.monotonic():.6f} {'end' if is_end else 'begin'} of {name}")
            if is_end:
                left.remove(event.trouble)
                self._network.take_back([event.trouble])
            else:
                left.append(event.trouble)
                self.begun[event.trouble.kind] += 1
                self._network.begin(event.trouble)
        self._network.take_back(left)

    def end(self) -> None:
        self._ended.set()
        self.join()
