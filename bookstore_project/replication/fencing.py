"""Fencing: a process that was stopped while it holds a lock is killed, so that the others can go on.

A stopped process (SIGSTOP, Ctrl-Z) keeps its locks, and nobody can tell for how long. Killed, it is a case that the
protocol knows: the kernel frees its locks, and the next writer finishes what it left. A process that is merely slow
runs, and one under a debugger is in another state: both are left alone. Linux only; elsewhere nothing is found.
Source: proc(5), flock(2), pidfd_send_signal(2).
"""

import logging
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

logger = logging.getLogger("bookstore.replication")

FENCE_AFTER_S = 2.0
"""How long somebody waits for a lock before it looks for the holder."""
LOOK_AGAIN_S = 0.2
_PROC = Path("/proc")
_STOPPED = "T"


def fence(path: Path) -> bool:
    """Kills whoever holds the flock on `path`, if it is stopped and of this user; whether it did.

    Takes LOOK_AGAIN_S where somebody is stopped: who is continued by then goes on.
    """
    return sum(_fence(pid, path) for pid in _holders(path)) > 0


def _fence(pid: int, path: Path) -> bool:
    with suppress(OSError):
        # The descriptor stands for this process, whatever becomes of its number.
        descriptor = os.pidfd_open(pid)
        try:
            if not _is_stopped_holder(pid, path):
                return False
            time.sleep(LOOK_AGAIN_S)
            if not (_is_stopped_holder(pid, path) and pid in _holders(path)):
                return False
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        finally:
            os.close(descriptor)
        logger.warning(
            "process %s was stopped while it held the lock %s: it was killed, so that others go on", pid, path
        )
        return True
    return False


def _holders(path: Path) -> list[int]:
    """The processes that took a flock on this inode, by the kernel's account."""
    with suppress(OSError):
        inode = path.stat().st_ino
        return [pid for pid, locked in _flocks() if locked == inode and pid != os.getpid()]
    return []


def _flocks() -> Iterator[tuple[int, int]]:
    """Process and inode of every flock: `1: FLOCK  ADVISORY  WRITE 3511 08:01:3147 0 EOF`; waiters have an arrow."""
    for line in (_PROC / "locks").read_text().splitlines():
        words = line.split()
        if words[1] == "FLOCK" and words[4].isdecimal():
            yield int(words[4]), int(words[5].rpartition(":")[2])


def _is_stopped_holder(pid: int, path: Path) -> bool:
    folder = _PROC / str(pid)
    # The name, in brackets, may contain anything.
    state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
    return state == _STOPPED and folder.stat().st_uid == os.geteuid() and _has_open(folder, path)


def _has_open(folder: Path, path: Path) -> bool:
    """Inodes are unique within a file system only: that it is this one, its descriptors say."""
    return any(os.path.samestat(path.stat(), there.stat()) for there in (folder / "fd").iterdir() if there.exists())
