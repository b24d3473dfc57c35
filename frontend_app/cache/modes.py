"""A front's cache without the protocol: for experiments that show what leases and floors are for.

See DESIGN.md beside this file for what each mode loses.
"""

from dataclasses import dataclass
from typing import ClassVar

from bookstore_project.settings import modes
from frontend_app.cache.coherence import Cache, Coherence, View
from frontend_app.cache.entries import CacheEntry, Ready, ready
from frontend_app.cache.messages import PollAnswer, Push, SentPoll


class _AnyEntry(View):
    """Whatever is in the cache may be used."""

    __slots__ = ()

    def admits(self, asof: int, timeline: str) -> bool:
        return True


_UNCHECKED = _AnyEntry(is_leased=True, timeline=None, floor=0)


@dataclass
class TimeoutAlone(Coherence):
    """The mode `none`: an entry is good until it expires, whatever happens to the book."""

    mode: ClassVar[str] = modes.NONE

    def view(self, key: str) -> View:
        return _UNCHECKED

    def find(self, cache: Cache, key: str, floor_key: str) -> Ready | None:
        value = cache.get(key)
        return ready(value) if type(value) is bytes else None

    def pushed(self, push: Push) -> list[str] | None:
        return []

    def end_lease(self) -> bool:
        """There is none, and the cache goes on."""
        return False

    def polled(self, poll: SentPoll, answer: PollAnswer) -> None:
        """Nothing is asked for: there is no lease."""


@dataclass
class PushAlone(TimeoutAlone):
    """The mode `push`, the usual way: a change deletes the entry, and sets the new one."""

    mode: ClassVar[str] = modes.PUSH

    def pushed(self, push: Push) -> list[str] | None:
        wanted = self._delete(key for change in push.invalidate for key in change.keys)
        self._set((key, CacheEntry(at, push.timeline, push.replica, body)) for at, key, body in push.sets)
        with self._lock:
            for change in push.invalidate:
                self.invalidation_log.add(change)
        return wanted


CLASSES: dict[str, type[Coherence]] = {each.mode: each for each in (Coherence, PushAlone, TimeoutAlone)}
