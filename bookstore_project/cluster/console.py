"""The supervisor's terminal: lines are handed over at once and written by a thread of their own.

A terminal that stopped (Ctrl-S, a suspended pipe) costs lines, and the console says how many; it never stops the
store.
"""

import os
import queue
import stat
import threading

from bookstore_project.nodes import redaction

QUEUE_LENGTH = 5_000
LONGEST_ROUTINE = 500
"""Characters of a line that a node has logged."""
ROUTINE_IN_FILE_BYTES = 10 * 1024 * 1024
"""Of such lines in all, where the console is a file: nobody reads it, and it would grow for ever."""
COLOURS = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}


class Console:
    """Writes whole lines to a file descriptor; colours only where they are wanted (https://no-color.org)."""

    def __init__(self, descriptor: int = 1, *, coloured: bool | None = None) -> None:
        self._descriptor = descriptor
        self._coloured = wants_colour(descriptor) if coloured is None else coloured
        self._lines: queue.Queue[str | None] = queue.Queue(QUEUE_LENGTH)
        self._left_out = 0
        self._routine_bytes = 0 if _is_file(descriptor) else None
        self._writer = threading.Thread(target=self._write_lines, name="console", daemon=True)
        self._writer.start()

    def line(self, text: str = "") -> None:
        """Queues a line; never waits."""
        if self._left_out:
            text = f"({self._left_out} lines left out: the terminal was slower)\n{text}"
        try:
            self._lines.put_nowait(text)
            self._left_out = 0
        except queue.Full:
            self._left_out += 1

    def routine(self, text: str) -> None:
        """A line that a node has logged: cut, and of a console that is a file at some time the last one."""
        if self._routine_bytes is not None:
            if self._routine_bytes >= ROUTINE_IN_FILE_BYTES:
                return
            self._routine_bytes += len(text)
            if self._routine_bytes >= ROUTINE_IN_FILE_BYTES:
                text = "(This file has enough lines of the nodes: further ones are in their own logs alone.)"
        self.line(redaction.cut(text, LONGEST_ROUTINE))

    def paint(self, text: str, colour: str) -> str:
        return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m" if self._coloured else text

    def close(self, timeout_s: float = 0.3) -> None:
        """Lets the lines out that still wait, for that many seconds at most."""
        try:
            self._lines.put_nowait(None)
        except queue.Full:
            return
        self._writer.join(timeout_s)

    def _write_lines(self) -> None:
        while (text := self._lines.get()) is not None:
            data = f"{text}\n".encode(errors="replace")
            try:
                # Not sys.stdout: a thread that is stuck in a buffered write would keep the process from ending.
                while data:
                    data = data[os.write(self._descriptor, data) :]
            except OSError:  # Nobody reads any more (`make run | head`). The store goes on.
                continue


def _is_file(descriptor: int) -> bool:
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def wants_colour(descriptor: int) -> bool:
    return os.isatty(descriptor) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
