"""Bulkheads: a queue before the threads for each kind of request, with its length, its pace, and who comes too late.

Source: M. Nygard, Release It!, 2nd edition, chapter 5.
"""

import asyncio
import time
from collections import deque

from prometheus_client import Counter

from bookstore_project.clock import Clock

MAX_WAITING = 1000
"""Requests that wait in a bulkhead, at most: a crowd, and no more than memory has room for."""
WINDOW_S = 8.0
"""How far back a bulkhead's pace is looked at: one slow request doesn't make it, nor one stall."""
SEEN_S = 1.0
"""For how long a bulkhead has to be full before its pace is believed."""
BUCKET_S = 0.5
TIMES_KEPT = 31
"""Of the newest requests: their median is what is usual, whatever a few of them meet."""

_rejected = Counter(
    "bookstore_requests_rejected", "Requests rejected because no thread would be free in time.", ["bulkhead"]
)


class BulkheadFull(Exception):
    """No thread was free in time, or would be; nothing was done."""


class Bulkhead:
    """Slots for one kind of request, first come, first served. For the event loop only: it has no lock."""

    def __init__(
        self,
        name: str,
        slots: int,
        *,
        max_waiting: int = MAX_WAITING,
        clock: Clock = time.monotonic,
    ) -> None:
        self.name = name
        self.waiting = 0
        self._slots = asyncio.Semaphore(slots)
        self._max_waiting = max_waiting
        self._count_of_slots = slots
        self._pace = Pace(clock)
        self._kept_s: deque[float] = deque(maxlen=TIMES_KEPT)
        self._count = _rejected.labels(name)

    async def enter(self, patience_s: float) -> None:
        """Takes a slot, waiting for one for `patience_s` at most.

        Raises BulkheadFull if there is none by then; at once, if by the bulkhead's length and pace there won't be.
        """
        if self._slots.locked():
            self._pace.begin()
            if self.waiting >= self._max_waiting or self.expected_wait_s() > patience_s:
                self._count.inc()
                raise BulkheadFull
        self.waiting += 1
        try:
            async with asyncio.timeout(patience_s):
                await self._slots.acquire()
        except TimeoutError as error:
            self._count.inc()
            raise BulkheadFull from error
        finally:
            self.waiting -= 1

    @property
    def usual_s(self) -> float:
        """How long a request keeps its slot: the median of the last ones, 0 if there were none."""
        return sorted(self._kept_s)[len(self._kept_s) // 2] if self._kept_s else 0.0

    def expected_wait_s(self) -> float:
        """When one who comes now gets a slot. Two ways to tell, of which the better news is believed.

        By what is usual, a stall looks like nothing; by the pace, a bulkhead that has just filled looks like nothing.
        """
        place = self.waiting + 1
        return min(place * self.usual_s / self._count_of_slots, self._pace.expected_wait_s(place))

    def leave(self, kept_s: float) -> None:
        """Gives the slot back, which was kept for so long."""
        self._kept_s.append(kept_s)
        self._slots.release()
        if self.waiting:
            self._pace.left()
        else:
            self._pace.end()


class Pace:
    """How many leave a full bulkhead in a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._full_since: float | None = None
        self._buckets: deque[tuple[float, int]] = deque()
        """How many left in the half second that began then."""

    def begin(self) -> None:
        """The bulkhead is full now."""
        if self._full_since is None:
            self._full_since = self._clock()

    def end(self) -> None:
        """Nobody waits any more: what comes next tells how fast the bulkhead is."""
        self._full_since = None
        self._buckets.clear()

    def left(self) -> None:
        """One has left, and another follows."""
        now = self._clock()
        if self._buckets and now < self._buckets[-1][0] + BUCKET_S:
            began, count = self._buckets.pop()
            self._buckets.append((began, count + 1))
        else:
            self._buckets.append((now, 1))

    def expected_wait_s(self, place: int) -> float:
        """When the one in that place of the queue gets a slot, in seconds; 0 if nobody knows yet."""
        if self._full_since is None:
            return 0.0
        now = self._clock()
        since = max(self._full_since, now - WINDOW_S)
        while self._buckets and self._buckets[0][0] < since:
            self._buckets.popleft()
        left, seen_s = sum(count for _, count in self._buckets), now - since
        if seen_s < SEEN_S:
            return 0.0
        if not left:
            return float("inf") if seen_s >= WINDOW_S else 0.0
        return place * seen_s / left
