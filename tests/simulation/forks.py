"""How a simulated process comes to be: forked from the simulator, or from one that has loaded what a node needs.

The latter are the zygotes, one a node, which live as long as the simulator does: a node that is started again need
not load its views, nor look through its static files.
"""

import ctypes
import marshal
import os
import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, Protocol

from bookstore_project.cluster.forkserver import PR_SET_PDEATHSIG
from tests.simulation.link import Link

_MOST_BYTES = 4096


def die_with_parent() -> None:
    """Whatever ends the parent, and stopped as this process may be."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the simulator's affair: it ends its processes.


class Forked(Protocol):
    """A process that was forked."""

    pid: int

    def kill(self) -> None:
        """As `kill -9` does; returns when the kernel has let go of all that it held."""

    def stop(self) -> None:
        """As SIGSTOP does; returns when it has stopped."""


Fork = Callable[[socket.socket, socket.socket], Forked]
"""Told the simulator's end of a link and the new process's, which it closes here."""


class Child:
    """Forked from this process."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def stop(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)
        os.waitpid(self.pid, os.WUNTRACED)


def forking(run: Callable[[Link], NoReturn], others: Sequence[Link]) -> Fork:
    """Forks the simulator to do that. `others`: the links that the new process must not keep open."""

    def fork(ours: socket.socket, theirs: socket.socket) -> Forked:
        pid = os.fork()
        if not pid:
            for other in others:
                other.close()
            ours.close()
            die_with_parent()
            run(Link(theirs))
        theirs.close()
        return Child(pid)

    return fork


class Zygote:
    """A process that has got ready for `run`, and forks itself to do it."""

    def __init__(self, get_ready: Callable[[], object], run: Callable[..., NoReturn]) -> None:
        """`run` is called with a link, and with what `forking` is given."""
        self._socket, theirs = socket.socketpair()
        self.pid = os.fork()
        if not self.pid:
            self._socket.close()
            die_with_parent()
            get_ready()
            _obey(theirs, run)
        theirs.close()

    def forking(self, *arguments: Any) -> Fork:
        def fork(ours: socket.socket, theirs: socket.socket) -> Forked:
            pid = self.ask(("fork", *arguments), theirs)
            theirs.close()
            return _Grandchild(self, pid)

        return fork

    def ask(self, what: tuple[Any, ...], link: socket.socket | None = None) -> int:
        socket.send_fds(self._socket, [marshal.dumps(what)], [link.fileno()] if link else [])
        return int(self._socket.recv(_MOST_BYTES))

    def processor_s(self) -> float:
        """What it and those of its forks that have ended have used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


class _Grandchild:
    """Forked from a zygote, who alone can wait for it."""

    def __init__(self, zygote: Zygote, pid: int) -> None:
        self._zygote, self.pid = zygote, pid

    def kill(self) -> None:
        self._zygote.ask(("kill", self.pid))

    def stop(self) -> None:
        self._zygote.ask(("stop", self.pid))


def _obey(orders: socket.socket, run: Callable[..., NoReturn]) -> NoReturn:
    while True:
        message, descriptors, _, _ = socket.recv_fds(orders, _MOST_BYTES, 1)
        if not message:
            os._exit(0)
        order, *arguments = marshal.loads(message)
        if order == "fork":
            link = socket.socket(fileno=descriptors[0])
            pid = os.fork()
            if not pid:
                orders.close()
                die_with_parent()
                run(Link(link), *arguments)
            link.close()
        else:
            (pid,) = arguments
            child = Child(pid)
            child.kill() if order == "kill" else child.stop()
        orders.send(b"%d" % pid)
