"""How long work goes about it beside requests: with pauses, so that those who ask wait for little of it."""

import time
from collections.abc import Callable

from bookstore_project.clock import Clock

Pace = Callable[[], object]
"""Called between two small pieces of the work; it may sleep."""

PIECE_S = 0.001
"""Of work, before a pause: Python's lock goes to a thread that wants it after 5 ms, if nobody lets it go sooner."""
REST = 1.0
"""The length of a pause, in pieces: half of a processor is left. A store with one copy shouldn't stay so for long."""


def full_speed() -> None:
    """For whoever keeps others waiting until the work is done, or has a process of its own."""


class Gently:
    """Sleeps as long as the piece took of a processor: waiting for one is a pause, too. For one thread alone."""

    def __init__(self, clock: Clock = time.thread_time, sleep: Callable[[float], object] = time.sleep) -> None:
        self._clock, self._sleep = clock, sleep
        self._began = clock()

    def __call__(self) -> None:
        took_s = self._clock() - self._began
        if took_s >= PIECE_S:
            self._sleep(took_s * REST)
            self._began = self._clock()
