"""The simulator: it chooses whose turn it is, owns the clock and the network, and draws all by one seed."""

import heapq
import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn

from tests.simulation import node, primitives
from tests.simulation.forks import Fork, forking
from tests.simulation.link import Link, Message
from tests.simulation.network import Network
from tests.simulation.processes import FOR_EVER, Process, Stuck, Waiting
from tests.simulation.telling import Telling
from tests.simulation.watching import Watcher
from tests.simulation.wire import ANSWERED, BROKEN, REFUSED, is_repeatable
from tests.simulation.zygotes import zygote

Work = Callable[..., object]
TURNS = (1, 1, 2, 3, 8, 30)
"""How many turns a process has, one after another, when it is chosen."""
ALONE_TURNS = 300
"""If nobody else could be."""
MAIN = 0
"""The number of a process's first actor: a node's event loop."""
MS = 1_000_000
S = 1000 * MS


class Simulator:
    """A number of processes, of which one actor runs at a time."""

    def __init__(self, seed: str, watchers: Sequence[Watcher] = ()) -> None:
        self.chance = random.Random(seed)
        self.now_ns = primitives.EPOCH_NS
        self.network = Network(self.chance)
        self.processes: dict[str, Process] = {}
        self.addresses: dict[str, str] = {}
        """By address, the node that listens there."""
        self.turns = 0
        self.pause_at = FOR_EVER
        """The turn after which `on_turns` has to be called, though a process could have more of them."""
        self.aim = ""
        """A point at which `on_aim` is called, once an actor has come to it."""
        self.last: tuple[Process, Waiting] | None = None
        """Whose turn it was, where it stands now."""
        self.on_item: dict[str, Callable[[Process, Message], None]] = {}
        self.on_turns: Callable[[], object] = lambda: None
        self.on_aim: Callable[[], object] = lambda: None
        self._seed = seed
        self.forks: list[tuple[int, str]] = []
        """The turns from which on another seed decides, in order."""
        self._telling = Telling(watchers)
        self._events: list[tuple[int, int, Callable[[], object]]] = []
        self._count = 0
        self._starts = 0
        self._calls: dict[int, tuple[Process, int, int, str]] = {}
        """Of those that nobody has answered: who waits for it, its own number there, its actor, the node asked."""

    @property
    def digest(self) -> str:
        """Of all turns so far."""
        return self._telling.digest

    # --------------------------------------------------------------------------------- processes

    def start(self, name: str, work: Work, *arguments: Any) -> Process:
        """Begins a process of that name."""
        seed = self._next_seed(name)

        def run(link: Link) -> NoReturn:
            node.run(link, name, self.now_ns, seed, partial(_work, work, arguments))

        return self._begin(name, forking(run, [other.link for other in self.processes.values() if other.is_alive]))

    def start_node(self, name: str) -> Process:
        """Begins that node, or what comes before the nodes (BOOT)."""
        return self._begin(name, zygote(name).forking(name, self.now_ns, self._next_seed(name)))

    def _next_seed(self, name: str) -> str:
        self._starts += 1
        return f"{self._seed}/{name}/{self._starts}"

    def _begin(self, name: str, fork: Fork) -> Process:
        self.processes[name] = Process(name, self._starts, fork)
        self.note(f"start {name}")
        return self.processes[name]

    def kill(self, name: str) -> None:
        """Ends it at once. Who waits for an answer of it hears that the connection broke."""
        process = self.processes[name]
        if not process.is_alive:
            return
        process.kill()
        self.note(f"kill {name}")
        for number, (caller, _, _, asked) in list(self._calls.items()):
            if caller is process:
                del self._calls[number]
            elif asked == name:
                self._reply(number, (BROKEN,))

    def stop(self, name: str) -> None:
        if self.processes[name].is_alive and not self.processes[name].is_stopped:
            self.processes[name].stop()
            self.note(f"stop {name}")

    def go_on_living(self, name: str) -> None:
        if self.processes[name].is_stopped:
            self.processes[name].go_on_living()
            self.note(f"continue {name}")

    def end(self) -> None:
        for process in self.processes.values():
            process.kill()

    # -------------------------------------------------------------------------------------- time

    def after(self, delay_ns: int, what: Callable[[], object]) -> None:
        self._count += 1
        heapq.heappush(self._events, (self.now_ns + delay_ns, self._count, what))

    def run_until(self, is_over: Callable[[], bool], limit_ns: int = -1) -> bool:
        """Goes on until it is so; whether it came to that within so much simulated time."""
        until = self.now_ns + limit_ns if limit_ns >= 0 else -1
        while not is_over():
            if 0 <= until < self.now_ns:
                return False
            self._turn()
        return True

    def _turn(self) -> None:
        while self._events and self._events[0][0] <= self.now_ns:
            heapq.heappop(self._events)[2]()
        if self.forks and self.forks[0][0] <= self.turns:
            self.chance.seed(self.forks.pop(0)[1])
        now = self.now_ns
        due = [process for process in self.processes.values() if process.due_ns <= now]
        ready = [(process, actor) for process in due for actor in process.actors.values() if actor.due_ns <= now]
        if not ready:
            self.now_ns = max(self.now_ns, self._next_ns())
            return
        process, actor = ready[int(self.chance.random() * len(ready))]
        seed, limits = self.chance.getrandbits(62), self._limits(process, ready)
        report = process.go_on(actor.number, self.now_ns, seed, *limits, self.aim)
        self.now_ns = report.now_ns
        self.turns += len(report.turns)
        for turn in report.turns:
            self.last = process, self._telling.turn(process, *turn)
        for item in report.out:
            self._take(process, item)
        if report.turns[-1][3] == self.aim:
            self.aim = ""
            self.on_aim()
        self.on_turns()

    def _limits(self, process: Process, ready: Sequence[tuple[Process, Waiting]]) -> tuple[int, int]:
        """How many turns it may have, and up to which moment: more, if nobody else could have them."""
        is_alone = ready[0][0] is ready[-1][0]
        turns = ALONE_TURNS if is_alone else TURNS[int(self.chance.random() * len(TURNS))]
        pause_at = min(self.pause_at, self.forks[0][0]) if self.forks else self.pause_at
        return max(1, min(turns, pause_at - self.turns)), self._next_ns(process) if is_alone else FOR_EVER

    def _next_ns(self, but: Process | None = None) -> int:
        """When the next thing happens, but for what that process does."""
        moment = min([one.due_ns for one in self.processes.values() if one is not but], default=FOR_EVER)
        if self._events:
            moment = min(moment, self._events[0][0])
        if moment == FOR_EVER and but is None:
            raise Stuck("nobody has anything to do any more")
        return moment

    # ------------------------------------------------------------------------------------- network

    def _take(self, process: Process, item: Message) -> None:
        kind = item[0]
        if kind == "call":
            _, own, actor, address, *request = item
            self._count += 1
            name = str(self.addresses.get(address, address))
            self._calls[self._count] = (process, own, actor, name)
            arrive = partial(self._arrive, self._count, self.processes.get(name), request)
            arrives = self.network.carry(process.name, name, may_double=is_repeatable(*request))
            self._telling.message(self.now_ns, process.name, name, self._count, f"{request[0]} {request[1]}", arrives)
            for delay_ns in arrives:
                self.after(delay_ns, arrive)
        elif kind == "answer":
            _, number, status, headers, body = item
            if number in self._calls:
                caller = self._calls[number][0].name
                answer = (ANSWERED, status, [tuple(pair) for pair in headers], body)
                arrives = self.network.carry(process.name, caller, is_call=False)
                self._telling.message(self.now_ns, process.name, caller, number, str(status), arrives)
                for delay_ns in arrives:
                    self.after(delay_ns, partial(self._reply, number, answer))
        elif kind == "log":
            self._telling.log(self.now_ns, process.name, item[1])
        elif kind == "step":
            self._telling.step(item[3], process, item[1], item[2])
        elif kind == "wish":
            self._telling.wish(self.now_ns, *item[1:])
        elif kind == "serving":
            process.is_serving = True
            self.note(f"serving {process.name}")
        elif kind == "kill":
            victim = next((one for one in self.processes.values() if one.is_alive and one.pid == item[3]), None)
            if victim is not None:
                self.kill(victim.name)
            process.bring(("reply", item[1], (), item[2]), item[2])
        else:
            self.on_item[kind](process, item)

    def _arrive(self, number: int, process: Process | None, request: list[Any]) -> None:
        if process is None or not process.is_alive or not process.is_serving:
            self._reply(number, (REFUSED,))
        else:
            process.bring(("request", number, *request), MAIN)

    def _reply(self, number: int, said: Message) -> None:
        if number in self._calls:
            process, own, actor, _ = self._calls.pop(number)
            if process.is_alive:
                process.bring(("reply", own, said, actor), actor)

    def note(self, line: str) -> None:
        """What has happened, for the digest and the trace."""
        self._telling.note(self.now_ns, line)


def _work(work: Work, arguments: tuple[Any, ...], world: Any) -> None:
    work(world, *arguments)


def addresses_of(nodes: Mapping[str, Any]) -> dict[str, str]:
    return {one.address: name for name, one in nodes.items()}
