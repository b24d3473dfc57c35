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
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
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
    "rest_framework.authentication",
    "rest_framework.metadata",
    "rest_framework.mixins",
    "rest_framework.negotiation",
    "rest_framework.permissions",
    "rest_framework.serializers",
    "uvloop",
    "whitenoise.middleware",
)
"""What nodes need and what needs no settings, with all that these load. Those that need them can't be loaded here."""
LONGEST_REQUEST = 1024 * 1024
"""In bytes: a whole environment."""
ANSWER_WITHIN_S = 10.0
"""After this it is given up. At first there is all to be loaded."""
MAY_LIVE = b"1"
ROOT = Path(__file__).resolve().parents[2]
_PR_SET_CHILD_SUBREAPER = 36


class Unavailable(Exception):
    """There is no such process here, or it is gone; whoever is to be started has to be started in another way."""


class ForkServer:
    """The supervisor's side. For all of its threads."""

    def __init__(self, alive: Lifeline) -> None:
        """Begins to load at once, beside the caller. All that is forked has that lifeline."""
        self._lifeline = alive
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        with contextlib.suppress(Unavailable, OSError):
            self._begin()

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], output: int) -> int:
        """Runs `launch.main` in a session of its own; returns the pid of the process, a child of this one.

        Raises Unavailable: then there is no such process, and the next call tries again.
        """
        request = json.dumps([list(arguments), dict(environment)]).encode()
        read_end, permit = os.pipe()
        try:
            with self._lock:
                pid = self._ask(request, [output, read_end])
                os.write(permit, MAY_LIVE)
                return pid
        finally:
            os.close(read_end)
            os.close(permit)

    def _ask(self, request: bytes, descriptors: Sequence[int]) -> int:
        try:
            server = self._socket or self._begin()
            socket.send_fds(server, [request], descriptors)
            return int(server.recv(64))
        except (OSError, ValueError) as error:  # An empty answer: it has ended.
            self._end()
            raise Unavailable from error

    def close(self) -> None:
        """Ends it. What was forked goes on."""
        with self._lock:
            self._end()

    def _begin(self) -> socket.socket:
        adopt_orphans()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(ANSWER_WITHIN_S)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  (our own command line, no shell)
                [sys.executable, "-m", "bookstore_project.cluster.forkserver", str(theirs.fileno())],
                cwd=ROOT,
                env=self._environment(os.environ),
                stdin=subprocess.DEVNULL,
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
        if self._socket:
            self._socket.close()
        if self._process:
            self._process.kill()
            self._process.wait()
        self._socket = self._process = None


def adopt_orphans() -> None:
    """Makes this process the parent of its children's orphans. Raises Unavailable where that can't be."""
    if not sys.platform.startswith("linux") or ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise Unavailable


def serve(server: socket.socket) -> list[str]:
    """Forks until the supervisor is gone; returns in the process that was forked only, with its arguments."""
    while True:
        try:
            request, descriptors, _, _ = socket.recv_fds(server, LONGEST_REQUEST, 2)
        except OSError:
            request = b""
        if not request:
            os._exit(0)
        told, tell = os.pipe()
        if not (between := os.fork()):
            if child := os.fork():
                os.write(tell, str(child).encode())
                os._exit(0)
            for descriptor in (server.detach(), told, tell):
                os.close(descriptor)
            return _be_born(request, *descriptors)
        for descriptor in (tell, *descriptors):
            os.close(descriptor)
        os.waitpid(between, 0)  # Only then the child is the supervisor's.
        with contextlib.suppress(OSError):
            server.send(os.read(told, 64))
        os.close(told)


def _be_born(request: bytes, output: int, permit: int) -> list[str]:
    """In the process that is to stay, which goes on once somebody knows of it."""
    os.setsid()
    if os.read(permit, 1) != MAY_LIVE:
        os._exit(0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.close(permit)
    arguments, environment = json.loads(request)
    os.environ.clear()
    os.environ.update(environment)
    return list(arguments)


def load() -> None:
    """Loads LIBRARIES; what can't be loaded is left to the node, which will say why."""
    gc.disable()
    for name in LIBRARIES:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    # The collector of a node mustn't touch what all share, or each would have a copy of it.
    gc.freeze()
    gc.enable()


def main(arguments: Sequence[str]) -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    load()
    command = serve(socket.socket(fileno=int(arguments[0])))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from bookstore_project.cluster import launch  # By the environment that is the node's.

    sys.exit(launch.main(command))


if __name__ == "__main__":
    main(sys.argv[1:])
