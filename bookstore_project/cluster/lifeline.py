"""A pipe that tells a node's processes that the supervisor is gone, in whatever way it went.

The supervisor alone holds the write end, and never writes. When it ends, even by `kill -9`, the kernel closes that
end, and whoever waits at the read end wakes up. (man 7 pipe: "If all file descriptors referring to the write end
of a pipe have been closed, then an attempt to read(2) from the pipe will see end-of-file".) A program that starts a
supervisor may hold it by such a pipe, too.
"""

import os
import signal
import stat
import threading
import time

VARIABLE = "BOOKSTORE_LIFELINE_FD"
"""In a node's or supervisor's environment: the read end's descriptor. Set by whoever starts it, never by hand."""
ORPHAN_CHECK_S = 0.5


class Lifeline:
    """The side of whoever starts others. No child process inherits either end, unless it is passed on purpose."""

    def __init__(self) -> None:
        self.read_fd, self._write_fd = os.pipe()

    def close(self) -> None:
        """Lets go: every process that watches ends itself and its group."""
        os.close(self._write_fd)
        os.close(self.read_fd)


def watch() -> None:
    """Ends this process and its group, by SIGKILL, as soon as whoever started it is gone.

    Does nothing in a process that was started without a lifeline (`runserver`, tests, a supervisor on a terminal).
    """
    number = os.environ.get(VARIABLE, "")
    if not number:
        return
    if number.isdecimal() and _is_pipe(int(number)):
        threading.Thread(target=_await_end_of_pipe, args=(int(number),), name="lifeline", daemon=True).start()
    else:
        # A worker that was spawned, not forked (macOS), has not inherited the descriptor.
        threading.Thread(target=_await_end_of_parent, args=(os.getppid(),), name="lifeline", daemon=True).start()


def _is_pipe(descriptor: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def _await_end_of_pipe(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    _end_group()


def _await_end_of_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(ORPHAN_CHECK_S)
    _end_group()


def _end_group() -> None:
    os.killpg(os.getpgrp(), signal.SIGKILL)
