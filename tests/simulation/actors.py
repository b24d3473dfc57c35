"""The actors of one simulated process: threads of which one runs at a time, and which the simulator chooses.

An actor runs until it comes to a point, waits, or ends. Then another one is chosen: by the process itself, with
random numbers of its own, for as many turns as the simulator has given it; then by the simulator, over the process's
one socket. A thread that isn't chosen waits at its baton, a real lock; all other waiting is the simulator's affair
(`primitives`).
"""

import _thread
import random
from collections.abc import Callable
from typing import Any

from tests.simulation.actor import Actor, Chance
from tests.simulation.link import Ended, Link, Message

STEPS = (1, 1, 2, 3, 8, 30, 300)
"""How many points an actor passes, when it is chosen."""
STEP_NS = 20_000
"""What a turn takes of the simulated time, on average."""
ENDED_NS = -2
"""In a report, when an actor wakes that has ended."""
_SOON_NS = 1000
"""By so much the clock moves with each reading: whoever waits for it in a loop gets there."""

get_ident, start_thread = _thread.get_ident, _thread.start_new_thread


class World:
    """What the actors of a process share: the clock, the random numbers, and the link to the simulator."""

    def __init__(self, link: Link, name: str, now_ns: int, seed: str) -> None:
        self.name = name
        self.number = int(seed.rpartition("/")[2])
        """Of the processes of its run: no other one ever has it."""
        self.now_ns = now_ns
        self.booted_ns = 0
        """How much less than the others' its monotonic clock tells."""
        self._keys, self._turn_chance = random.Random(seed), Chance()
        self.has_points = True
        """Whether actors change places elsewhere than where they wait."""
        self.out: list[Message] = []
        """What the simulator is told with the next report."""
        self.replies: dict[int, Message] = {}
        self.on_item: Callable[[Message], None] = lambda item: None
        """Called with what comes from outside, but for replies to calls."""
        self.before_others: Callable[[], object] = lambda: None
        """Called before a process that isn't this one may run."""
        self._link = link
        self._actors: dict[int, Actor] = {}
        self._by_ident: dict[int, Actor] = {}
        self._changed: dict[int, Actor] = {}
        self._turns: list[tuple[int, int, str, str]] = []
        """Since the last report: when, whose it was by number and name, and up to which point."""
        self._turns_left = self._horizon_ns = 0
        """Until the simulator has to be asked: so many more turns, or this moment."""
        self._steps_left = 0
        self._aim = ""
        """The point at which the simulator has to be asked, whenever an actor comes to it."""
        self._calls = 0
        self._begun = -1
        self.current = self._add("main")
        self._by_ident[get_ident()] = self.current

    # ------------------------------------------------------------------------------------ time

    def read_clock(self) -> int:
        """Nanoseconds."""
        self.now_ns += _SOON_NS
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        until = self.now_ns + int(max(0.0, seconds) * 1e9)
        self.block(until, "sleep")
        while self.now_ns < until:
            self.block(until, "sleep")

    def random_bytes(self, count: int) -> bytes:
        return self._keys.getrandbits(8 * count).to_bytes(count, "little")

    # ------------------------------------------------------------------------------ changing places

    def point(self, name: str) -> None:
        """Another actor may be chosen here, or the simulator end the process."""
        self._steps_left -= 1
        if name == self._aim:
            self._turns_left = self._steps_left = 0  # The simulator strikes here.
        if self._steps_left <= 0 and self.has_points:
            self._switch(name)

    def pass_step(self, name: str) -> None:
        """The current actor has made a step of the protocol: whoever looks on may want to know."""
        self.out.append(("step", self.current.number, name, self.now_ns))

    def block(self, until_ns: int, name: str) -> None:
        """Until another actor, the simulator, or the clock wakes this one; it may be woken for nothing."""
        actor = self.current
        actor.is_ready, actor.wakes_ns = False, until_ns
        self._changed[actor.number] = actor
        self._switch(name)

    def wake(self, actor: Actor) -> None:
        if not actor.is_ready:
            actor.is_ready, actor.wakes_ns = True, -1
            self._changed[actor.number] = actor

    def begin(self, name: str, work: Callable[[], object]) -> Actor:
        """Starts a thread, which runs when it is chosen for the first time."""
        actor = self._add(name)

        def run() -> None:
            self._by_ident[get_ident()] = actor
            actor.await_turn()
            try:
                work()
            finally:
                self._end(actor)

        start_thread(run, ())
        return actor

    def actor_here(self) -> Actor:
        return self._by_ident[get_ident()]

    def join(self, actor: Actor, until_ns: int = -1) -> None:
        while not actor.has_ended and (until_ns < 0 or self.now_ns < until_ns):
            actor.joining.append(self.current)
            self.block(until_ns, "join")

    def start(self) -> None:
        """Begins to be one of the simulator's processes: returns when the main thread is chosen."""
        self._switch("begin")

    def _add(self, name: str) -> Actor:
        self._begun += 1
        actor = Actor(self._begun, name)
        self._actors[actor.number] = actor
        self._changed[actor.number] = actor
        return actor

    def _end(self, actor: Actor) -> None:
        actor.has_ended, actor.is_ready, actor.wakes_ns = True, False, ENDED_NS
        self._changed[actor.number] = actor
        del self._actors[actor.number]
        for other in actor.joining:
            self.wake(other)
        del self._by_ident[get_ident()]
        self._choose("end").go()

    def _switch(self, name: str) -> None:
        me = self.current
        chosen = self._choose(name)
        if chosen is not me:
            chosen.go()
            me.await_turn()

    def _choose(self, point: str) -> Actor:
        """Who goes on, now that the current one has come to that point."""
        self._turns.append((self.now_ns, self.current.number, self.current.name, point))
        self._turns_left -= 1
        chosen = self._choose_here()
        if chosen is None:
            self._report()
            chosen = self._receive()
        chosen.is_ready, chosen.wakes_ns = True, -1
        self._changed[chosen.number] = self.current = chosen
        self._steps_left = STEPS[self._turn_chance.below(len(STEPS))]
        return chosen

    def _choose_here(self) -> Actor | None:
        """One of this process; None if the simulator has to say."""
        self.now_ns += self._turn_chance.below(2 * STEP_NS)
        now = self.now_ns
        if self._turns_left <= 0 or now >= self._horizon_ns:
            return None
        ready = [
            one for one in self._actors.values() if (one.is_ready or 0 <= one.wakes_ns <= now) and one.held_ns <= now
        ]
        return ready[self._turn_chance.below(len(ready))] if ready else None

    def _report(self) -> None:
        self.before_others()
        changes = [(one.number, one.name, one.is_ready, one.wakes_ns) for one in self._changed.values()]
        self._changed.clear()
        out, self.out = self.out, []
        turns, self._turns = self._turns, []
        self._link.send((self.now_ns, turns, changes, out))

    def _receive(self) -> Actor:
        try:
            number, self.now_ns, seed, self._turns_left, self._horizon_ns, self._aim, items = self._link.receive()
        except Ended:
            import os

            os._exit(0)
        self._turn_chance.state = seed
        for item in items:
            if item[0] == "reply":
                self.replies[item[1]] = item[2]
                if item[3] in self._actors:
                    self._actors[item[3]].is_ready = True
            elif item[0] == "hold":
                if item[1] in self._actors:
                    self._actors[item[1]].held_ns = item[2]
            else:
                self.on_item(item)
        return self._actors[number]

    # --------------------------------------------------------------------------------- calls outside

    def call(self, kind: str, *what: Any, timeout_s: float = -1) -> Message | None:
        """Asks somebody outside of the process; None if there is no answer in time."""
        return self.begin_call(kind, *what, timeout_s=timeout_s).said()

    def begin_call(self, kind: str, *what: Any, timeout_s: float = -1) -> "UnderWay":
        """Asks, and doesn't wait."""
        self._calls += 1
        until = self.now_ns + int(timeout_s * 1e9) if timeout_s >= 0 else -1
        self.out.append((kind, self._calls, self.current.number, *what))
        return UnderWay(self, kind, self._calls, until)


class UnderWay:
    """A call that was begun: the actor that has begun it may wait for what is said to it."""

    def __init__(self, world: World, kind: str, number: int, until_ns: int) -> None:
        self._world, self._kind, self._number, self._until_ns = world, kind, number, until_ns

    def is_said_by(self, until_ns: int) -> bool:
        """Waits for an answer until then, or for ever if that is negative; whether there is one."""
        while self._number not in self._world.replies:
            if 0 <= until_ns <= self._world.now_ns:
                return False
            self._world.block(until_ns, self._kind)
        return True

    def said(self) -> Message | None:
        """None if there is no answer in time. To be asked once."""
        return self._world.replies.pop(self._number) if self.is_said_by(self._until_ns) else None


world: World | None = None
"""This process's; None in the simulator itself."""


def set_world(made: World) -> None:
    global world  # noqa: PLW0603 - the one per process
    world = made
