"""A change that is made in an attempt, alone or together with others, and what became of it."""

import time
from collections.abc import Callable, Sequence
from contextvars import Context
from copy import copy
from dataclasses import dataclass, field
from typing import Generic, TypeVar, cast

from bookstore_project.replication.interface import Callback, Committed
from bookstore_project.replication.log.entries import Entry, RowChange

T = TypeVar("T")


@dataclass(eq=False)
class Member(Generic[T]):
    """One caller's change. Its entry, value and error count for nothing before the attempt has succeeded."""

    change: Callable[[], T]
    context: Context | None = None
    """Of its caller, if another thread may call it."""
    began: float = field(default_factory=time.monotonic)
    entry: Entry | None = None
    changes: Sequence[RowChange] = ()
    callbacks: list[Callback] = field(default_factory=list)
    """For `on_commit`."""
    error: BaseException | None = None
    _value: T | None = None
    _position: int = 0
    _timeline: str = ""

    def in_its_context(self, make: Callable[[], None]) -> None:
        if self.context is None:
            make()
        else:
            self.context.run(make)

    def reset(self) -> None:
        """All of its attempt was taken back: it is made again."""
        self.entry, self.changes, self.callbacks, self.error, self._value = None, (), [], None, None

    def has_made(self, value: T, changes: Sequence[RowChange] = (), entry: Entry | None = None) -> None:
        self._value, self.changes, self.entry = value, changes, entry

    def has_failed(self, error: BaseException) -> None:
        self.reset()
        self.error = error

    def has_failed_with_others(self, error: BaseException) -> None:
        """By an error of all: each caller raises one of its own, which others don't add to."""
        own = copy(error)
        own.__cause__ = error
        self.has_failed(own)

    def stands(self, position: int, timeline: str) -> None:
        """What it did, and what it saw, is settled: the log ends at `position`, or beyond."""
        self._position, self._timeline = self.entry.position if self.entry else position, timeline

    def outcome(self) -> Committed[T]:
        """Raises what the change raised, or what befell it."""
        if self.error is not None:
            raise self.error
        return Committed(cast("T", self._value), self._position, self._timeline, self.changes)
