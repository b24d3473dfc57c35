"""What has to be true of the files at every moment, as the model has it: who is in sync has all that is settled."""

import os
import sqlite3
from collections.abc import Iterator, Set

from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from tests.chaos.checker import Violation
from tests.databases import SERVICES, files, query
from tests.store import Store

_SETTLED = "SELECT position, hash FROM replication_logentry WHERE position <= ? ORDER BY position DESC LIMIT 1"


def broken(store: Store, spared: Set[str] = frozenset()) -> Iterator[Violation]:
    """To be asked between two turns: nobody writes meanwhile. `spared`: services of which a file was damaged."""
    for service in (name for name in SERVICES if name not in spared):
        witness = read_witness(store.data / "witness" / f"{service}.json")
        found: dict[str, tuple[int, str]] = {}
        for alias in witness.in_sync:
            rows = query(store.data / alias / f"{service}.sqlite3", _SETTLED, [witness.floor])
            found[alias] = rows[0] if rows else (-1, "")
        for alias, (position, _) in found.items():
            if position < witness.floor:
                what = (
                    f"a file is in sync, and lacks what is settled: {alias} ends at {position}, not {witness.floor}"
                )
                yield Violation(what)
        if len({digest for position, digest in found.values() if position == witness.floor}) > 1:
            yield Violation(f"files in sync differ in what is settled: {', '.join(sorted(found))}")


class Invariants:
    """Of one run's store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sound: tuple[object, ...] = ()
        """How its files were when they were found sound the last time."""

    def first_broken(self, spared: Set[str], cuts: int) -> Violation | None:
        """Looks only at what was written since the last time. None, too, if a file can't be read just now.

        `cuts` of the power so far: what one leaves has the times of before.
        """
        try:
            now = (cuts, *sorted(spared), *self._traces(spared))
            if now == self._sound:
                return None
            wrong = next(broken(self._store, spared), None)
        except (sqlite3.Error, OSError):
            return None
        self._sound = () if wrong else now
        return wrong

    def _traces(self, spared: Set[str]) -> Iterator[object]:
        """By what anybody's write of a file shows: its content, if it is small, or its times, the machine's, too."""
        for service in (name for name in SERVICES if name not in spared):
            yield (self._store.data / "witness" / f"{service}.json").read_bytes()
            for path in files(self._store, service):
                for suffix in ("", "-wal"):
                    about = os.lstat(f"{path}{suffix}")  # The simulated `stat` hides the machine's times.
                    yield about.st_ino, about.st_size, about.st_mtime_ns
