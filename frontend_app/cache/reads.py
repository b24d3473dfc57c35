"""Reading through the cache: hit, miss or bypass."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from bookstore_project.nodes import deadlines
from bookstore_project.replication.conf import replication_settings
from frontend_app.cache.coherence import Cache, Coherence, View
from frontend_app.cache.entries import CacheEntry, Ready, decode, ready
from frontend_app.cache.flights import Flight, Flights

Outcome = Literal["hit", "miss", "bypass"]
FLIGHT_WAIT_S = replication_settings.write_wait_s + 1
"""How long a reader waits for another's fetch before it makes its own: longer than one attempt at a replica."""


@dataclass(frozen=True)
class Fetched:
    """What a replica answered. `is_kept` and `is_negative` say where it may be kept; without a position nowhere."""

    entry: CacheEntry
    is_kept: bool = True
    is_negative: bool = False


@dataclass
class ReadCounters:
    """How the reads of cacheable things were answered."""

    hits: int = 0
    misses: int = 0
    bypasses: int = 0


@dataclass
class CachedReads:
    """Reads of catalog answers through a cache, coherent with the catalog."""

    coherence: Coherence
    cache: Cache
    negatives: Cache
    """For what isn't there: apart, so that made-up ids can't flush the books out of the cache."""
    _flights: Flights = field(default_factory=Flights)
    _counters: ReadCounters = field(default_factory=ReadCounters)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    found: int = 0
    """Hits of the event loop, which alone adds to it, and without a lock."""

    def counters(self) -> ReadCounters:
        with self._lock:
            return replace(self._counters, hits=self._counters.hits + self.found)

    def count(self, outcome: Outcome) -> None:
        with self._lock:
            if outcome == "hit":
                self._counters.hits += 1
            elif outcome == "miss":
                self._counters.misses += 1
            else:
                self._counters.bypasses += 1

    def judge(self, view: View, value: object) -> Ready | None:
        """What `Coherence.find` gives, for a value that was asked for after the view was taken. Counts a hit.

        For the event loop alone.
        """
        found = ready(value) if type(value) is bytes else None
        if found is not None and view.admits(found.asof, found.timeline):
            self.found += 1
            return found
        return None

    def read(self, key: str, floor_key: str, fetch: Callable[[], Fetched]) -> tuple[Outcome, CacheEntry]:
        """The entry from the cache, or from `fetch`, whose errors pass through."""
        view = self.coherence.view(floor_key)
        if not view.is_leased:
            self.count("bypass")
            return "bypass", fetch().entry
        entry = self._look(key, view)
        if entry is not None:
            return "hit", entry
        # One that is too old set out before a write: those who have to see that write share the next one.
        for _ in range(2):
            with self._flights.join(key) as (flight, is_leader):
                if is_leader:
                    return self._lead(flight, view, key, floor_key, fetch)
            brought = flight.wait(min(FLIGHT_WAIT_S, deadlines.left_s()))
            if brought is None:
                break
            if view.admits(brought.asof, brought.timeline):
                self.count("miss")
                return "miss", brought
        self.count("miss")
        return "miss", fetch().entry

    def _lead(
        self, flight: Flight, view: View, key: str, floor_key: str, fetch: Callable[[], Fetched]
    ) -> tuple[Outcome, CacheEntry]:
        # Again: while this reader looked, another's flight may have landed.
        entry = self._look(key, view)
        if entry is not None:
            flight.land(entry)
            return "hit", entry
        self.count("miss")
        fetched = fetch()
        flight.land(fetched.entry)
        self._keep(key, floor_key, fetched)
        return "miss", fetched.entry

    def _look(self, key: str, view: View) -> CacheEntry | None:
        """The entry that the view admits, counted as a hit."""
        for cache in (self.cache, self.negatives):
            entry = decode(cache.get(key))
            if entry is not None and view.admits(entry.asof, entry.timeline):
                self.count("hit")
                return entry
        return None

    def _keep(self, key: str, floor_key: str, fetched: Fetched) -> None:
        # A cheap look that spares a useless set; whether the entry counts is for its reader to say.
        entry = fetched.entry
        if not fetched.is_kept or not self.coherence.view(floor_key).admits(entry.asof, entry.timeline):
            return
        cache = self.negatives if fetched.is_negative else self.cache
        cache.set(key, entry.encode())
