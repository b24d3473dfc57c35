"""Signs of life of what works for long: after a silence, what it is doing and for how long already."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from bookstore_project.clock import Clock

EVERY_S = 5.0
"""No silence is longer."""
BYTES_PER_S = 10_000_000
"""About as fast as an ordinary machine copies databases and checks every row of them (docs/performance.md)."""


def nothing_more() -> str:
    """Where there is no more to tell of the work than its name."""
    return ""


class Ticker:
    """Writes a line whenever nothing was said for `every_s` seconds (EVERY_S, by default); a context manager.

    Whoever says something else meanwhile tells it by `heard`.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        *,
        every_s: float | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self._write, self._clock = write, clock
        self._every_s = EVERY_S if every_s is None else every_s
        self._guard = threading.Lock()
        self._ended = threading.Event()
        self._what, self._progress = "working", nothing_more
        self._began = self._heard_at = clock()
        self._thread = threading.Thread(target=self._run, name="ticker", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def doing(self, what: str, progress: Callable[[], str] = nothing_more) -> None:
        """What is done from now on, and who knows how far it is."""
        with self._guard:
            self._what, self._progress, self._began = what, progress, self._clock()

    def heard(self) -> None:
        """Something was said just now."""
        with self._guard:
            self._heard_at = self._clock()

    def tick(self) -> float:
        """Says what is done, if it has been silent for long; seconds until the next look."""
        with self._guard:
            now = self._clock()
            left_s = self._heard_at + self._every_s - now
            if left_s > 0:
                return left_s
            self._heard_at = now
            line, progress = f"{self._what}: {now - self._began:.0f} s", self._progress
        more = progress()
        self._write(f"{line}, {more}" if more else line)
        return self._every_s

    def _run(self) -> None:
        # A little sooner than it has to be, so that a busy machine doesn't make a silence too long.
        wait_s = self._every_s
        while not self._ended.wait(wait_s * 0.8):
            wait_s = max(self.tick(), self._every_s * 0.05)


class Out(Protocol):
    """A text stream, such as a management command's."""

    def write(self, text: str, /) -> object: ...
    def flush(self) -> None: ...


@contextmanager
def at_work(output: Out, what: str, files: Iterable[Path]) -> Iterator[Ticker]:
    """A command's work on whole files: says at once what it is and about how long it takes, and goes on saying so.

    Not for a block that asks somebody something.
    """
    size_bytes = sum(path.stat().st_size for path in files if path.exists())

    def write(text: str) -> None:
        output.write(f"{text}\n")
        output.flush()

    write(f"{what}: {size_bytes / 1e6:,.1f} MB, {about(size_bytes / BYTES_PER_S)}.")
    with Ticker(write) as ticker:
        ticker.doing(what)
        yield ticker


def about(seconds: float) -> str:
    """In words, for people: nobody knows how fast their machine is."""
    if seconds < 1:
        return "less than a second"
    return f"about {seconds:.0f} s" if seconds < 120 else f"about {seconds / 60:.0f} min"
