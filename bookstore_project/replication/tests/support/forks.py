"""Other processes of this store, within milliseconds: forks of one in which Django is set up, which takes a second.

It has neither threads nor open files, locks or databases, and has read nothing of the store, so that a fork begins as
a new process does. What is read at import (the node, the settings, the environment) is this process's: whoever tests
that starts an interpreter.
"""

import atexit
import gc
import os
import select
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from typing import Self

from bookstore_project.replication import failpoints
from bookstore_project.replication.conf import replication_settings
from bookstore_project.settings import topology

LONGEST = 1 << 16
"""Bytes of code."""
NUMBER = 8
"""Bytes of a pid or an exit code."""
SERVE = """
import gc, sys; gc.disable()
import django; django.setup()
from bookstore_project.replication.sqlite_pair.repair import maintenance
from bookstore_project.replication.tests.support import articles, forks
forks.serve(int(sys.argv[1]))
"""


class Fork:
    """A process that runs `code`, and ends with its last line: as much of `subprocess.Popen` as tests need.

    It writes to this process's stderr, or if `is_merged` to its own stdout. `launcher` starts the process that is
    forked.
    """

    def __init__(self, code: str, *, launcher: Sequence[str] = (), is_merged: bool = False) -> None:
        (its_in, to_it), (from_it, its_out), (self._report, reports) = os.pipe(), os.pipe(), os.pipe()
        its_errors = its_out if is_merged else 2
        socket.send_fds(_server(*launcher), [code.encode()], [its_in, its_out, its_errors, reports])
        for descriptor in (its_in, its_out, reports):
            os.close(descriptor)
        self.stdin, self.stdout = os.fdopen(to_it, "w"), os.fdopen(from_it)
        self.returncode: int | None = None
        self.pid = self._next_number()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Waits for its end, as Popen does."""
        self.stdout.close()
        with suppress(BrokenPipeError):
            self.stdin.close()
        self.wait()

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout_s: float | None = None) -> int:
        """Its exit code, or minus the signal that killed it. Raises TimeoutExpired."""
        if self.returncode is None:
            if not select.select([self._report], [], [], timeout_s)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout_s or 0)
            self.returncode = self._next_number()
            os.close(self._report)
        return self.returncode

    def communicate(self, told: str = "") -> str:
        """All that it says, to its end."""
        with suppress(BrokenPipeError):
            self.stdin.write(told)
            self.stdin.close()
        with self.stdout:
            said = self.stdout.read()
        self.wait()
        return said

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _next_number(self) -> int:
        number = os.read(self._report, NUMBER)
        assert len(number) == NUMBER, "the process that is forked has died"
        return int.from_bytes(number, "little", signed=True)


@cache
def _server(*launcher: str) -> socket.socket:
    """The end of a line to a process that forks; it ends with this one, which holds the only other end."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [*launcher, sys.executable, "-c", SERVE, str(theirs.fileno())],
            cwd=topology.ROOT,
            env=of_this_store(),
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
    atexit.register(process.wait)
    atexit.register(ours.close)  # Before the process is waited for.
    return ours


def of_this_store() -> dict[str, str]:
    """The environment, which names the settings of this run, and its data."""
    return os.environ | {"BOOKSTORE_DATA": str(replication_settings.data_dir)}


# ------------------------------------------------------------------------------ in the process that is forked


def serve(line: int) -> None:
    """Forks for each message, which is code and four descriptors, until nobody holds the line's other end."""
    gc.enable()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # Its children leave no zombies.
    with socket.socket(fileno=line) as requests:
        while (message := socket.recv_fds(requests, LONGEST, 4))[0]:
            code, descriptors, *_ = message
            if os.fork() == 0:
                requests.close()
                _report(code, descriptors)
            for descriptor in descriptors:
                os.close(descriptor)


def _report(code: bytes, descriptors: Sequence[int]) -> None:
    """Runs the code in a child; says which it is and, in the end, how that ended."""
    *standard, reports = descriptors
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        child = os.fork()
        if child == 0:
            os.close(reports)
            _run(code, standard)
        for descriptor in standard:
            os.close(descriptor)
        os.write(reports, child.to_bytes(NUMBER, "little"))
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.write(reports, ended.to_bytes(NUMBER, "little", signed=True))
    finally:
        os._exit(0)


def _run(code: bytes, standard: Sequence[int]) -> None:
    exit_code = 1
    try:
        for number, descriptor in enumerate(standard):
            os.dup2(descriptor, number)
            os.close(descriptor)
        exec(code, {"__name__": "__main__", "os": os, "points": failpoints})
        exit_code = 0
    except BaseException:  # As an interpreter tells it.
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(exit_code)
