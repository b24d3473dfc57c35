"""What the controls do to a file: always something that the store can find, never to the last good copy."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bookstore_project import sqlite_files
from bookstore_project.api import problems
from bookstore_project.clock import Clock
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.files.file_identity import checkpoint
from bookstore_project.replication.sqlite_pair.locks.mutex import writer_lock
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from bookstore_project.replication.tests.support.maintenance import Maintenance, scrub_all
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal
from bookstore_project.settings import topology
from catalog_app.services import book_restock
from frontend_app.dashboard import file_faults

CATALOG = get_service("catalog")
FIRST, SECOND = topology.NODES["catalog-1"], topology.NODES["catalog-2"]


@pytest.fixture(autouse=True)
def nothing_was_damaged_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_faults, "_damaged_at", {})


@pytest.fixture
def later() -> Callable[[], float]:
    """A clock that goes so fast that no copy is left alone for long."""
    ticks = iter(range(0, 1_000_000, int(file_faults.REST_S) + 1))
    return lambda: float(next(ticks))


def flip_unseen(node: topology.Node, clock: Clock) -> None:
    """As a disk does it: the file looks as if nobody had written it."""
    path = topology.database_file(node.name)
    before = path.stat()
    file_faults.inflict("flip", node, clock=clock)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def where_its_log_begins(path: Path) -> int:
    with sqlite_files.opened(path) as connection:
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        ((page,),) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'replication_logentry'")
    return int((page - 1) * size)


@pytest.mark.parametrize("is_checkpointed", [True, False])
def test_a_flipped_byte_is_found_whatever_is_in_the_wal(
    seven_books: Path, later: Callable[[], float], is_checkpointed: bool
) -> None:
    book_restock(book_id=1, quantity=1, actor="test")
    if is_checkpointed:
        with writer_lock(CATALOG.lock_dir, timeout_s=float("inf")):
            checkpoint(CATALOG, read_witness(CATALOG.witness_file), truncate_ms=50)
    flip_unseen(SECOND, later)
    found = scrub_all(CATALOG)
    assert found["catalog-1"] == []
    assert found["catalog-2"] != []


def test_the_other_copy_is_left_alone_until_a_scrub_has_looked_at_the_flipped_one(
    seven_books: Path, later: Callable[[], float]
) -> None:
    maintenance = Maintenance(CATALOG)
    maintenance.step()  # The first round never scrubs.
    flip_unseen(SECOND, later)
    with pytest.raises(problems.Conflict, match="catalog-2 was damaged a moment ago"):
        file_faults.inflict("delete", FIRST, clock=later)
    maintenance.step()
    with pytest.raises(problems.Conflict, match="catalog-2 isn't in sync"):
        file_faults.inflict("delete", FIRST, clock=later)
    maintenance.step()
    assert_copies_equal("catalog")
    file_faults.inflict("delete", FIRST, clock=later)
    maintenance.step()
    assert_copies_equal("catalog")


def test_a_scrub_that_cannot_be_finished_is_made_up_for(
    seven_books: Path, later: Callable[[], float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between a round's look at the files and its scrub, so that the scrub is the first to meet what was done."""
    maintenance = Maintenance(CATALOG)
    maintenance.step()

    monkeypatch.setattr(file_faults, "_place_in_use", where_its_log_begins)
    file_faults.inflict("flip", SECOND, clock=later)
    with pytest.raises(Unavailable, match="catalog-2 can't be read"):
        maintenance.scrub()
    maintenance.step()
    assert_copies_equal("catalog")
    file_faults.inflict("delete", FIRST, clock=later)


def test_a_copy_that_was_damaged_may_be_damaged_again(seven_books: Path) -> None:
    for _ in range(2):
        file_faults.inflict("flip", SECOND)
    with pytest.raises(problems.Conflict, match="catalog-2"):
        file_faults.inflict("truncate", FIRST)
