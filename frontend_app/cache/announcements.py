"""What writers have announced to a front, and may never commit: it is not to bar the cache for good."""

from collections.abc import Iterable

from frontend_app.cache.floors import Floors

MOST_ANNOUNCED = 10_000
"""Keys that are remembered from one poll to the next as announced."""


class Announcements:
    """Keys whose floors are above what is settled, for all that is known. Not thread-safe: the owner has a lock."""

    def __init__(self) -> None:
        self.pushes = 0
        """How many have been taken."""
        self._newest_push: dict[str, int] = {}
        """By key: the newest push that named it."""
        self._is_stuck = False
        """Something announced was not settled from one poll to the next: its writer may never have committed it."""

    def __len__(self) -> int:
        return len(self._newest_push)

    def note_push(self, keys: Iterable[str]) -> None:
        self.pushes += 1
        for key in keys:
            # Without a note, a floor that was raised for nothing stays until the next write: misses, no more.
            if key in self._newest_push or len(self._newest_push) < MOST_ANNOUNCED:
                self._newest_push[key] = self.pushes

    def wants_settling(self) -> bool:
        """Whether the next poll is to ask for it. Once, until a poll is answered.

        Settling takes time, and the lease mustn't run out over it.
        """
        is_stuck, self._is_stuck = self._is_stuck, False
        return is_stuck

    def take_back(self, floors: Floors, settled: int, pushes: int) -> None:
        """Lowers floors to `settled` that were raised before it, for entries that were never committed.

        A writer announces, commits and settles under one lock. That lock was free at a moment after the first
        `pushes` pushes had been taken, and the log ended at `settled`: their writers are done, or gone for good.
        """
        void = [key for key, newest in self._newest_push.items() if newest <= pushes]
        floors.lower_keys(settled, void)

    def forget_settled(self, floors: Floors, settled: int, pushes: int) -> None:
        """At the end of a poll that was sent after the first `pushes` pushes had been taken."""
        self._newest_push = {key: newest for key, newest in self._newest_push.items() if floors.of(key) > settled}
        self._is_stuck = any(newest <= pushes for newest in self._newest_push.values())

    def clear(self) -> None:
        """A new timeline: what was announced on the old one is void."""
        self._newest_push.clear()
        self._is_stuck = False
