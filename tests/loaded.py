"""Commands of stores, forked from a process that has loaded the libraries.

`manage.py cluster` takes 1.2 s of a processor before it starts a node, any other command 0.8 s: nearly all of that is
to load Django and what goes with it. Tests start a hundred of them. So each process of tests has a fork server, the
shop's own (`cluster.forkserver`), and what is forked there runs a command in place of a node. The project is loaded
after the fork, by the command's own environment, as in a new interpreter.

A supervisor that was forked so has a fork server for its nodes from the start: another fork, made before it has
loaded anything of the project. If that one dies, the next one is begun as in the shop.

`python -m tests.loaded DESCRIPTOR` is the process that is forked; only Linux has it (`Unavailable` elsewhere).
"""

import atexit
import ctypes
import fcntl
import importlib
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from bookstore_project.cluster import forkserver
from bookstore_project.cluster.forkserver import ForkServer, Unavailable
from bookstore_project.cluster.lifeline import Lifeline
from tests.compiled import Compiled, learn
from tests.waiting import PATIENCE_S

__all__ = ["Forked", "Unavailable", "alive", "run", "start"]

COMMANDS = (
    "django.core.management.commands.check",
    "django.core.management.commands.migrate",
    "django.db.migrations.executor",
    "multiprocessing.util",
)
"""What commands need beyond what nodes do, and what needs no settings."""
PADDING = "ROOM_FOR_ANOTHER_ENVIRONMENT"
ROOM = 8192
"""Bytes more than this process's own environment has, for what `/proc/PID/environ` of a fork shall say."""
SUPERVISOR, OTHER = "supervisor", "other"
APART = 500
"""Descriptors from here on are used by nobody else."""

# Nothing is wrong with a fork server of tests that takes its time; those of stores load this module anew.
forkserver.LOADED_WITHIN_S = forkserver.ANSWER_WITHIN_S = PATIENCE_S

alive = Lifeline()
"""Stores end with the process that has started them, however that one ends."""


class Loaded(ForkServer):
    """The side of the process of tests. For all of its threads."""

    module = "tests.loaded"

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], output: int) -> int:
        try:
            return super().start(arguments, environment, output)
        finally:
            forkserver.adopt_orphans(False)  # Those of tests are nobody's.

    def _environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        return super()._environment(inherited) | {PADDING: "-" * ROOM}


@cache
def _server() -> Loaded:
    server = Loaded(alive)
    atexit.register(server.close)
    return server


class Forked:
    """A child of this process: as much of `subprocess.Popen` as tests need."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._lock = threading.Lock()
        self._descriptor = os.pidfd_open(pid)

    def poll(self) -> int | None:
        with self._lock:
            if self.returncode is None:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self.returncode = os.waitstatus_to_exitcode(status)
                    os.close(self._descriptor)
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, or minus the signal that killed it. Raises TimeoutExpired."""
        if self.poll() is None:
            looking = select.poll()  # It takes descriptors of any number.
            looking.register(self._descriptor, select.POLLIN)
            looking.poll(None if timeout is None else timeout * 1000)
        if (code := self.poll()) is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def start(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    output: int,
    *,
    errors: Path | None = None,
    is_supervisor: bool = False,
) -> Forked:
    """Runs a command in a session of its own, with an interpreter's arguments: FILE, `-m MODULE` or `-c CODE`.

    What it says goes to `output`; complaints, too, or to the file `errors`. Raises Unavailable, also if the
    environment tells Python how to begin (`PYTHONPATH`, and what is there): it has begun already.
    """
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (OSError, AttributeError) as error:
        raise Unavailable from error
    if any(name.startswith("PYTHON") and os.environ.get(name) != value for name, value in environment.items()):
        raise Unavailable
    kind = SUPERVISOR if is_supervisor else OTHER
    return Forked(_server().start([kind, str(errors or ""), *arguments], environment, output))


