"""One supervisor per data folder: a lock that the kernel frees when its holder dies.

Standard library only, so that `make clean` can ask before there is a virtual environment:
`python3 -m bookstore_project.cluster.lock FILE` exits with 0 if nobody holds the lock.
"""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class HeldElsewhere(Exception):
    """Another process holds the lock; `holder` is its pid as text, empty if unknown."""

    def __init__(self, holder: str) -> None:
        super().__init__(f"held by process {holder or 'unknown'}")
        self.holder = holder


@contextmanager
def exclusive(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Holds the lock of that file; raises HeldElsewhere at once, or waits for its turn.

    The file stays: a lock on a removed file would exclude nobody.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise HeldElsewhere(os.read(descriptor, 32).decode(errors="replace").strip()) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)


def main(path: Path) -> int:
    if not path.exists():
        return 0
    try:
        with exclusive(path):
            return 0
    except HeldElsewhere as held:
        sys.stderr.write(f"The store is running (supervisor: process {held.holder}). Stop it first.\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
