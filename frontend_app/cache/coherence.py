"""Keeps a front's cache coherent with the catalog: pushes, polls, leases, floors.

The reader decides. An entry counts only with a valid lease, on today's timeline, at or above its key's floor,
checked in that order. So a stale set, a lost delete or a cache restored from a backup is a miss, never a wrong
answer, and the cache itself needs no more than `get`, `set` and `delete`.

Why the order matters: a writer waits for every front that has a lease before its write becomes visible. A front
that was cut off has no lease when the writer stops waiting; one that has a lease has the floors as well, since a
poll raises them first and grants the lease then.
"""

import threading
import time
import uuid
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol

from bookstore_project.clock import Clock
from bookstore_project.settings import modes
from frontend_app.cache.announcements import Announcements
from frontend_app.cache.awaited import Awaited
from frontend_app.cache.entries import READY, CacheEntry, Ready, ready
from frontend_app.cache.floors import Floors
from frontend_app.cache.messages import Invalidation, PollAnswer, Push, SentPoll

RECENT_KEPT = 20


class Cache(Protocol):
    """What is used of Django's cache interface."""

    def get(self, key: str) -> Any: ...

    def set(self, key: str, value: Any) -> None: ...

    def delete(self, key: str) -> Any: ...


class PushedInvalidation(NamedTuple):
    """Told of by a push, at a time in epoch seconds."""

    at: float
    position: int
    keys: tuple[str, ...]


@dataclass
class InvalidationLog:
    """What pushes have invalidated, for people."""

    keys: int = 0
    """How many, one by one."""
    recent: deque[PushedInvalidation] = field(default_factory=lambda: deque(maxlen=RECENT_KEPT))
    """The newest first."""

    def add(self, change: Invalidation) -> None:
        self.keys += len(change.keys)
        self.recent.appendleft(PushedInvalidation(time.time(), change.position, tuple(change.keys)))


class View(NamedTuple):
    """One look at the state: whether the cache may be used now, and what an entry of the key must reach."""

    is_leased: bool
    timeline: str | None
    floor: int

    def admits(self, asof: int, timeline: str) -> bool:
        """Whether an entry of then is new enough: what everything rests on. `find` has it written out."""
        return timeline == self.timeline and asof >= self.floor


class History(NamedTuple):
    """A timeline, None before the first poll, and the floors of its keys."""

    timeline: str | None
    floors: Floors


