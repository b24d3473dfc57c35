"""The settled log of the catalog, written down from outside while it grows.

What is settled is never taken back: at the end both files' logs have to be what stands here. And it says how each
book has changed, also where the store has compacted its log meanwhile.
"""

import hashlib
import json
import sqlite3
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from tests.chaos.checker import Step
from tests.chaos.history import State
from tests.databases import Place, places, query
from tests.store import Store

LOOK_EVERY_S = 0.5
ENTRIES = "SELECT position, epoch, payload, keys, hash FROM replication_logentry WHERE position > ? ORDER BY position"


@dataclass(frozen=True)
class RecordedEntry:
    """A log entry as it stands in the table."""

    position: int
    epoch: int
    payload: str
    keys: str
    hash: str

    def follows(self, previous_hash: str) -> bool:
        text = f"{previous_hash}|{self.position}|{self.epoch}|{self.payload}|{self.keys}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() == self.hash


class LogRecorder(threading.Thread):
    """Follows one service's log until it is told to end."""

    def __init__(self, store: Store, service: str) -> None:
        super().__init__(daemon=True, name=f"recorder of {service}")
        self._store = store
        self.service = service
        self._ended = threading.Event()
        self._guard = threading.RLock()
        self.entries: list[RecordedEntry] = []
        self.given_up: list[RecordedEntry] = []
        """What was settled, and taken back on an operator's decision."""

    @property
    def head(self) -> int:
        return self.entries[-1].position if self.entries else -1

    def run(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            self.look()

    def end(self) -> None:
        self._ended.set()
        self.join()
        self.look()

    def look(self) -> bool:
        """Adds what has been settled since, from the first file that tells it and is to be believed.

        Gives whether all files to be believed could be read.
        """
        failed = 0
        with self._guard, suppress(Unavailable, OSError):
            for place, floor in self._settled():
                failed += 1
                with suppress(sqlite3.Error):
                    self._add(place, floor)
                    failed -= 1
            return not failed
        return False

    def _settled(self) -> Iterator[tuple[Place, float]]:
        """What can be believed, and up to which entry. A server's commits are never taken back by its restart."""
        found = places(self._store, self.service)
        if len(found) == 1:
            yield found[0], float("inf")
            return
        witness = read_witness(self._store.data / "witness" / f"{self.service}.json")
        for alias in witness.in_sync:
            yield self._store.data / alias / f"{self.service}.sqlite3", witness.floor

    @contextmanager
    def held(self) -> Iterator[Callable[[int], None]]:
        """Writes nothing down in the block; what it gives takes back all that was written down beyond a position."""
        with self._guard:
            yield self._cut

    def _cut(self, position: int) -> None:
        self.given_up += [entry for entry in self.entries if entry.position > position]
        self.entries = [entry for entry in self.entries if entry.position <= position]

    def _add(self, path: Place, floor: float) -> None:
        for row in query(path, ENTRIES, [self.head]):
            entry = RecordedEntry(*row)
            if entry.position > floor or entry.position != self.head + 1:
                return
            # A file that was damaged a moment ago may say anything; the hash tells.
            if self.entries and not entry.follows(self.entries[-1].hash):
                return
            self.entries.append(entry)


def steps_of(entries: list[RecordedEntry], given_up_to: int) -> dict[int, list[Step]]:
    """Each book's versions, oldest first; those up to that position were there before the run."""
    found: dict[int, list[Step]] = defaultdict(list)
    for entry in entries:
        rows = json.loads(entry.payload)
        ledger = [row["row"] for row in rows if row["table"] == "catalog_app_ledgerentry" and row["row"]]
        for row in rows:
            if row["table"] == "catalog_app_book" and row["row"]:
                found[row["key"]].append(_step(row["row"], ledger, is_given=entry.position <= given_up_to))
    return found


def _step(image: dict[str, Any], ledger: list[dict[str, Any]], *, is_given: bool) -> Step:
    explained = [row for row in ledger if row["book_id"] == image["id"]]
    return Step(
        State(image["version"], image["quantity"], price_text(image["price"])),
        sum(row["change"] for row in explained),
        tuple(str(uuid.UUID(row["order"])) for row in explained if row["order"] and not row.get("cancellation")),
        tuple(row["actor"] for row in explained if row["actor"]),
        is_given,
        tuple((row["cancellation"], str(uuid.UUID(row["order"]))) for row in explained if row.get("cancellation")),
    )


def price_text(price: object) -> str:
    """A price as answers show it."""
    return str(Decimal(str(price)).quantize(Decimal("0.01")))
