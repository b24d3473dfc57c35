"""The actors of one simulated process: threads of which one runs at a time, and which the simulator chooses.

An actor runs until it comes to a point, waits, or ends. Then it tells the simulator so, over the process's one
socket, and the next one is told to go on. A thread that isn't chosen waits at its baton, a real lock; all other
waiting is the simulator's affair (`primitives`).
"""

import _thread
import marshal
import socket
from collections.abc import Callable
from typing import Any

Message = tuple[Any, ...]
_LENGTH = 4
ENDED_NS = -2
"""In a report, when an actor wakes that has ended."""
_SOON_NS = 1000
"""By so much the clock moves with each reading: whoever waits for it in a loop gets there."""

get_ident = _thread.get_ident
new_baton = _thread.allocate_lock
start_thread = _thread.start_new_thread


class Ended(Exception):
    """The other side of the link is gone."""


class Link:
    """Messages between the simulator and a process."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end

    def send(self, message: Message) -> None:
        packed = marshal.dumps(message)
        self._socket.sendall(len(packed).to_bytes(_LENGTH, "little") + packed)

    def receive(self) -> Message:
        """Raises Ended, TimeoutError."""
        message: Message = marshal.loads(self._read(int.from_bytes(self._read(_LENGTH), "little")))
        return message

    def _read(self, count: int) -> bytes:
        read = b""
        while len(read) < count:
            try:
                piece = self._socket.recv(count - len(read))
            except ConnectionResetError as error:
                raise Ended from error
            if not piece:
                raise Ended
            read += piece
        return read

    def close(self) -> None:
        self._socket.close()


class Actor:
    """A thread, as the simulator knows it by its number."""

    def __init__(self, number: int, name: str) -> None:
        self.number, self.name = number, name
        self.is_ready = True
        self.wakes_ns = -1
        """When it wants to be chosen though nobody woke it; negative: never."""
        self.in_vain = 0
        """How often it has asked for a lock between processes since it last had one."""
        self.has_ended = False
        self.joining: list[Actor] = []
        self._baton = new_baton()
        self._baton.acquire()

    def go(self) -> None:
        self._baton.release()

    def await_turn(self) -> None:
        self._baton.acquire()


class World:
    """What the actors of a process share: the clock, the random numbers, and the link to the simulator."""

    def __init__(self, link: Link, name: str, now_ns: int, random_bytes: Callable[[int], bytes]) -> None:
        self.name = name
        self.now_ns = now_ns
        self.random_bytes = random_bytes
        self.out: list[Message] = []
        """What the simulator is told with the next report."""
        self.replies: dict[int, Message] = {}
        self.on_item: Callable[[Message], None] = lambda item: None
        """Called with what comes from outside, but for replies to calls."""
        self._link = link
        self._actors: dict[int, Actor] = {}
        self._by_ident: dict[int, Actor] = {}
        self._changed: dict[int, Actor] = {}
        self._steps_left = 0
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

    # ------------------------------------------------------------------------------ changing places

    def point(self, name: str) -> None:
        """The simulator may choose another actor here, or end the process."""
        self._steps_left -= 1
        if self._steps_left <= 0:
            self._switch(name)

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
        self._report("end")
        self._receive().go()

    def _switch(self, name: str) -> None:
        me = self.current
        self._report(name)
        chosen = self._receive()
        if chosen is not me:
            chosen.go()
            me.await_turn()

    def _report(self, name: str) -> None:
        changes = [(one.number, one.name, one.is_ready, one.wakes_ns) for one in self._changed.values()]
        self._changed.clear()
        out, self.out = self.out, []
        self._link.send((self.now_ns, name, changes, out))

    def _receive(self) -> Actor:
        try:
            number, self.now_ns, self._steps_left, items = self._link.receive()
        except Ended:
            import os

            os._exit(0)
        for item in items:
            if item[0] == "reply":
                self.replies[item[1]] = item[2]
                if item[3] in self._actors:
                    self._actors[item[3]].is_ready = True
            else:
                self.on_item(item)
        chosen = self._actors[number]
        chosen.is_ready, chosen.wakes_ns = True, -1
        self._changed.pop(number, None)
        self.current = chosen
        return chosen

    # --------------------------------------------------------------------------------- calls outside

    def call(self, kind: str, *what: Any, timeout_s: float = -1) -> Message | None:
        """Asks somebody outside of the process; None if there is no answer in time."""
        self._calls += 1
        number = self._calls
        until = self.now_ns + int(timeout_s * 1e9) if timeout_s >= 0 else -1
        self.out.append((kind, number, self.current.number, *what))
        while number not in self.replies:
            if 0 <= until <= self.now_ns:
                return None
            self.block(until, kind)
        return self.replies.pop(number)


world: World | None = None
"""This process's; None in the simulator itself."""


def set_world(made: World) -> None:
    global world  # noqa: PLW0603 - the one per process
    world = made
