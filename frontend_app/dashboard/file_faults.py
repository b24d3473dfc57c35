"""Damages a replica's database file, as a broken disk or a careless person would; never the last good one."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from bookstore_project import sqlite_files
from bookstore_project.api import problems
from bookstore_project.clock import Clock
from bookstore_project.replication import maintenance_log
from bookstore_project.replication.engine import engine
from bookstore_project.replication.service import get_service
from bookstore_project.settings import topology
from bookstore_project.settings.topology import Node

LOCK_S = 5.0
BUSY_TIMEOUT_S = 2.0
REST_S = 5.0
"""So long after one copy was damaged, the other one is left alone: the store has to notice first."""

_WAL_HEADER, _FRAME_HEADER = 32, 24
"""Bytes. Source: https://sqlite.org/fileformat2.html#the_write_ahead_log"""

_lock = threading.Lock()

_damaged_at: dict[str, tuple[str, float]] = {}
"""By service: which copy was damaged last, and when by the monotonic clock."""


def inflict(kind: str, node: Node, *, clock: Clock = time.monotonic) -> str:
    """Does `delete`, `truncate`, `flip` or `lock` to the file of that replica; returns what was done.

    Raises Conflict if another copy of the service isn't known to be well, Unavailable if the file can't be damaged.
    """
    path = topology.database_file(node.name)
    with _lock:
        _assert_spare(node, clock())
        try:
            told = KINDS[kind](path)
        except (OSError, sqlite3.Error) as error:
            raise problems.Unavailable(f"The file of {node.name} can't be touched: {error}") from error
        _damaged_at[node.service] = node.name, clock()
        if kind == "flip":
            maintenance_log.request_scrub(
                node.service
            )  # A byte that nobody reads would wait for the next one that is due.
    return f"The file of {node.name} {told}."


def _assert_spare(node: Node, now: float) -> None:
    """Raises Conflict unless every other copy is in sync, and can serve as far as opening it tells."""
    service = get_service(node.service)
    for other in service.aliases:
        if other == node.name:
            continue
        if not engine.can_serve(service, other):
            raise problems.Conflict(f"{other} isn't in sync: {node.name} has the last good copy. Nothing was done.")
    last, at = _damaged_at.get(node.service, ("", 0.0))
    if last not in ("", node.name) and (now < at + REST_S or maintenance_log.is_scrub_requested(node.service)):
        raise problems.Conflict(f"{last} was damaged a moment ago, and may not be well yet. Nothing was done.")


def _delete(path: Path) -> str:
    path.unlink()
    return "is deleted"


def _truncate(path: Path) -> str:
    size = path.stat().st_size // 2
    os.truncate(path, size)
    return f"is cut to {size} bytes"


def _flip(path: Path) -> str:
    """Inverts the byte that tells the kind of a page that is in use: in the middle of the file it may be in none."""
    at = _place_in_use(path)
    # This process has no connection to a replica's file whose locks closing it could drop.
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        before = os.pread(descriptor, 1, at)
        os.pwrite(descriptor, bytes([before[0] ^ 0xFF]), at)
    finally:
        os.close(descriptor)
    return f"has another byte at {at}"


def _place_in_use(path: Path) -> int:
    """Where the last table begins whose first page the `-wal` holds nothing newer of; any, if there is none."""
    with sqlite_files.opened(path, timeout_s=BUSY_TIMEOUT_S) as connection:
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        pages = [page for (page,) in connection.execute("SELECT rootpage FROM sqlite_master WHERE type = 'table'")]
    superseded = _pages_in(path.with_name(f"{path.name}-wal"), size)
    page = max(pages, key=lambda page: (page not in superseded, page))
    return int((page - 1) * size)


def _pages_in(wal: Path, size: int) -> set[int]:
    """The pages that it has frames of, whether they still count or not."""
    content = wal.read_bytes() if wal.exists() else b""
    frames = range(_WAL_HEADER, len(content), _FRAME_HEADER + size)
    return {int.from_bytes(content[at : at + 4], "big") for at in frames}


def _hold(path: Path) -> str:
    """Holds the lock in a thread of its own, once it has it."""
    held = threading.Event()
    trouble: list[sqlite3.Error] = []

    def hold() -> None:
        try:
            with sqlite_files.opened(path, is_writable=True, timeout_s=BUSY_TIMEOUT_S) as connection:
                connection.execute("BEGIN EXCLUSIVE")
                held.set()
                time.sleep(LOCK_S)
                connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            trouble.append(error)
            held.set()

    threading.Thread(target=hold, name="file-lock", daemon=True).start()
    held.wait(10)
    if trouble:
        raise trouble[0]
    return f"is locked for {LOCK_S:g} s"


KINDS: dict[str, Callable[[Path], str]] = {"delete": _delete, "truncate": _truncate, "flip": _flip, "lock": _hold}
