"""What happens to a store: each kind a function of the simulator's, at moments that the seed chooses."""

import random
from collections import Counter, deque
from collections.abc import Callable, Sequence
from functools import partial

from tests.simulation import node
from tests.simulation.plan import Plan, Strike
from tests.simulation.simulator import FOR_EVER, MS, S, Simulator

PAUSES = (60, 250, 1000)
"""Turns between two faults, on average: of a run, one of these."""
RESTART_NS = 600 * MS
"""How long a killed node stays away, at most: the supervisor starts it again."""
LAST_NS = (100 * MS, 500 * MS, 3 * S)
"""Faults that pass, at most: of each, one of these."""


class Faults:
    """Strikes, again and again, until it is told to heal everything: as the plan says, or as it draws by the seed."""

    def __init__(self, simulator: Simulator, nodes: Sequence[str], plan: Plan) -> None:
        self.made: list[Strike] = []
        """All so far."""
        self.pairs: Counter[tuple[str, str]] = Counter()
        """Of those that struck while another lasted: the kind of that one and theirs."""
        self._simulator, self._nodes = simulator, list(nodes)
        self._seed, self._chance = plan.seed, random.Random(f"{plan.seed}/faults")
        self._pause = plan.every or self._chance.choice(PAUSES)
        # Some runs have faults of one kind only, others of all: what one kind hides another shows.
        kinds = plan.kinds
        self._kinds = self._chance.sample(kinds, self._chance.randint(1, len(kinds))) if kinds else []
        self._draws_more = plan.strikes is None and bool(kinds)
        self._planned = deque(plan.strikes or ())
        self._lasts_ns: dict[str, int] = {}
        """By kind, until when the last one lasts."""
        self._is_over = False

    @property
    def struck(self) -> Counter[str]:
        return Counter(strike.kind for strike in self.made)

    def begin(self) -> None:
        self._draw()
        self._simulator.on_turns = self._after_turns

    def heal(self) -> None:
        """No fault any more: all live, and the network is well."""
        self._is_over = True
        self._simulator.pause_at = FOR_EVER
        self._simulator.network.heal()
        for name in self._nodes:
            self._simulator.go_on_living(name)
            if not self._simulator.processes[name].is_alive:
                self._restart(name)

    def _draw(self) -> None:
        """The next one. What it hits is drawn from a seed of its own: if one is left out, the others stay."""
        if self._draws_more:
            chance = random.Random(f"{self._seed}/fault {len(self.made)}")
            turn = self._simulator.turns + chance.randint(1, 2 * self._pause)
            self._planned.append(Strike(turn, chance.choice(self._kinds), f"{self._seed}/{len(self.made)}"))
        self._simulator.pause_at = self._planned[0].turn if self._planned else FOR_EVER

    def _after_turns(self) -> None:
        while self._planned and self._planned[0].turn <= self._simulator.turns and not self._is_over:
            self._strike(self._planned.popleft())
            self._draw()

    def _strike(self, strike: Strike) -> None:
        self.made.append(strike)
        now = self._simulator.now_ns
        self.pairs.update((kind, strike.kind) for kind, until in self._lasts_ns.items() if until > now)
        self._chance.seed(strike.seed)
        KINDS[strike.kind](self)

    def _tell(self, what: str) -> None:
        """What has struck, for whoever reads it."""
        self._simulator.note(f"fault {self.made[-1].kind}: {what}")

    def _last(self, delay_ns: int) -> None:
        """What has just struck lasts so long."""
        kind = self.made[-1].kind
        self._lasts_ns[kind] = max(self._lasts_ns.get(kind, 0), self._simulator.now_ns + delay_ns)

    def _later(self, most_ns: int, what: Callable[[], object]) -> None:
        delay_ns = int(self._chance.random() * most_ns)
        self._last(delay_ns)
        self._simulator.after(delay_ns, what)

    def _passes(self, what: Callable[[], object]) -> None:
        self._later(self._chance.choice(LAST_NS), what)

    def _node(self) -> str:
        return self._chance.choice(self._nodes)

    # ------------------------------------------------------------------------------------ the kinds

    def kill(self) -> None:
        """At whatever place its actors are."""
        name = self._node()
        if self._simulator.processes[name].is_alive:
            self._tell(name)
            self._simulator.kill(name)
            self._later(RESTART_NS, partial(self._restart, name))

    def stop(self) -> None:
        name = self._node()
        self._tell(name)
        self._simulator.stop(name)
        self._passes(partial(self._continue, name))

    def slow(self) -> None:
        """One actor, wherever it has just come to, while the others of its node go on."""
        if self._simulator.last is not None:
            process, actor = self._simulator.last
            delay_ns = int(self._chance.random() * self._chance.choice(LAST_NS))
            process.hold(actor, self._simulator.now_ns + delay_ns)
            self._last(delay_ns)
            self._tell(f"{actor.name} for {delay_ns // MS} ms")

    def lose(self) -> None:
        self._simulator.network.lost = self._chance.choice((0.02, 0.1, 0.5))
        self._tell(f"{self._simulator.network.lost:.0%} of all messages")
        self._passes(self._simulator.network.heal)

    def double(self) -> None:
        self._simulator.network.twice = self._chance.choice((0.1, 0.5))
        self._tell(f"{self._simulator.network.twice:.0%} of all messages")
        self._passes(self._simulator.network.heal)

    def delay(self) -> None:
        network = self._simulator.network
        network.delayed, network.delay_ns = self._chance.choice((0.1, 0.5)), self._chance.choice((20, 500)) * MS
        self._tell(f"{network.delayed:.0%} of all messages, by up to {network.delay_ns // MS} ms")
        self._passes(network.heal)

    def cut(self) -> None:
        """In one direction, between two nodes."""
        sender, receiver = self._chance.sample(self._nodes, 2)
        self._simulator.network.cut.add((sender, receiver))
        self._tell(f"from {sender} to {receiver}")
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
