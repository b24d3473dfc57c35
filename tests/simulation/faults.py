"""What happens to a store: each kind a function of the simulator's, at moments that the seed chooses."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from tests.simulation import node
from tests.simulation.simulator import MS, S, Simulator

PAUSES = (60, 250, 1000)
"""Turns between two faults, on average: of a run, one of these."""
RESTART_NS = 600 * MS
"""How long a killed node stays away, at most: the supervisor starts it again."""
LAST_NS = (100 * MS, 500 * MS, 3 * S)
"""Faults that pass, at most: of each, one of these."""


class Faults:
    """Strikes, again and again, until it is told to heal everything; every so many turns, or as the seed says (0)."""

    def __init__(self, simulator: Simulator, nodes: Sequence[str], kinds: Sequence[str], every: int) -> None:
        self.struck: Counter[str] = Counter()
        self._simulator, self._nodes = simulator, list(nodes)
        self._chance = simulator.chance
        self._pause = every or self._chance.choice(PAUSES)
        self._next = 0
        """The turn at which the next one strikes."""
        # Some runs have faults of one kind only, others of all: what one kind hides another shows.
        self._kinds = self._chance.sample(kinds, self._chance.randint(1, len(kinds))) if kinds else []
        self._is_over = False

    def begin(self) -> None:
        if self._kinds:
            self._wait()
            self._simulator.on_turn = self._after_turn

    def heal(self) -> None:
        """No fault any more: all live, and the network is well."""
        self._is_over = True
        self._simulator.network.heal()
        for name in self._nodes:
            self._simulator.go_on_living(name)
            if not self._simulator.processes[name].is_alive:
                self._restart(name)

    def _wait(self) -> None:
        self._next = self._simulator.turns + self._chance.randint(1, 2 * self._pause)

    def _after_turn(self) -> None:
        if self._simulator.turns >= self._next and not self._is_over:
            self._strike()
            self._wait()

    def _strike(self) -> None:
        kind = self._chance.choice(self._kinds)
        self.struck[kind] += 1
        self._simulator.note(f"fault {kind}")
        KINDS[kind](self)

    def _later(self, most_ns: int, what: Callable[[], object]) -> None:
        self._simulator.after(int(self._chance.random() * most_ns), what)

    def _passes(self, what: Callable[[], object]) -> None:
        self._later(self._chance.choice(LAST_NS), what)

    def _node(self) -> str:
        return self._chance.choice(self._nodes)

    # ------------------------------------------------------------------------------------ the kinds

    def kill(self) -> None:
        """At whatever place its actors are."""
        name = self._node()
        if self._simulator.processes[name].is_alive:
            self._simulator.kill(name)
            self._later(RESTART_NS, partial(self._restart, name))

    def stop(self) -> None:
        name = self._node()
        self._simulator.stop(name)
        self._passes(partial(self._continue, name))

    def slow(self) -> None:
        """One actor, wherever it has just come to, while the others of its node go on."""
        actor = self._simulator.last
        if actor is not None:
            actor.held_ns = self._simulator.now_ns + int(self._chance.random() * self._chance.choice(LAST_NS))

    def lose(self) -> None:
        self._simulator.network.lost = self._chance.choice((0.02, 0.1, 0.5))
        self._passes(self._simulator.network.heal)

    def double(self) -> None:
        self._simulator.network.twice = self._chance.choice((0.1, 0.5))
        self._passes(self._simulator.network.heal)

    def delay(self) -> None:
        network = self._simulator.network
        network.delayed, network.delay_ns = self._chance.choice((0.1, 0.5)), self._chance.choice((20, 500)) * MS
        self._passes(network.heal)

    def cut(self) -> None:
        """In one direction, between two nodes."""
        sender, receiver = self._chance.sample(self._nodes, 2)
        self._simulator.network.cut.add((sender, receiver))
        self._passes(self._simulator.network.heal)

    def _restart(self, name: str) -> None:
        if not self._simulator.processes[name].is_alive:
            self._simulator.start(name, node.serve, name)

    def _continue(self, name: str) -> None:
        process = self._simulator.processes[name]
        if process.is_alive:
            self._simulator.go_on_living(name)
        else:
            self._restart(name)


KINDS: dict[str, Callable[[Faults], object]] = {
    "kill": Faults.kill,
    "stop": Faults.stop,
    "slow": Faults.slow,
    "lose": Faults.lose,
    "double": Faults.double,
    "delay": Faults.delay,
    "cut": Faults.cut,
}