@dataclass
class Coherence:
    """The state of one front. Thread-safe; nothing slow happens under its lock."""

    mode: ClassVar[str] = modes.FULL
    """The value of BOOKSTORE_COHERENCE for which it stands."""
    caches: Sequence[Cache]
    """All caches that hold entries; the first takes the entries that are pushed."""
    lease_s: float
    clock: Clock = time.monotonic
    instance: str = field(default_factory=lambda: uuid.uuid4().hex)
    history: History = field(default_factory=lambda: History(None, Floors()))
    """Replaced as a whole, so that a reader who takes it once needs no lock."""
    position: int | None = None
    """Every change at or below it has raised its keys' floors."""
    confirmed: list[Any] | None = None
    """Position and hash of the newest entry in doubt that has raised its floors."""
    lease_until: float = float("-inf")
    term: int = 0
    """How many leases were given up before their time."""
    invalidation_log: InvalidationLog = field(default_factory=InvalidationLog)
    announcements: Announcements = field(default_factory=Announcements)
    awaited: Awaited = field(default_factory=Awaited)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def view(self, key: str) -> View:
        """For the reader of an entry, before it gets the entry. Takes no lock: the event loop asks, too."""
        # The lease is looked at first: floors that are raised after that only make the check stricter.
        is_leased = self.clock() < self.lease_until
        timeline, floors = self.history
        return View(is_leased, timeline, floors.of(key))

    def find(self, cache: Cache, key: str, floor_key: str) -> Ready | None:
        """The entry that may be served now: what a reader does with `view` and `admits`, without the calls.

        A hit is to cost about as much as the web server itself, and each call is a hundredth of that.
        """
        if self.clock() >= self.lease_until:
            return None
        timeline, floors = self.history
        floor = floors.of(floor_key)
        value = cache.get(key)
        if type(value) is not bytes:
            return None
        found = READY.known.get(value) or ready(value)
        if found is not None and found.timeline == timeline and found.asof >= floor:
            return found
        return None

    @property
    def timeline(self) -> str | None:
        return self.history.timeline

    @property
    def floors(self) -> Floors:
        return self.history.floors

    @property
    def is_in_doubt(self) -> bool:
        return self.confirmed is not None

    def pushed(self, push: Push) -> list[str] | None:
        """Takes a push. When this returns a list, nobody is served from an entry that the push invalidates.

        The list: of what it invalidates, those keys whose new answers are wanted, because the old ones were kept.
        None if it invalidates something on a timeline that isn't this front's (a front that begins has none): then
        its writer has to wait for a poll that tells of it. A poll's answer that is under way may not.
        """
        with self._lock:
            if self.timeline is None or push.timeline != self.timeline:
                return None if push.invalidate else []
            self.announcements.note_push(key for change in push.invalidate for key in change.keys)
            for change in push.invalidate:
                self.floors.raise_keys(change.position, change.keys)
                self.invalidation_log.add(change)
            fresh = [(key, CacheEntry(at, push.timeline, push.replica, body)) for at, key, body in push.sets]
            fresh = [(key, entry) for key, entry in fresh if entry.asof >= self.floors.of(key)]
        # Outside the lock, as a cache may be slow: the floors have made the old entries worthless already.
        wanted = self._delete(key for change in push.invalidate for key in change.keys)
        if push.replica:
            self._set(fresh)
        return wanted

    def _delete(self, keys: Iterable[str]) -> list[str]:
        """The first step of an update, before the write is visible: the old answers go. Whose new ones are wanted.

        A cache that doesn't say whether it had an answer may have had it.
        """
        wanted = []
        for key in keys:
            answers = [cache.delete(key) for cache in self.caches]
            was_kept = any(answer is not False for answer in answers)
            if self.awaited.dropped(key, was_kept=was_kept):
                wanted.append(key)
        return wanted

    def _set(self, entries: Iterable[tuple[str, CacheEntry]]) -> None:
        """The second one, after the write: the new answers come, so that the next reader finds them."""
        for key, entry in entries:
            self.caches[0].set(key, entry.encode())
            self.awaited.came(key)

    def end_lease(self) -> bool:
        """When this returns True, nobody is served from the cache before a poll that is sent later brings a lease."""
        with self._lock:
            self.term += 1
            self.lease_until = float("-inf")
        return True

    def next_poll(self) -> SentPoll:
        with self._lock:
            return SentPoll(
                self.clock(),
                self.timeline,
                self.position,
                self.confirmed,
                self.term,
                self.announcements.pushes,
                self.announcements.wants_settling(),
            )

    def polled(self, poll: SentPoll, answer: PollAnswer) -> None:
        """Takes the answer to a poll: floors first, then the lease. One poll at a time."""
        with self._lock:
            if answer.timeline != self.timeline:
                self._begin_anew(answer.timeline)
                if not answer.is_base:
                    return  # It was asked with another timeline's position: ask again.
            if answer.is_base or self.position is None:
                if not answer.is_base:
                    return
                self.floors.raise_base(answer.position)
            if answer.settled is not None:
                self.announcements.take_back(self.floors, answer.settled, poll.pushes)
            for change in (*answer.changes, *answer.doubts):
                self.floors.raise_keys(change.position, change.keys)
            self.position = max(self.position or 0, answer.position)
            newest = answer.doubts[-1] if answer.doubts else None
            self.confirmed = [newest.position, newest.hash] if newest else None
            self.announcements.forget_settled(self.floors, self.position, poll.pushes)
            # One of a poll that was sent before a lease was given up may be just that lease.
            if answer.is_renewed and poll.term == self.term:
                self.lease_until = max(self.lease_until, poll.sent_at + self.lease_s)

    def _begin_anew(self, timeline: str) -> None:
        # The lease first: whoever finds one valid after this finds the new floors as well.
        self.lease_until = float("-inf")
        self.history = History(timeline, Floors(self.floors.limit))
        self.position = None
        self.confirmed = None
        self.announcements.clear()
