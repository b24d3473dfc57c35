"""A process that has loaded the libraries, and from which nodes are forked: each is up in a third of the time.

What a node loads is to four fifths the same for all: Django, REST framework and what they need. The project itself is
loaded after the fork, by settings that are the node's own, and anew at each start: a changed file counts.

A node forked here is a child of the supervisor's, not of this process, which may die without any of them noticing:
it forks a process that forks the node and ends at once, and the kernel gives an orphan to the nearest ancestor that
has asked for it. (man 2 prctl, PR_SET_CHILD_SUBREAPER.) Only Linux has that; elsewhere, and as long as this process
can't be started, every node loads all by itself.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from bookstore_project.cluster import lifeline
from bookstore_project.cluster.lifeline import Lifeline

LIBRARIES = (
    "asyncio",
    "django.contrib.admin.apps",
    "django.contrib.admin.views.main",
    "django.contrib.admindocs.views",
    "django.contrib.auth.apps",
    "django.contrib.auth.hashers",
    "django.contrib.auth.password_validation",
    "django.contrib.auth.tokens",
    "django.contrib.contenttypes.apps",
    "django.contrib.messages.apps",
    "django.contrib.messages.middleware",
    "django.contrib.sessions.apps",
    "django.contrib.sessions.backends.db",
    "django.contrib.sessions.middleware",
    "django.contrib.staticfiles.apps",
    "django.contrib.staticfiles.storage",
    "django.core.cache.backends.locmem",
    "django.core.wsgi",
    "django.db.backends.sqlite3.base",
    "django.db.migrations.loader",
    "django.middleware.clickjacking",
    "django.middleware.common",
    "django.middleware.security",
    "django.template.defaulttags",
    "drf_spectacular.apps",
    "drf_spectacular.utils",
    "granian.http",
    "granian.server.mp",
    "prometheus_client.core",
    "rapidfuzz",
    "rest_framework.authentication",
    "rest_framework.metadata",
    "rest_framework.mixins",
    "rest_framework.negotiation",
    "rest_framework.permissions",
    "rest_framework.serializers",
    "stdnum.isbn",
    "uvloop",
    "whitenoise.middleware",
    "whitenoise.storage",
)
"""What nodes need and what needs no settings, with all that these load. Those that need them can't be loaded here."""
LOADED_WITHIN_S, ANSWER_WITHIN_S = 10.0, 1.0
"""After this it is given up: whoever is to be started loads all by itself, which is as good and takes longer."""
MAY_LIVE = HAS_BEGUN = b"1"
BEGUN_AGAIN_AFTER_S = 5.0
ROOT = Path(__file__).resolve().parents[2]
PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_DESCRIPTORS = 4


class Unavailable(Exception):
    """There is no such process here, or it is gone; whoever is to be started has to be started in another way."""


