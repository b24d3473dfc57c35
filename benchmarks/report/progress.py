"""How far a run is, and how long it still takes."""

import time
from collections.abc import Callable, Mapping

from bookstore_project.clock import Clock


class Progress:
    """`parts`: about how many seconds each takes, in their order. What has taken longer makes all that follows
    longer."""

    def __init__(
        self,
        parts: Mapping[str, float],
        say: Callable[[str], object],
        doing: Callable[[str, Callable[[], str]], object],
        clock: Clock = time.monotonic,
    ) -> None:
        """`say` is told once what is done now; `doing`, too, with what says how far it is whenever it is asked."""
        self._parts, self._say, self._doing, self._clock = parts, say, doing, clock
        self._began = self._now_since = clock()
        self._now = ""

    def part(self, name: str) -> None:
        self._now, self._now_since = name, self._clock()

    def tell(self, what: str) -> None:
        """Of the part that is being done."""
        number = list(self._parts).index(self._now) + 1
        where = f"{number} of {len(self._parts)}, {self._now}: {what}"
        self._doing(where, self.left)
        self._say(f"{where}, {self.left()}")

    def left(self) -> str:
        seconds = self.left_s()
        about = "about" if self._clock() - self._now_since < self._parts[self._now] else "more than"
        return f"{about} {seconds:.0f} s left" if seconds < 90 else f"{about} {seconds / 60:.0f} min left"

    def left_s(self) -> float:
        names = list(self._parts)
        done = sum(self._parts[name] for name in names[: names.index(self._now)])
        here = min(self._clock() - self._now_since, self._parts[self._now])
        spent = self._clock() - self._began
        pace = max(1.0, spent / (done + here)) if spent else 1.0
        return pace * (sum(self._parts.values()) - done - here)
