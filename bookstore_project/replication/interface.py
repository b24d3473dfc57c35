"""What the engine that keeps the rows and the rest of the package hand to one another."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from types import MappingProxyType
from typing import Protocol

from bookstore_project.replication.log.entries import Entry

Announced = Mapping[tuple[str, str], "Future[bool]"]
"""By front and instance of its process: whether it has taken what was announced."""
NOT_ANNOUNCED: Announced = MappingProxyType({})


class Caches(Protocol):
    """The fronts' caches, as a writer tells them: see `invalidation.pushes`."""

    def announce(self, timeline: str, entry: Entry) -> Announced:
        """Begins to tell them of an entry that is about to be committed; waits for nobody."""

    def invalidate(self, timeline: str, entries: Sequence[Entry], announced: Announced = NOT_ANNOUNCED) -> None:
        """Returns when nobody gives an answer any more that is older than the entries, which are committed."""

    def begin(self) -> None:
        """Of a store that begins: puts on record that no front holds a lease."""
