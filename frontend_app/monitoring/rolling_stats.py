"""How nodes did in the last minute, as this front sees it: answers, errors, times. Bounded, and quick to add to."""

import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypedDict

from bookstore_project.clock import Clock
from bookstore_project.settings.topology import NODES
from frontend_app.monitoring.trace import Step

SECONDS = 60
"""How far back a window reaches."""
BOUNDS_MS = tuple(0.01 * 1.1**step for step in range(165))
"""Upper ends of the classes that times are counted in, up to a minute: a percentile is right to a tenth of itself."""


@dataclass
class Second:
    """What happened in one second; `at` is the clock's, rounded down."""

    at: int
    served: int = 0
    errors: int = 0
    hits: int = 0
    misses: int = 0
    times: Counter[int] = field(default_factory=Counter)


class Summary(TypedDict):
    """Of a window. Times are None where nothing was served."""

    served: int
    failed: int
    p50_ms: float | None
    p99_ms: float | None
    per_second: list[int]
    """Answers, the oldest second first; the one that has just begun isn't among them."""


class RollingWindow:
    """The last SECONDS seconds. Thread-safe."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._ring = [Second(-SECONDS) for _ in range(SECONDS + 1)]

    def add(self, took_ms: float, *, is_error: bool = False, cache: str = "", count: int = 1) -> None:
        """Counts that many answers; `cache` is what the cache had to do with them, as in X-Cache."""
        now = int(self._clock())
        with self._lock:
            second = self._ring[now % len(self._ring)]
            if second.at != now:
                second = self._ring[now % len(self._ring)] = Second(now)
            second.served += count
            second.errors += count * is_error
            second.hits += count * (cache == "hit")
            second.misses += count * (cache == "miss")
            second.times[bisect_left(BOUNDS_MS, took_ms)] += count

    def summary(self) -> Summary:
        seconds = self._seconds()
        times: Counter[int] = Counter()
        for second in seconds:
            times.update(second.times)
        return Summary(
            served=sum(second.served for second in seconds),
            failed=sum(second.errors for second in seconds),
            p50_ms=_percentile(times, 0.50),
            p99_ms=_percentile(times, 0.99),
            per_second=[second.served for second in seconds[:-1]],
        )

    def hit_ratios(self) -> list[float | None]:
        """Hits among the reads that could have been hits, second by second, the oldest first; None without any."""
        return [
            round(second.hits / (second.hits + second.misses), 3) if second.hits + second.misses else None
            for second in self._seconds()[:-1]
        ]

    def _seconds(self) -> list[Second]:
        """All of the window and the one that has just begun, in order; those in which nothing happened are empty."""
        now = int(self._clock())
        with self._lock:
            known = {second.at: second for second in self._ring}
            return [known.get(at) or Second(at) for at in range(now - SECONDS, now + 1)]


def _percentile(times: Counter[int], share: float) -> float | None:
    """The upper end of the class in which it lies."""
    left = share * times.total()
    for index in sorted(times):
        left -= times[index]
        if left <= 0:
            return round(BOUNDS_MS[min(index, len(BOUNDS_MS) - 1)], 2)
    return None


class RollingStats:
    """A window for the front itself, and one for each node that it calls."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self.own = RollingWindow(clock)
        self._of_node = {name: RollingWindow(clock) for name in NODES}

    def of(self, name: str) -> RollingWindow:
        return self._of_node[name]

    def note(self, status: int, cache: str, took_ms: float, steps: Iterable[Step] = ()) -> None:
        """Counts an answer of this front, and the calls that it took."""
        self.own.add(took_ms, is_error=status >= 500, cache=cache)
        for step in steps:
            if window := self._of_node.get(step.node):
                is_error = not step.result.isdecimal() or int(step.result) >= 500
                window.add(step.took_ms, is_error=is_error)
