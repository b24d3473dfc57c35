"""Locks among the processes of a machine: `flock` on a directory, which the kernel frees when its holder dies.

There is no lease to run out and no stuck lock. Directories, because tidy-minded people remove lock files.
Source: flock(2).
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bookstore_project import files
from bookstore_project.replication import fencing
from bookstore_project.replication.errors import Unavailable

RETRY_DELAY_S = 0.0003
"""To begin with, where others wait as well."""
_RETRY_DELAY_GROWTH = 1.1
"""Slow: whoever has waited long looks less often, and newcomers overtake."""
_LONGEST_RETRY_DELAY_S = 0.001


@contextmanager
def lock(directory: Path, timeout_s: float) -> Iterator[None]:
    """Holds a lock of its own, for short work; raises Unavailable when it isn't had in time."""
    descriptor = acquire(directory, time.monotonic() + timeout_s, RETRY_DELAY_S)
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def try_lock(directory: Path) -> Iterator[bool]:
    """Holds a lock of its own if nobody else does; yields whether it does. For work that one process does."""
    descriptor = _open(directory)
    try:
        yield _lock_now(descriptor)
    finally:
        os.close(descriptor)


def acquire(path: Path, deadline: float, delay_s: float) -> int:
    """The descriptor that holds it, by `deadline` in monotonic seconds. Raises Unavailable."""
    patient_until = time.monotonic() + fencing.FENCE_AFTER_S
    descriptor = _open(path)
    while True:
        if _lock_now(descriptor):
            if is_at(descriptor, path):
                return descriptor
            os.close(descriptor)
            descriptor = _open(path)
            continue
        now = time.monotonic()
        if now > patient_until:
            fencing.fence(path)
            patient_until = time.monotonic() + fencing.FENCE_AFTER_S
            continue
        if now > deadline:
            os.close(descriptor)
            raise Unavailable("Another writer holds the lock for too long; nothing was changed.")
        time.sleep(delay_s)
        delay_s = min(delay_s * _RETRY_DELAY_GROWTH, _LONGEST_RETRY_DELAY_S)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        if not files.is_out_of_place(error):
            raise Unavailable(f"The lock {path} can't be opened: {error.strerror}.") from error
        return _make_and_open(path)


def _make_and_open(path: Path) -> int:
    """Whoever has locked what is put aside here finds out before it writes: it isn't at the path any more."""
    try:
        files.make_folder(path)
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise Unavailable(f"The lock {path} can't be made: {error.strerror}.") from error


def _lock_now(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_at(descriptor: int, path: Path) -> bool:
    """Whether what is open is still what lies there."""
    with suppress(OSError):
        ours, there = os.fstat(descriptor), path.stat()
        return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)
    return False
