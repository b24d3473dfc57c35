"""The simulator's side of a process: what its actors wait for, and its life and death."""

import ctypes
import os
import signal
import socket
import struct
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from bookstore_project.cluster.forkserver import PR_SET_PDEATHSIG
from tests.simulation.actors import ENDED_NS
from tests.simulation.link import Ended, Link, Message

PATIENCE_S = 300
"""In real seconds: an actor that takes longer waits for something that the simulator knows nothing of."""


class Stuck(Exception):
    """A process did something that isn't simulated: it ended by itself, or waits for the real world."""


def die_with_parent() -> None:
    """Whatever ends the simulator, and stopped as this process may be."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


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


class Process:
    """Forked from the simulator; alive until it is killed."""

    def __init__(self, name: str, run: Callable[[Link], NoReturn], others: list["Process"]) -> None:
        """`others`: whose links the new process must not keep open."""
        self.name = name
        self.actors: dict[int, Waiting] = {}
        self.inbox: list[Message] = []
        self.is_stopped = False
        self.is_alive = True
        self.is_serving = False
        self.link: Link
        ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if not self.pid:
            for other in others:
                other.link.close()
            ours.close()
            die_with_parent()
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the simulator's affair: it ends its processes.
            run(Link(theirs))
        theirs.close()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", PATIENCE_S, 0))
        self.link = Link(ours)
        self._hear()

    def go_on(self, number: int, now_ns: int, seed: int, turns: int, horizon_ns: int) -> Report:
        """Lets that actor run, and others of the process after it: so many turns, if there are, or up to that moment.

        Raises Stuck.
        """
        inbox, self.inbox = self.inbox, []
        actor = self.actors[number]
        actor.is_ready, actor.wakes_ns = True, -1
        self.link.send((number, now_ns, seed, turns, horizon_ns, inbox))
        return self._hear()

    def _hear(self) -> Report:
        try:
            now_ns, turns, changes, out = self.link.receive()
        except Ended as error:
            raise Stuck(f"{self.name} has ended by itself") from error
        except TimeoutError as error:
            raise Stuck(f"{self.name} waits for the real world") from error
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
        actor.held_ns = until_ns
        self.inbox.append(("hold", actor.number, until_ns))

    def bring(self, item: Message, number: int = 0) -> None:
        """Something comes from outside; the actor of that number is woken by it."""
        self.inbox.append(item)
        if number in self.actors:
            self.actors[number].is_ready = True

    # ------------------------------------------------------------------------------- life and death

    def kill(self) -> None:
        """As `kill -9` does; returns when the kernel has let go of all that it held."""
        if self.is_alive:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.is_alive = self.is_stopped = False
            self.link.close()

    def stop(self) -> None:
        """As SIGSTOP does; it is not chosen any more."""
        os.kill(self.pid, signal.SIGSTOP)
        os.waitpid(self.pid, os.WUNTRACED)
        self.is_stopped = True

    def go_on_living(self) -> None:
        """As SIGCONT does."""
        if self.is_alive:
            os.kill(self.pid, signal.SIGCONT)
        self.is_stopped = False
