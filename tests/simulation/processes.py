"""The simulator's side of a process: what its actors wait for, and its life and death."""

import os
import signal
import socket
import struct
from typing import NamedTuple

from tests.simulation.actors import ENDED_NS
from tests.simulation.forks import Fork
from tests.simulation.link import Ended, Link, Message

FOR_EVER = 2**62
PATIENCE_S = 300
"""In real seconds: an actor that takes longer waits for something that the simulator knows nothing of."""


class Stuck(Exception):
    """A process did something that isn't simulated: it ended by itself, or waits for the real world."""


class Report(NamedTuple):
    """What a process has done."""

    now_ns: int
    turns: list[tuple[int, int, str, str]]
    """When, whose it was by number and name, and up to which point."""
    out: list[Message]
    """To the others."""


class Waiting:
    """An actor of the process, as the process tells."""

    __slots__ = ("held_ns", "is_ready", "name", "number", "point", "wakes_ns")

    def __init__(self, number: int, name: str) -> None:
        self.number, self.name = number, name
        self.is_ready, self.wakes_ns = False, -1
        self.held_ns = 0
        """Until when it isn't chosen, whatever it waits for."""
        self.point = "begin"
        """Where it stands."""

    @property
    def due_ns(self) -> int:
        """From when on it may be chosen."""
        if not self.is_ready and self.wakes_ns < 0:
            return FOR_EVER
        return self.held_ns if self.is_ready else max(self.held_ns, self.wakes_ns)


class Process:
    """Alive until it is killed."""

    def __init__(self, name: str, fork: Fork) -> None:
        self.name = name
        self.actors: dict[int, Waiting] = {}
        self.inbox: list[Message] = []
        self.is_stopped = False
        self.is_alive = True
        self.is_serving = False
        self._due_ns = -1
        """When the first of its actors may be chosen; negative if that isn't known."""
        self.link: Link
        ours, theirs = socket.socketpair()
        self._forked = fork(ours, theirs)
        self.pid = self._forked.pid
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", PATIENCE_S, 0))
        self.link = Link(ours)
        self._hear()

    @property
    def due_ns(self) -> int:
        """From when on one of its actors may be chosen."""
        if self._due_ns < 0:
            is_running = self.is_alive and not self.is_stopped
            moments = (actor.due_ns for actor in self.actors.values()) if is_running else ()
            self._due_ns = min(moments, default=FOR_EVER)
        return self._due_ns

    def go_on(self, number: int, now_ns: int, seed: int, turns: int, horizon_ns: int, aim: str) -> Report:
        """Lets that actor run, and others of the process after it: so many turns, if there are, or up to that moment,
        or until one of them comes to the point `aim`.

        Raises Stuck.
        """
        inbox, self.inbox = self.inbox, []
        actor = self.actors[number]
        actor.is_ready, actor.wakes_ns = True, -1
        self.link.send((number, now_ns, seed, turns, horizon_ns, aim, inbox))
        return self._hear()

    def _hear(self) -> Report:
        try:
            now_ns, turns, changes, out = self.link.receive()
        except Ended as error:
            raise Stuck(f"{self.name} has ended by itself") from error
        except TimeoutError as error:
            raise Stuck(f"{self.name} waits for the real world") from error
        self._due_ns = -1
        for number, name, is_ready, wakes_ns in changes:
            actor = self.actors.get(number)
            if actor is None:
                actor = self.actors[number] = Waiting(number, name)
            actor.is_ready, actor.wakes_ns = is_ready, wakes_ns
            if wakes_ns == ENDED_NS:
                del self.actors[number]
        return Report(now_ns, turns, out)

    def hold(self, actor: Waiting, until_ns: int) -> None:
        """It isn't chosen before then."""
        actor.held_ns, self._due_ns = until_ns, -1
        self.inbox.append(("hold", actor.number, until_ns))

    def bring(self, item: Message, number: int = 0) -> None:
        """Something comes from outside; the actor of that number is woken by it."""
        self.inbox.append(item)
        if number in self.actors:
            self.actors[number].is_ready, self._due_ns = True, -1

    # ------------------------------------------------------------------------------- life and death

    def kill(self) -> None:
        """As `kill -9` does; returns when the kernel has let go of all that it held."""
        if self.is_alive:
            self._forked.kill()
            self.is_alive = self.is_stopped = False
            self._due_ns = FOR_EVER
            self.link.close()

    def stop(self) -> None:
        """As SIGSTOP does; it is not chosen any more."""
        self._forked.stop()
        self.is_stopped, self._due_ns = True, FOR_EVER

    def go_on_living(self) -> None:
        """As SIGCONT does."""
        if self.is_alive:
            os.kill(self.pid, signal.SIGCONT)
        self.is_stopped, self._due_ns = False, -1
