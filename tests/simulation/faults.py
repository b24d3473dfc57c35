"""What happens to a store: each kind a function of the simulator's, at moments that the seed chooses."""

import random
from collections import Counter, deque
from collections.abc import Callable, Sequence
from functools import partial

from tests.simulation import file_faults, primitives
from tests.simulation.aiming import Aim
from tests.simulation.network import AILMENTS
from tests.simulation.outage import Outage
from tests.simulation.plan import Plan, Strike
from tests.simulation.processes import FOR_EVER
from tests.simulation.simulator import MS, S, Simulator

PAUSES = (60, 250, 1000)
"""Turns between two faults, on average: of a run, one of these."""
RESTART_NS = 600 * MS
"""How long a killed node stays away, at most: the supervisor starts it again."""
LAST_NS = (100 * MS, 500 * MS, 3 * S)
"""Faults that pass, at most: of each, one of these."""
STALLED_NS = (2 * S, 5 * S, 12 * S)
CLOCK_STEPS_S = (-3600, -300, -2, 0.1, 2, 300, 3600)
FILES, PAIRS = "files", "pairs"


class Faults:
    """Strikes, again and again, until it is told to heal everything: as the plan says, or as it draws by the seed."""

    def __init__(self, simulator: Simulator, nodes: Sequence[str], plan: Plan) -> None:
        self.made: list[Strike] = []
        """All so far."""
        self.pairs: Counter[tuple[str, str]] = Counter()
        """Of those that struck while another lasted: the kind of that one and theirs."""
        self._simulator, self._nodes = simulator, list(nodes)
        self._seed, self._chance = plan.seed, random.Random(f"{plan.seed}/faults")
        self._every = plan.every or self._chance.choice(PAUSES)
        # Some runs have faults of one kind only, others of all: what one kind hides another shows.
        kinds = plan.kinds
        self._kinds = self._chance.sample(kinds, self._chance.randint(1, len(kinds))) if kinds else []
        self._aim = Aim(simulator, self._nodes, self._chance, self._kill_for, LAST_NS)
        self._draws_more = plan.strikes is None and bool(kinds)
        self._planned = deque(plan.strikes or ())
        self._lasts_ns: dict[str, int] = {}
        """By kind, until when the last one lasts."""
        self._is_over = self._is_calm = False
        self.files: file_faults.FileFaults | None = None
        self.outage: Outage | None = None

    @property
    def struck(self) -> Counter[str]:
        """Of those of files, the ones that weren't spared."""
        plain = Counter(strike.kind for strike in self.made if strike.kind not in STRIKES_AT_FILES)
        return plain + self.files.done if self.files is not None else plain

    @property
    def may_strike_files(self) -> bool:
        return any(kind in STRIKES_AT_FILES for kind in self._possible)

    @property
    def may_strike_disks(self) -> bool:
        return any(kind in ("power", "full") for kind in self._possible)

    @property
    def _possible(self) -> tuple[str, ...]:
        return *self._kinds, *(one.kind for one in (*self.made, *self._planned))

    def begin(self) -> None:
        self._draw()
        self._simulator.on_turns = self._after_turns

    def heal(self) -> None:
        """No fault any more: all live, and the network is well."""
        self._is_over = True
        self.calm(True)

    def calm(self, is_calm: bool) -> None:
        """Whether nothing strikes for a while, and what has struck has passed."""
        self._is_calm = is_calm
        if is_calm:
            self._simulator.aim = ""
            self._end_what_passes()
        self._pause()

    def _end_what_passes(self) -> None:
        self._simulator.network.heal()
        if self.outage is not None:
            self.outage.make_room()
        for name in self._nodes:
            self._simulator.go_on_living(name)
            if not self._simulator.processes[name].is_alive:
                self._restart(name)

    def _draw(self) -> None:
        """The next one. What it hits is drawn from a seed of its own: if one is left out, the others stay."""
        if self._draws_more:
            chance = random.Random(f"{self._seed}/fault {len(self.made)}")
            turn = self._simulator.turns + chance.randint(1, 2 * self._every)
            self._planned.append(Strike(turn, chance.choice(self._kinds), f"{self._seed}/{len(self.made)}"))
        self._pause()

    def _after_turns(self) -> None:
        while self._planned and self._planned[0].turn <= self._simulator.turns and not self._is_quiet:
            self.strike(self._planned.popleft())
            self._draw()

    def _pause(self) -> None:
        """Has the simulator come back at the turn of the next one."""
        is_next = self._planned and not self._is_quiet
        self._simulator.pause_at = self._planned[0].turn if is_next else FOR_EVER

    @property
    def _is_quiet(self) -> bool:
        is_off = self.outage is not None and self.outage.is_off
        return self._is_over or self._is_calm or is_off

    def strike(self, strike: Strike) -> None:
        """What it hits follows from its seed."""
        self.made.append(strike)
        now = self._simulator.now_ns
        self.pairs.update((kind, strike.kind) for kind, until in self._lasts_ns.items() if until > now)
        self._chance.seed(strike.seed)
        self.carry_out(strike.kind.partition(":")[0])

    def carry_out(self, kind: str) -> None:
        KINDS[kind](self)

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

    def stall(self) -> None:
        """Stopped for longer than a lease, or a writer's patience, lasts."""
        name = self._node()
        self._tell(name)
        self._simulator.stop(name)
        self._last(delay_ns := self._chance.choice(STALLED_NS))
        self._simulator.after(delay_ns, partial(self._continue, name))

    def clock(self) -> None:
        """The wall clock is set, of the whole machine; it stays so."""
        ahead_ns = int(self._chance.choice(CLOCK_STEPS_S) * S)
        primitives.set_wall_clock(primitives.wall_clock_ahead_ns() + ahead_ns)
        self._tell(f"{ahead_ns / S:+g} s")

    def power(self) -> None:
        """All that runs on the machine ends, and what wasn't synced is lost, or a part of it."""
        if self.outage is None or (self.files is not None and not self.files.is_at_rest):
            self._tell("spared")
            return
        self._simulator.network.heal()
        self._tell(", ".join(self.outage.strike(self._chance)) or "nothing is lost")

    def full(self) -> None:
        """The disk of one replica, for a while."""
        if self.outage is not None:
            self._tell(self.outage.fill(self._chance))

    def aim(self) -> None:
        """At whoever next comes to a certain step: the one that is named after a colon, or one that is drawn."""
        self._tell(self._aim.take(self.made[-1].kind.partition(":")[2]))

    def _kill_for(self, name: str, delay_ns: int) -> None:
        if self._is_quiet:
            return
        self._simulator.kill(name)
        self._simulator.after(delay_ns, partial(self._restart, name))

    def slow(self) -> None:
        """One actor, wherever it has just come to, while the others of its node go on."""
        if self._simulator.last is not None:
            process, actor = self._simulator.last
            delay_ns = int(self._chance.random() * self._chance.choice(LAST_NS))
            process.hold(actor, self._simulator.now_ns + delay_ns)
            self._last(delay_ns)
            self._tell(f"{actor.name} for {delay_ns // MS} ms")

    def weaken(self, name: str) -> None:
        """The network between nodes, for a while."""
        what, passes = AILMENTS[name](self._simulator.network, self._chance, self._nodes)
        self._tell(what)
        self._passes(passes)

    def strike_files(self, name: str) -> None:
        """One of all faults of files, or that one, or a pair."""
        if self.files is not None:
            files, chance = self.files, self._chance
            self._tell(files.strike_twice(chance) if name == PAIRS else files.strike(name, chance))

    def _restart(self, name: str) -> None:
        is_off = self.outage is not None and self.outage.is_off
        if not self._simulator.processes[name].is_alive and not is_off:
            self._simulator.start_node(name)

    def _continue(self, name: str) -> None:
        process = self._simulator.processes[name]
        if process.is_alive:
            self._simulator.go_on_living(name)
        else:
            self._restart(name)


STRIKES_AT_FILES: dict[str, Callable[[Faults], object]] = {
    name: partial(Faults.strike_files, name=name) for name in (FILES, PAIRS, *file_faults.names())
}
KINDS: dict[str, Callable[[Faults], object]] = {
    "kill": Faults.kill,
    "stop": Faults.stop,
    "stall": Faults.stall,
    "clock": Faults.clock,
    "power": Faults.power,
    "full": Faults.full,
    "slow": Faults.slow,
    "aim": Faults.aim,
    **{name: partial(Faults.weaken, name=name) for name in AILMENTS},
    **STRIKES_AT_FILES,
}
