"""One supervisor per data folder: a lock on the folder itself, which the kernel frees when its holder dies.

Not on a file in it: files are removed, and a second supervisor would lock another one.
Standard library only, so that `make clean` can ask before there is a virtual environment:
`python3 -m bookstore_project.cluster.lock FOLDER` exits with 0 if nobody holds the lock.
Source: flock(2), proc(5).
"""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class HeldElsewhere(Exception):
    """Another process holds the lock; `holder` is its pid as text, empty if unknown."""

    def __init__(self, holder: str) -> None:
        super().__init__(f"held by process {holder or 'unknown'}")
        self.holder = holder or "unknown"


class FolderLock:
    """The held lock."""

    def __init__(self, folder: Path, descriptor: int) -> None:
        self._folder = folder
        self._descriptor = descriptor

    def is_replaced(self) -> bool:
        """Whether another folder lies at the path now, which anybody else may lock."""
        with suppress(OSError):
            return not os.path.samestat(os.fstat(self._descriptor), self._folder.stat())
        return False


@contextmanager
def exclusive(folder: Path, *, wait: bool = False) -> Iterator[FolderLock]:
    """Holds the lock of that folder; raises HeldElsewhere at once, or waits for its turn."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise HeldElsewhere(_holder(os.fstat(descriptor).st_ino)) from None
        yield FolderLock(folder, descriptor)
    finally:
        os.close(descriptor)


def _holder(inode: int) -> str:
    """By the kernel's account, of Linux: `1: FLOCK  ADVISORY  WRITE 3511 08:01:3147 0 EOF`."""
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/locks").read_text().splitlines():
            words = line.split()
            if words[1] == "FLOCK" and words[5].rpartition(":")[2] == str(inode):
                return words[4]
    return ""


def main(folder: Path) -> int:
    if not folder.exists():
        return 0
    try:
        with exclusive(folder):
            return 0
    except HeldElsewhere as held:
        sys.stderr.write(f"The store is running (supervisor: process {held.holder}). Stop it first.\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
