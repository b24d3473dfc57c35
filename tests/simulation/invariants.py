"""What has to be true of the files at every moment, as the model has it: who is in sync has all that is settled."""

import os
import sqlite3
from collections.abc import Iterator, Set

from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from tests.chaos.checker import Violation
from tests.chaos.log_recorder import LogRecorder
from tests.databases import SERVICES, files, query
from tests.store import Store

_SETTLED = "SELECT position, hash FROM replication_logentry WHERE position <= ? ORDER BY position DESC LIMIT 1"


def broken(store: Store, service: str) -> Iterator[Violation]:
    """To be asked between two turns: nobody writes meanwhile."""
    witness = read_witness(store.data / "witness" / f"{service}.json")
    found: dict[str, tuple[int, str]] = {}
    for alias in witness.in_sync:
        rows = query(store.data / alias / f"{service}.sqlite3", _SETTLED, [witness.floor])
        found[alias] = rows[0] if rows else (-1, "")
    for alias, (position, _) in found.items():
        if position < witness.floor:
            what = f"a file is in sync, and lacks what is settled: {alias} ends at {position}, not {witness.floor}"
            yield Violation(what)
    if len({digest for position, digest in found.values() if position == witness.floor}) > 1:
        yield Violation(f"files in sync differ in what is settled: {', '.join(sorted(found))}")


class Traces:
    """By what anybody's write of a service's files or witness shows."""

    def __init__(self, store: Store, service: str) -> None:
        self._witness = store.data / "witness" / f"{service}.json"
        self._files = [f"{path}{suffix}" for path in files(store, service) for suffix in ("", "-wal")]

    def now(self) -> tuple[object, ...]:
        """The content of what is small, and of all else its times, the machine's, too. Raises OSError."""
        # The simulated `stat` hides the machine's times.
        found = [(about.st_ino, about.st_size, about.st_mtime_ns) for about in map(os.lstat, self._files)]
        return self._witness.read_bytes(), *found


class Look:
    """A recorder's, at what was written since."""

    def __init__(self, store: Store, recorder: LogRecorder) -> None:
        self._recorder, self._traces = recorder, Traces(store, recorder.service)
        self._seen: tuple[object, ...] = ()
        """How the files, and what is written down of them, were after the last one that could read them all."""

    def take(self, cuts: int) -> None:
        try:
            traces = (cuts, *self._traces.now())
        except OSError:
            traces = ()
        if (self._recorder.head, *traces) != self._seen or not traces:
            could_read = self._recorder.look()
            self._seen = (self._recorder.head, *traces) if could_read else ()


class Invariants:
    """Of one run's store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._traces = {service: Traces(store, service) for service in SERVICES}
        self._sound: dict[str, tuple[object, ...]] = {}
        """How a service's files were when they were found sound the last time."""

    def first_broken(self, spared: Set[str], cuts: int) -> Violation | None:
        """Looks only at what was written since the last time. None, too, if a file can't be read just now.

        `spared`: services of which a file was damaged. `cuts` of the power so far: what one leaves has the times of
        before.
        """
        for service in (name for name in SERVICES if name not in spared):
            try:
                now = (cuts, *self._traces[service].now())
                if now == self._sound.get(service):
                    continue
                wrong = next(broken(self._store, service), None)
            except (sqlite3.Error, OSError):
                continue
            if wrong is not None:
                return wrong
            self._sound[service] = now
        return None