def run(
    arguments: Sequence[str], environment: Mapping[str, str], timeout_s: float = PATIENCE_S
) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end, in a new interpreter where none can be forked. Raises TimeoutExpired."""
    try:
        return _run_forked(arguments, environment, timeout_s)
    except Unavailable:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=forkserver.ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )


def _run_forked(
    arguments: Sequence[str], environment: Mapping[str, str], timeout_s: float
) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryFile() as said, tempfile.NamedTemporaryFile() as complained:
        process = start(arguments, environment, said.fileno(), errors=Path(complained.name))
        try:
            code = process.wait(timeout_s)
        finally:
            process.kill()
            process.wait()
        said.seek(0)
        return subprocess.CompletedProcess(
            list(arguments), code, said.read().decode(), Path(complained.name).read_text()
        )


# ------------------------------------------------------------------------------ in the process that is forked


def main(arguments: Sequence[str]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(forkserver.PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    forkserver.load((*forkserver.LIBRARIES, *COMMANDS))
    compiled = Compiled()
    compiled.use()
    learn(compiled)
    kind, errors, *command = forkserver.serve(socket.socket(fileno=int(arguments[0])))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    show_environment()
    if errors:
        with Path(errors).open("wb", buffering=0) as file:
            os.dup2(file.fileno(), 2)
    line = begin_fork_server() if kind == SUPERVISOR else None
    forkserver.forget_project()
    if line is not None:
        use_at_first(*line)
    status = _run(command)
    atexit._run_exitfuncs()
    forkserver.end(status)


def _run(command: list[str]) -> int:
    """The exit status, as the interpreter would have it; what is to be said of an error has been said."""
    sys.argv = command[1:] if command[0] in ("-m", "-c") else command
    try:
        if command[0] == "-m":
            runpy.run_module(command[1], run_name="__main__", alter_sys=True)
        elif command[0] == "-c":
            exec(command[1], {"__name__": "__main__"})
        else:
            runpy.run_path(command[0], run_name="__main__")
    except SystemExit as ended:
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def show_environment() -> None:
    """Has the kernel (/proc/PID/environ) tell this process's environment instead of that which it began with.

    (man 5 proc, fields 50 and 51 of /proc/PID/stat: "Address above which program environment is placed", and below
    which.) Nothing of it is in use: `os.environ` was cleared and filled anew.
    """
    told = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    begin, end = int(told[47]), int(told[48])
    said = b"".join(os.fsencode(f"{name}={value}") + b"\0" for name, value in os.environ.items())
    assert len(said) <= end - begin, "no room for an environment"
    ctypes.memset(begin, 0, end - begin)
    ctypes.memmove(begin, said, len(said))


def begin_fork_server() -> tuple[int, socket.socket]:
    """Forks one for nodes: its pid, and a line to it. It has to hear what the supervisor would hand down first."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if not (pid := os.fork()):
        ours.close()
        _be_fork_server(theirs)
    theirs.close()
    return pid, ours


def _be_fork_server(theirs: socket.socket) -> NoReturn:
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(forkserver.PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.close(nothing)
    # The number that the lifeline has at the supervisor may be that of this line.
    line = socket.socket(fileno=fcntl.fcntl(theirs.detach(), fcntl.F_DUPFD_CLOEXEC, APART))
    told, received, _, _ = socket.recv_fds(line, 64, 1)
    if not received:
        os._exit(0)
    lifeline, mask = map(int, told.split())
    os.umask(mask)
    os.dup2(received[0], lifeline)
    if received[0] != lifeline:
        os.close(received[0])
    forkserver.run_node(forkserver.serve(line))


def use_at_first(pid: int, line: socket.socket) -> None:
    """The supervisor, whose project is about to be loaded, has that fork server; if it dies, one as in the shop."""
    theirs: Any = importlib.import_module("bookstore_project.cluster.forkserver")
    begin = theirs.ForkServer._begin
    ready = [line]

    def begin_or_take(self: Any) -> Any:
        if not ready:
            return begin(self)
        ours = ready.pop()
        ours.settimeout(theirs.LOADED_WITHIN_S)
        lifeline, mask = self._lifeline.read_fd, os.umask(0)
        os.umask(mask)
        socket.send_fds(ours, [f"{lifeline} {mask}".encode()], [lifeline])
        self._process, self._socket = Forked(pid), ours
        return ours

    theirs.ForkServer._begin = begin_or_take


if __name__ == "__main__":
    main(sys.argv[1:])
