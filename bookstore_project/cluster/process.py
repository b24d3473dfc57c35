"""What the process that answers requests does first: it says who it is, and makes sure that it leaves no orphan."""

import os
from pathlib import Path

from bookstore_project.cluster import lifeline
from bookstore_project.settings import topology


def announce() -> None:
    """Writes this process's pid to var/run/<node>.pid and ends with its supervisor, if it has one.

    To be called by `wsgi.py` and `asgi.py`, in the process that answers. Without a node: nothing.
    """
    if topology.NODE is None:
        return
    lifeline.watch()
    write_pid(topology.NODE.pid_file)


def write_pid(path: Path) -> None:
    """Replaces the file in one step: a reader sees the old pid or the new one, never half of one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(f"{os.getpid()}\n")
    draft.replace(path)


def read_pid(path: Path) -> int | None:
    """The pid in that file; None without one."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
