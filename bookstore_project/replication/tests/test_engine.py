"""The engine knows no front: it tells the caches that it is handed, at its steps, whoever brings it to them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connections

from bookstore_project.replication import failpoints
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.engine import engine
from bookstore_project.replication.interface import NOT_ANNOUNCED, Announced, Holder, Lease, Poll
from bookstore_project.replication.log.entries import Entry
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.repair.maintenance import scrub_all
from bookstore_project.replication.tests.shelf.models import Shelf
from bookstore_project.replication.tests.support.replica_files import floor, head

SHELF = get_service("shelf")


def place() -> tuple[int, int, int]:
    """How far both files and the floor are."""
    return head("shelf-1"), head("shelf-2"), floor("shelf")


@dataclass
class Told:
    """Caches that note how far the store was when they were told."""

    announced: list[tuple[int, int, int]] = field(default_factory=list)
    invalidated: list[tuple[int, int, int]] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    stores_begun: int = 0

    def announce(self, timeline: str, entries: Sequence[Entry]) -> Announced:
        self.announced.append(place())
        return NOT_ANNOUNCED

    def invalidate(self, timeline: str, entries: Sequence[Entry], announced: Announced = NOT_ANNOUNCED) -> None:
        self.invalidated.append(place())
        self.positions += [entry.position for entry in entries]

    def deliver(self, leases: Sequence[Lease], timeline: str, entries: Sequence[Entry]) -> list[Holder]:
        return [lease.holder for lease in leases]

    def has_ended(self, lease: Lease) -> bool | None:
        return None

    def end_leases(self, leases: Sequence[Lease]) -> list[Holder]:
        return [lease.holder for lease in leases]

    def is_reachable(self, poll: Poll) -> bool:
        return True

    def renew(self, poll: Poll, asked: float) -> bool:
        return True

    def listeners(self) -> list[Lease]:
        return []

    def begin(self) -> None:
        assert not SHELF.witness_file.exists(), "somebody may use the store already"
        self.stores_begun += 1


def write(told: Told) -> int:
    make = partial(Shelf.objects.create, name=str(uuid4()))
    committed, _ = engine.write(SHELF, make, told, timeout_s=5, in_group=False)
    return committed.position


def test_the_caches_are_told_between_the_commits_and_the_floor(empty_store: Path) -> None:
    told, before = Told(), floor("shelf")
    position = write(told)
    assert told.announced == [(before, before, before)]
    assert told.invalidated == [(position, position, before)]
    assert place() == (position, position, position)


def look(told: Told) -> None:
    with engine.read(SHELF, "shelf-2", (), told):
        assert Shelf.objects.using("shelf-2").exists()


class Killed(BaseException):
    """As kill -9 ends a writer."""


def killed() -> None:
    raise Killed


WAYS: dict[str, Callable[[Told], object]] = {
    "write": write,
    "read": look,
    "scrub": lambda told: scrub_all(SHELF, told),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_a_dead_writer_left_is_told_by_whoever_finishes_it(empty_store: Path, way: str) -> None:
    failpoints.hooks["committed"] = killed
    with pytest.raises(Killed):
        write(Told())
    failpoints.hooks.clear()
    left = head("shelf-1")
    told = Told()
    WAYS[way](told)
    assert told.positions[0] == left
    assert told.invalidated[0] == (left, left, left - 1)
    assert floor("shelf") == max(told.positions)


def test_a_store_that_begins_says_so_before_anybody_can_use_it(empty_store: Path) -> None:
    connections.close_all()
    for alias in SHELF.aliases:
        for leftover in replication_settings.files[alias].parent.glob("shelf.sqlite3*"):
            leftover.unlink()
    SHELF.witness_file.unlink()
    told = Told()
    call_command(engine.migrate_command(told), database="shelf-1", verbosity=0)
    assert told.stores_begun == 1
    assert write(told)
