"""Asks the supervisor to stop, start, kill, pause or continue a node, through its socket in var/run.

One line of JSON each way, and the connection is closed. Only the supervisor's own user may open the socket.
"""

import json
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bookstore_project.api import problems
from bookstore_project.settings import topology

SOCKET = topology.RUN_DIR / "control.sock"
COMMANDS = ("stop", "start", "kill", "pause", "continue")
STATES = "states"
"""Asks how the supervisor keeps each node: `running`, `stopped` (on purpose) or `paused`."""
TIMEOUT_S = 8.0
LONGEST_WAIT_S = 60.0
LONGEST_BYTES = 16 * 1024


@contextmanager
def address_of(path: Path) -> Iterator[str]:
    """How to name that socket to the kernel, which takes about a hundred characters and no more (man 7 unix)."""
    if sys.platform != "linux" or len(os.fsencode(path)) < 100:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def order(command: str, node: str, *, by: str = "", after_s: float = 0.0) -> str:
    """Has a command of COMMANDS carried out; returns what came of it, as a sentence.

    With `after_s` the answer comes first: for a node that has something to tell its own client before it goes.
    Raises Unavailable if no supervisor answers, Conflict if the node's state doesn't allow it.
    """
    told = _ask({"command": command, "node": node, "by": by, "after_s": after_s})
    return str(told["detail"])


def states(known: Mapping[str, str] | None = None, *, wait_s: float = 0.0) -> dict[str, str]:
    """The state of each node by its name. Raises Unavailable if no supervisor answers.

    As long as they are those that are `known`, the answer comes after `wait_s` seconds (LONGEST_WAIT_S at most).
    """
    asked = {"command": STATES, "known": dict(known or {}), "wait_s": wait_s}
    return dict(_ask(asked, timeout_s=wait_s + TIMEOUT_S)["states"])


def _ask(request: dict[str, Any], timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    try:
        with address_of(SOCKET) as address, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(timeout_s)
            line.connect(address)
            line.sendall(json.dumps(request).encode() + b"\n")
            told = json.loads(_read_line(line))
    except (OSError, ValueError) as error:
        raise problems.Unavailable(
            "No supervisor answers: nodes can be stopped and started only where `manage.py cluster` runs them."
        ) from error
    if not told.get("ok"):
        raise problems.Conflict(str(told.get("detail", "The supervisor refused.")))
    return dict(told)


def _read_line(line: socket.socket) -> bytes:
    read = b""
    while not read.endswith(b"\n") and len(read) < LONGEST_BYTES and (chunk := line.recv(4096)):
        read += chunk
    return read
