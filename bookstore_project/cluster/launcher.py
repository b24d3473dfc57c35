"""Starts a node as a process group of its own, and waits for the end of all of it."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from bookstore_project.cluster.forkserver import ForkServer, Unavailable
from bookstore_project.cluster.lifeline import Lifeline
from bookstore_project.settings import topology

Start = Callable[[Mapping[str, str]], "ProcessGroup"]
"""With an environment. Raises OSError."""
LAUNCH = "bookstore_project.cluster.launch"


@dataclass(frozen=True)
class ProcessGroup:
    """A child of this process that leads a session, and whatever it has started."""

    pid: int
    output: BinaryIO
    """What all of them write."""

    def signal(self, number: signal.Signals) -> None:
        """Signals every process of the group, if there is any."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def wait(self) -> int:
        """Returns the exit status of the leader (below zero: of which signal it died) when it has ended.

        The others have ended, too, by then: a worker without its parent.
        """
        # Looked at first: as long as it isn't fetched, nobody else gets the number of the leader, or of the group.
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        self.signal(signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        with contextlib.suppress(ChildProcessError):
            while True:  # Orphans are this process's children, if it has asked for that (`forkserver.adopt_orphans`).
                os.waitpid(-self.pid, 0)
        return status


class Launcher:
    """Starts nodes: forked by a fork server, or without one from nothing."""

    def __init__(self, arguments: Sequence[str], alive: Lifeline, fork_server: ForkServer | None = None) -> None:
        """`arguments` are those of `launch.main`; every node has that lifeline, and so has that fork server."""
        self._arguments = arguments
        self._lifeline = alive
        self._fork_server = fork_server or ForkServer(alive)
        self._is_closed = False

    def start(self, environment: Mapping[str, str]) -> ProcessGroup:
        """A `Start`. Raises OSError also once it is closed."""
        read_end, write_end = os.pipe()
        output = os.fdopen(read_end, "rb", buffering=0)  # The keeper closes it.
        try:
            pid = self._start(environment, write_end)
        except BaseException:
            output.close()
            raise
        finally:
            os.close(write_end)
        return ProcessGroup(pid, output)

    def _start(self, environment: Mapping[str, str], output: int) -> int:
        try:
            return self._fork_server.start(self._arguments, environment, output)
        except Unavailable:
            if self._is_closed:
                raise OSError("the store is being stopped") from None
            return self._spawn(environment, output)

    def _spawn(self, environment: Mapping[str, str], output: int) -> int:
        process = subprocess.Popen(  # noqa: S603  (our own command line, no shell)
            [sys.executable, "-m", LAUNCH, *self._arguments],
            cwd=topology.ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(self._lifeline.read_fd,),
            start_new_session=True,
        )
        process.returncode = 0  # Whoever has the pid waits for it.
        return process.pid

    def keep_up(self) -> None:
        """Sees to the fork server. To be called now and then."""
        self._fork_server.restart_if_ended()

    def close(self) -> None:
        """Ends the fork server, and starts nobody any more; nodes go on."""
        self._is_closed = True
        self._fork_server.close()
