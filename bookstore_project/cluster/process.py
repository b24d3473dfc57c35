"""What the process that answers requests does first: it says who it is, and makes sure that it leaves no orphan."""

import os
from contextlib import suppress
from functools import partial
from pathlib import Path

from bookstore_project import files
from bookstore_project.cluster import lifeline
from bookstore_project.nodes import background
from bookstore_project.nodes.background import Task
from bookstore_project.settings import topology

KEEP_EVERY_S = 5.0


def announce() -> None:
    """Writes this process's pid to var/run/<node>.pid and ends with its supervisor, if it has one.

    To be called by `wsgi.py` and `asgi.py`, in the process that answers. Without a node: nothing. One that was
    started by hand beside a supervisor's, under the same name, leaves the file to that one.
    """
    if topology.NODE is None:
        return
    lifeline.watch()
    path = topology.NODE.pid_file
    if not os.environ.get(lifeline.VARIABLE) and _is_of_a_supervisor(read_pid(path), topology.NODE.name):
        return
    write_pid(path)
    background.start(Task("pid file", partial(_keep_pid, path), KEEP_EVERY_S))


def _keep_pid(path: Path) -> None:
    """Whoever tidies up in var/run, the file comes back."""
    with suppress(OSError):
        if not path.exists():
            write_pid(path)


def _is_of_a_supervisor(pid: int | None, node: str) -> bool:
    """Whether that process lives and was started as this node by a supervisor, by the kernel's account.

    That account has no node's name if it was forked (`forkserver`), as it tells with what a program began.
    """
    with suppress(OSError):
        given = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        variables = dict(line.split(b"=", 1) for line in given if b"=" in line)
        ours = os.environ.get("BOOKSTORE_DATA", "").encode()
        named = (
            variables.get(b"BOOKSTORE_NODE", node.encode()) == node.encode()
            and variables.get(b"BOOKSTORE_DATA", b"") == ours
        )
        return named and lifeline.VARIABLE.encode() in variables
    return False


def write_pid(path: Path) -> None:
    """Replaces the file in one step: a reader sees the old pid or the new one, never half of one."""
    files.write(path, f"{os.getpid()}\n".encode())


def read_pid(path: Path) -> int | None:
    """The pid in that file; None without one."""
    try:
        return int(files.read(path))
    except (OSError, ValueError):
        return None