class ForkServer:
    """The supervisor's side. For all of its threads."""

    module = "bookstore_project.cluster.forkserver"
    """What the process runs."""

    def __init__(self, alive: Lifeline) -> None:
        """Begins to load at once, beside the caller. All that is forked has that lifeline."""
        self._lifeline = alive
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._begun_at = 0.0
        self._is_closed = False
        with contextlib.suppress(Unavailable, OSError):
            self._begin()

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], output: int) -> int:
        """Runs `launch.main` in a session of its own; returns the pid of the process, a child of this one.

        Raises Unavailable: then there is no such process, and the next call tries again.
        """
        adopt_orphans()  # Where that can't be, the rest may not exist either.
        (allowed, permit), (begun, beginning) = os.pipe(), os.pipe()
        request = os.memfd_create("request")  # It may be as large as an environment, a message may not.
        try:
            with os.fdopen(os.dup(request), "wb") as file:
                file.write(json.dumps([list(arguments), dict(environment)]).encode())
            with self._lock:
                pid = self._ask([request, output, allowed, beginning])
            os.write(permit, MAY_LIVE)
            os.close(beginning)
            beginning = -1
            _await_session(pid, begun)
            return pid
        finally:
            for descriptor in (request, allowed, permit, begun, beginning):
                if descriptor >= 0:
                    os.close(descriptor)

    def _ask(self, descriptors: Sequence[int]) -> int:
        if self._is_closed:
            raise Unavailable
        try:
            server = self._socket or self._begin()
            socket.send_fds(server, [b"?"], descriptors)
            pid = int(server.recv(64))
            server.settimeout(ANSWER_WITHIN_S)
            return pid
        except (OSError, ValueError) as error:  # An empty answer: it has ended.
            self._end()
            raise Unavailable from error

    def restart_if_ended(self) -> None:
        """Begins it anew if it has ended. To be called now and then."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            is_over = self._process is None or self._process.poll() is not None
            if is_over and not self._is_closed and time.monotonic() > self._begun_at + BEGUN_AGAIN_AFTER_S:
                self._end()
                with contextlib.suppress(Unavailable, OSError):
                    self._begin()
        finally:
            self._lock.release()

    def close(self) -> None:
        """Ends it, for good, and lets nobody wait for it any more. What was forked goes on."""
        self._is_closed = True
        if server := self._socket:
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._end()

    def _begin(self) -> socket.socket:
        self._begun_at = time.monotonic()
        adopt_orphans()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(LOADED_WITHIN_S)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  (our own command line, no shell)
                [sys.executable, "-m", self.module, str(theirs.fileno())],
                cwd=ROOT,
                env=self._environment(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), self._lifeline.read_fd),
                start_new_session=True,
            )
        self._socket = ours
        return ours

    def _environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """To the kernel (/proc/PID/environ) whoever is forked has what the fork server began with."""
        ours = {name: value for name, value in inherited.items() if name != "BOOKSTORE_NODE"}
        return {**ours, lifeline.VARIABLE: str(self._lifeline.read_fd), "PYTHONUNBUFFERED": "1"}

    def _end(self) -> None:
        """With all that it has forked and nobody knows of: that is still in its group."""
        if self._socket:
            self._socket.close()
        if process := self._process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            with contextlib.suppress(ChildProcessError):
                while True:
                    os.waitpid(-process.pid, 0)
        self._socket = self._process = None


def _await_session(pid: int, begun: int) -> None:
    """Until it leads a group of its own, and so hears what is said to that. Raises Unavailable if it won't."""
    with selectors.DefaultSelector() as selector:
        selector.register(begun, selectors.EVENT_READ)
        if selector.select(ANSWER_WITHIN_S) and os.read(begun, 1) == HAS_BEGUN:
            return
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    raise Unavailable


def adopt_orphans(is_wanted: bool = True) -> None:
    """Makes this process the parent of its children's orphans, or no more. Raises Unavailable where that can't be."""
    if not sys.platform.startswith("linux") or ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, is_wanted, 0, 0, 0):
        raise Unavailable


def serve(server: socket.socket) -> list[str]:
    """Forks until the supervisor is gone; returns in the process that was forked only, with its arguments."""
    while True:
        try:
            request, descriptors, _, _ = socket.recv_fds(server, 64, _DESCRIPTORS)
        except OSError:
            request = b""
        if not request or len(descriptors) != _DESCRIPTORS:
            os._exit(0)
        told, tell = os.pipe()
        if not (between := os.fork()):
            if child := os.fork():
                os.write(tell, str(child).encode())
                os._exit(0)
            for descriptor in (server.detach(), told, tell):
                os.close(descriptor)
            return _become_node(*descriptors)
        for descriptor in (tell, *descriptors):
            os.close(descriptor)
        os.waitpid(between, 0)  # Only then the child is the supervisor's.
        with contextlib.suppress(OSError):
            server.send(os.read(told, 64))
        os.close(told)


def _become_node(request: int, output: int, allowed: int, beginning: int) -> list[str]:
    """In the process that is to stay, which goes on once somebody knows of it."""
    if os.read(allowed, 1) != MAY_LIVE:
        os._exit(0)
    os.setsid()
    os.write(beginning, HAS_BEGUN)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for descriptor in (output, allowed, beginning):
        os.close(descriptor)
    with os.fdopen(request, "rb") as file:
        file.seek(0)
        arguments, environment = json.load(file)
    os.environ.clear()
    os.environ.update(environment)
    return list(arguments)


def load(libraries: Iterable[str] = LIBRARIES) -> None:
    """Loads them; what can't be loaded is left to the node, which will say why."""
    gc.disable()
    for name in libraries:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    # The collector of a node mustn't touch what all share, or each would have a copy of it.
    gc.freeze()
    gc.enable()


def main(arguments: Sequence[str]) -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # Stopped, it wouldn't hear of its end.
    load()
    run_node(serve(socket.socket(fileno=int(arguments[0]))))


def run_node(command: list[str]) -> NoReturn:
    """In the process that was forked."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    forget_project()
    from bookstore_project.cluster import launch

    end(launch.main(command))


def end(status: int) -> NoReturn:
    """Ends this process without taking the interpreter down, which would touch, and so copy, all that forks share."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def forget_project() -> None:
    """So that its files are loaded as they are now, and by an environment that is the node's."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "bookstore_project"]:
        del sys.modules[name]


if __name__ == "__main__":
    main(sys.argv[1:])
