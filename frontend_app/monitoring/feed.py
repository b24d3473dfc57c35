"""What happens at a front, for whoever watches it live: bounded, and next to free while nobody does.

Whoever knows of something puts it in, from any thread; one reader on the event loop takes it out
(`picture.audience`). Nothing in it says what was asked for, or by whom: routes are patterns, and cache keys are
counted by their kind.
"""

import threading
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bookstore_project.nodes import metrics
from frontend_app.monitoring.trace import ShownStep

INBOX = 1000
"""Things that wait for the reader, who comes ten times a second; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Call:
    """To a replica."""

    node: str
    method: str
    result: str
    """A status, or how it failed."""
    took_ms: float

    @property
    def is_answered(self) -> bool:
        return self.result.isdecimal() and int(self.result) < 500


@dataclass(frozen=True, slots=True)
class Answered:
    """A request that this front has answered."""

    method: str
    route: str
    """The pattern."""
    status: int
    cache: str
    """As in X-Cache."""
    took_ms: float
    calls: Sequence[Call] = ()
    count: int = 1
    """Itself and those like it that it stands for."""
    request_id: str = field(default="", repr=False)
    """To find what was pushed on its behalf. Not told."""


@dataclass(frozen=True, slots=True)
class Invalidated:
    """A push of a catalog replica that dropped something."""

    position: int
    kinds: Counter[str]
    """How many keys of each kind."""
    replica: str = ""
    """Whose writer pushed it; empty if the push didn't say."""
    request_id: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that became of a node."""

    kind: str
    """Such as `left`, `back`, `repaired-by-log`: see `journal.Journal.event`."""
    node: str
    text: str


Item = Answered | Invalidated | Happened


class Feed:
    """Between those who know and the one who tells."""

    def __init__(self) -> None:
        self.is_wanted = False
        """Whether anybody watches. Whoever knows something looks here first: that is all it costs otherwise."""
        self._items: deque[Item] = deque(maxlen=INBOX)
        self._answered = 0
        self._lock = threading.Lock()

    def put(self, item: Item) -> None:
        if not self.is_wanted:
            return
        with self._lock:
            self._items.append(item)
            if type(item) is Answered:
                self._answered += item.count

    def take(self) -> tuple[list[Item], int]:
        """What was put in since the last time, in order, and how many requests were answered, those left out, too."""
        with self._lock:
            items, self._items = self._items, deque(maxlen=INBOX)
            answered, self._answered = self._answered, 0
        return list(items), answered

    def pushed(self, invalidate: Iterable[tuple[int, Sequence[str]]], replica: str, request_id: str) -> None:
        """A push that was taken: its positions, each with keys, and who sent it."""
        if not self.is_wanted:
            return
        for position, keys in invalidate:
            if keys:
                self.put(Invalidated(position, Counter(kind_of(key) for key in keys), replica, request_id))


def kind_of(key: str) -> str:
    """`book` of `book:7`, `topic` of `page:2:20:topic:…`: what a cache key is about, and no more."""
    kind, _, rest = key.partition(":")
    if kind == "page":
        kind = rest.split(":", 3)[2] if rest.count(":") > 2 else ""
    return kind if kind.isascii() and kind.isalpha() and len(kind) <= 20 else metrics.OTHER


def calls_of(steps: Iterable[ShownStep]) -> tuple[Call, ...]:
    """Without the addresses."""
    return tuple(
        Call(step["node"], step["call"].partition(" ")[0], step["result"], step["took_ms"]) for step in steps
    )
