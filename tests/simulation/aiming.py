"""The fault `aim`: at the next actor that comes to a certain step of the protocols, wherever that is."""

import random
from collections.abc import Callable, Sequence
from functools import partial

from tests.simulation.simulator import Simulator

POINTS = (
    *("group-locked", "begun", "made", "before-commit", "committed-catalog-1", "committed-catalog-2"),
    *("committed-order-1", "committed-order-2", "committed", "leases-read", "invalidated", "floor", "evict"),
    *("settle-rolled", "settle-committed", "settle-invalidated", "gate-snapshot", "lease-renewed", "poll-recorded"),
    *("cancellation-decided", "cancellation-returned", "readmit", "repair-copied", "repair-caught-up"),
    *("shrunk", "poll-began", "repair-verified", "repair-installed", "gate-report"),
)
"""Steps of the protocols at which an actor is struck on purpose: by chance, few of them are met in the middle."""
AIMS = KILL, WAIT, WAIT_AND_KILL = "a kill", "a wait", "a wait, and a kill of another node,"
FEW = (1, 3, len(POINTS))
"""Rare moments are met where few steps are aimed at, again and again: of a run, so many of them."""


class Aim:
    """Of one run."""

    def __init__(
        self,
        simulator: Simulator,
        nodes: Sequence[str],
        chance: random.Random,
        kill_for: Callable[[str, int], object],
        last_ns: Sequence[int],
    ) -> None:
        """`kill_for` is told a node, and for how many nanoseconds it stays away. `last_ns`: of waits, at most."""
        self._simulator, self._nodes, self._chance = simulator, nodes, chance
        self._kill_for, self._last_ns = kill_for, last_ns
        self._points = chance.sample(POINTS, chance.choice(FEW))
        fronts = [name for name in nodes if name.startswith("front")]
        self._victims = chance.choice((fronts, nodes))

    def take(self, point: str = "") -> str:
        """At the next actor that comes to that point, or to one of the run's: its node is killed, or it has to wait.

        While it waits, another node may begin anew. Says what will happen.
        """
        how, seed = self._chance.choice(AIMS), self._chance.random()
        point = point or self._chance.choice(self._points)
        self._simulator.aim, self._simulator.on_aim = point, partial(self._meet, how, seed)
        return f"{how} at {point}"

    def _meet(self, how: str, seed: float) -> None:
        if self._simulator.last is None:
            return
        process, actor = self._simulator.last
        self._chance.seed(seed)
        delay_ns = int(self._chance.random() * self._chance.choice(self._last_ns))
        if how == KILL:
            self._kill_for(process.name, delay_ns)
            return
        process.hold(actor, self._simulator.now_ns + delay_ns)
        others = [name for name in self._victims if name != process.name]
        if how == WAIT_AND_KILL and others:
            self._kill_for(self._chance.choice(others), int(self._chance.random() * delay_ns))
