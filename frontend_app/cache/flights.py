"""Single flight: of many that miss the same key at once, one fetches."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from frontend_app.cache.entries import CacheEntry


@dataclass
class Flight:
    """One fetch, by its leader, with those who wait for what it brings."""

    _landed: threading.Event = field(default_factory=threading.Event)
    _entry: CacheEntry | None = None

    def land(self, entry: CacheEntry) -> None:
        self._entry = entry

    def close(self) -> None:
        self._landed.set()

    def wait(self, timeout_s: float) -> CacheEntry | None:
        """What the leader brought; None if it failed, or takes too long.

        The waiter checks that it is new enough for itself: the leader may have set out before a write that the
        waiter has to see.
        """
        return self._entry if self._landed.wait(timeout_s) else None


class Flights:
    """The flights in the air, by key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_the_air: dict[str, Flight] = {}

    @contextmanager
    def join(self, key: str) -> Iterator[tuple[Flight, bool]]:
        """The key's flight, and whether the caller leads it; a leader's flight ends with the block."""
        with self._lock:
            flight = self._in_the_air.get(key)
            is_leader = flight is None
            if flight is None:
                flight = self._in_the_air[key] = Flight()
        try:
            yield flight, is_leader
        finally:
            if is_leader:
                with self._lock:
                    del self._in_the_air[key]
                flight.close()
