"""The simulator's side of a process: what its actors wait for, and its life and death."""

import os
import signal
import socket
import struct
from typing import NamedTuple

from tests.simulation import primitives
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

    __slots__ = ("_held_ns", "_is_ready", "_wakes_ns", "due_ns", "name", "number", "point")

    def __init__(self, number: int, name: str) -> None:
        self.number, self.name = number, name
        self._is_ready, self._wakes_ns = False, -1
        self._held_ns = 0
        """Until when it isn't chosen, whatever it waits for."""
        self.due_ns = FOR_EVER
        """From when on it may be chosen."""
        self.point = "begin"
        """Where it stands."""

    def waits(self, is_ready: bool, wakes_ns: int) -> None:
        """For nothing, or until then; for ever if that is negative."""
        self._is_ready, self._wakes_ns = is_ready, wakes_ns
        until_ns = 0 if is_ready else wakes_ns if wakes_ns >= 0 else FOR_EVER
        self.due_ns = max(self._held_ns, until_ns)

    def hold(self, until_ns: int) -> None:
        self._held_ns = until_ns
        self.waits(self._is_ready, self._wakes_ns)


class Process:
    """Alive until it is killed."""

    def __init__(self, name: str, number: int, fork: Fork) -> None:
        self.name, self.number = name, number
        self.actors: dict[int, Waiting] = {}
        self.inbox: list[Message] = []
        self.is_stopped = False
        self.is_alive = True
        self.is_serving = False
        self.due_ns = FOR_EVER
        """From when on one of its actors may be chosen."""
        self.link: Link
        ours, theirs = socket.socketpair()
        self._forked = fork(ours, theirs)
        self.pid = self._forked.pid
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", PATIENCE_S, 0))
        self.link = Link(ours)
        self._hear()

    def _reckon(self) -> None:
        is_running = self.is_alive and not self.is_stopped
        self.due_ns = (
            min([actor.due_ns for actor in self.actors.values()], default=FOR_EVER) if is_running else FOR_EVER
        )

    def go_on(self, number: int, now_ns: int, seed: int, turns: int, horizon_ns: int, aim: str) -> Report:
        """Lets that actor run, and others of the process after it: so many turns, if there are, or up to that moment,
        or until one of them comes to the point `aim`.

        Raises Stuck.
        """
        inbox, self.inbox = self.inbox, []
        self.actors[number].waits(True, -1)
        self.link.send((number, now_ns, seed, turns, horizon_ns, aim, inbox))
        return self._hear()

    def _hear(self) -> Report:
        try:
            now_ns, turns, changes, out = self.link.receive()
        except Ended as error:
            raise Stuck(f"{self.name} has ended by itself") from error
        except TimeoutError as error:
            raise Stuck(f"{self.name} waits for the real world") from error
        for number, name, is_ready, wakes_ns in changes:
            if wakes_ns == ENDED_NS:
                self.actors.pop(number, None)
                continue
            actor = self.actors.get(number)
            if actor is None:
                actor = self.actors[number] = Waiting(number, name)
            actor.waits(is_ready, wakes_ns)
        self._reckon()
        return Report(now_ns, turns, out)

    def hold(self, actor: Waiting, until_ns: int) -> None:
        """It isn't chosen before then."""
        actor.hold(until_ns)
        self._reckon()
        self.inbox.append(("hold", actor.number, until_ns))

    def bring(self, item: Message, number: int = 0) -> None:
        """Something comes from outside; the actor of that number is woken by it."""
        self.inbox.append(item)
        if number in self.actors:
            self.actors[number].waits(True, -1)
            self._reckon()

    # ------------------------------------------------------------------------------- life and death

    def kill(self) -> None:
        """As `kill -9` does; returns when the kernel has let go of all that it held."""
        if self.is_alive:
            self._forked.kill()
            primitives.note_end(self.number)
            self.is_alive = self.is_stopped = False
            self.due_ns = FOR_EVER
            self.link.close()

    def stop(self) -> None:
        """As SIGSTOP does; it is not chosen any more."""
        self._forked.stop()
        self.is_stopped, self.due_ns = True, FOR_EVER

    def go_on_living(self) -> None:
        """As SIGCONT does."""
        if self.is_alive:
            os.kill(self.pid, signal.SIGCONT)
        self.is_stopped = False
        self._reckon()
