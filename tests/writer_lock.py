"""A service's writer lock, as a test holds it, and sees who waits for it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Holds a service's writer lock, so that whoever writes next waits."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def holders(path: Path) -> set[int]:
    """The processes that hold a flock on the path; source: proc(5)."""
    status = path.stat()
    wanted = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    lines = (line.split() for line in Path("/proc/locks").read_text().splitlines())
    return {int(line[4]) for line in lines if "->" not in line and line[1] == "FLOCK" and line[5] == wanted}
