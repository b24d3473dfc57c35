"""The order of steps, each seen from the moment at which it matters: files, locks and logs that fail just then."""

import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from bookstore_project.replication import failpoints
from bookstore_project.replication.errors import OutcomeUnknown, ReplicaFault, Unavailable
from bookstore_project.replication.events import published
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.backend.base import wrapper
from bookstore_project.replication.sqlite_pair.files import verification
from bookstore_project.replication.sqlite_pair.locks.mutex import writer_lock
from bookstore_project.replication.sqlite_pair.membership import in_sync_set
from bookstore_project.replication.sqlite_pair.membership.witness import Witness, read_witness
from bookstore_project.replication.sqlite_pair.repair import rejoin
from bookstore_project.replication.tests.support.books import price_of, reprice
from bookstore_project.replication.tests.support.replica_files import (
    KilledAt,
    assert_copies_equal,
    dump,
    floor,
    head,
    opened,
    rows,
)
from bookstore_project.replication.transaction import run, settle
from bookstore_project.settings import topology
from catalog_app.models import KeyedAnswer
from catalog_app.services import book_restock

CATALOG = get_service("catalog")
BOTH = ("catalog-1", "catalog-2")
NEWEST = "WHERE position = (SELECT max(position) FROM replication_logentry)"


def witness() -> Witness:
    return read_witness(CATALOG.witness_file)


def once(point: str, act: Callable[[], object]) -> None:
    """Does it the first time that somebody comes to this point."""

    def hook() -> None:
        del failpoints.hooks[point]
        act()

    failpoints.hooks[point] = hook


def take_out(alias: str) -> None:
    """As after a fault that tells nothing about what the file holds."""
    with writer_lock(CATALOG.lock_dir) as lock:
        in_sync_set.evict(CATALOG, lock, witness(), {alias: OSError("the disk was away")})


def take_the_lock_away() -> None:
    (CATALOG.lock_dir / "mutex").rename(CATALOG.lock_dir / "elsewhere")


def keep_a_big_answer() -> None:
    KeyedAnswer.objects.create(key=uuid.UUID(int=1), fingerprint="f", status=200, body="x" * 200_000)


# ------------------------------------------------------------------------------------------------- a write


def test_commits_are_synced(seven_books: Path) -> None:
    def change() -> list[object]:
        return [wrapper(alias).connection.execute("PRAGMA synchronous").fetchone()[0] for alias in BOTH]

    full = 2  # https://sqlite.org/pragma.html#pragma_synchronous
    assert run("catalog", change).value == [full, full]


def test_what_is_sent_to_the_fronts_is_visible_already(seven_books: Path) -> None:
    """A front that shows it sooner is ahead of another one, which hasn't forgotten the old value yet."""
    seen: list[tuple[int, int]] = []

    def look(position: int, **_: object) -> None:
        seen.append((position, floor("catalog")))

    published.connect(look, sender="catalog")
    try:
        position = reprice()
    finally:
        published.disconnect(look, sender="catalog")
    assert seen == [(position, position)]


def test_a_full_disk_costs_the_file_and_not_the_caller(seven_books: Path) -> None:
    def fill_it() -> None:  # No more pages than it has: https://sqlite.org/pragma.html
        wrapper("catalog-1").connection.execute("PRAGMA max_page_count = 1")

    once("begun", fill_it)
    position = run("catalog", keep_a_big_answer).position
    assert witness().in_sync == ("catalog-2",)
    assert "full" in witness().out["catalog-1"].reason
    assert head("catalog-2") == position
    assert rows("catalog-2", "SELECT length(body) FROM catalog_app_keyedanswer") == [(200_000,)]


def test_a_file_replaced_during_a_write_is_out_when_the_write_is_visible(seven_books: Path) -> None:
    """What was committed into the file that is gone is gone with it."""
    path = topology.database_file("catalog-2")
    shutil.copy(path, seven_books / "copy")
    visible_in: list[tuple[str, ...]] = []
    once("before-commit", lambda: (seven_books / "copy").replace(path))
    failpoints.hooks["floor"] = lambda: visible_in.append(witness().in_sync)
    reprice()
    assert visible_in == [("catalog-1",)]
    with pytest.raises(Unavailable, match="catalog-2 is out of sync"):
        price_of(1, "catalog-2")
    assert price_of(1, "catalog-1")[0] == "5.00"


def test_a_commit_that_no_file_shows_is_unknown_and_not_failed(seven_books: Path) -> None:
    def remove_both() -> None:
        for alias in BOTH:
            topology.database_file(alias).unlink()

    before = floor("catalog")
    failpoints.hooks["before-commit"] = remove_both
    with pytest.raises(OutcomeUnknown, match="The commit failed"):
        reprice()
    assert floor("catalog") == before


def test_what_is_refused_for_want_of_a_sound_survivor_is_not_committed(
    seven_books: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dump("catalog-1")
    topology.database_file("catalog-2").unlink()
    monkeypatch.setattr(verification, "fault_of_whole", lambda *arguments: ReplicaFault("a page is torn"))
    with pytest.raises(Unavailable, match=r"a page is torn\. Nothing was changed"):
        reprice()
    assert dump("catalog-1") == before
    assert witness().in_sync == BOTH


def test_a_writer_whose_lock_was_taken_away_leaves_the_witness_alone(seven_books: Path) -> None:
    """By now another writer may hold the new lock, and have written it."""
    written: list[bytes] = []

    def lose_it() -> None:
        take_the_lock_away()
        written.append(CATALOG.witness_file.read_bytes())

    once("invalidated", lose_it)
    with pytest.raises(OutcomeUnknown, match="was replaced while it was held"):
        reprice()
    assert [CATALOG.witness_file.read_bytes()] == written
    settle("catalog")
    assert price_of(1, "catalog-2")[0] == "5.00"
    assert_copies_equal("catalog")


def test_an_eviction_without_the_lock_changes_nothing(seven_books: Path) -> None:
    topology.database_file("catalog-2").unlink()
    before, content = head("catalog-1"), CATALOG.witness_file.read_bytes()
    once("evict", take_the_lock_away)
    with pytest.raises(Unavailable, match="was replaced while it was held"):
        reprice()
    assert (head("catalog-1"), CATALOG.witness_file.read_bytes()) == (before, content)


@pytest.mark.processes
def test_a_damaged_entry_that_both_files_have_is_not_settled_by_it(seven_books: Path, killed_at: KilledAt) -> None:
    """The fronts would be told to forget what the damage says, and keep the old price."""
    killed_at("committed", "from bookstore_project.replication.tests.support.books import reprice; reprice()")
    with opened("catalog-1") as connection:
        connection.execute(f"UPDATE replication_logentry SET keys = '[]' {NEWEST}")
    settle("catalog")
    assert witness().in_sync == ("catalog-2",)
    assert "hash chain breaks" in witness().out["catalog-1"].reason


# --------------------------------------------------------------------------------------- a file that fails


def test_a_file_that_lost_its_last_page_is_not_read_though_nobody_misses_it_yet(seven_books: Path) -> None:
    path = topology.database_file("catalog-2")
    run("catalog", keep_a_big_answer)
    with opened("catalog-2") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute("PRAGMA page_size").fetchone()
    reprice()
    os.truncate(path, path.stat().st_size - page)
    with pytest.raises(Unavailable, match="its file shrank"):
        price_of(1, "catalog-2")


def test_a_file_that_rejoins_has_what_was_written_until_the_last_moment(seven_books: Path) -> None:
    take_out("catalog-2")

    def write() -> None:
        book_restock(book_id=1, quantity=1, actor="test")

    # After each round of catching up, also the last one before the lock is taken.
    failpoints.hooks["repair-rolled-some"] = write
    rejoin.repair(CATALOG)
    failpoints.hooks.clear()
    assert witness().in_sync == BOTH
    assert_copies_equal("catalog")


@pytest.mark.parametrize("written_after", [0, 1])
def test_a_damaged_entry_is_not_rolled_into_a_file_that_rejoins(seven_books: Path, written_after: int) -> None:
    """Written after the file was verified, damaged before it is copied: only the chain tells."""

    def write_and_damage() -> None:
        book_restock(book_id=1, quantity=1, actor="test")
        with opened("catalog-1") as connection:
            connection.execute(f"UPDATE replication_logentry SET payload = replace(payload, '51', '15') {NEWEST}")
        for _ in range(written_after):
            book_restock(book_id=1, quantity=1, actor="test")

    take_out("catalog-2")
    once("repair-caught-up", write_and_damage)
    with pytest.raises(Unavailable, match=r"catalog-1 .*hash chain breaks"):
        rejoin.repair(CATALOG)
    assert witness().in_sync == ("catalog-1",)
    assert rows("catalog-2", "SELECT quantity FROM catalog_app_book WHERE id = 1") == [(50,)]


def test_a_leftover_wal_is_not_taken_for_that_of_the_copy(seven_books: Path) -> None:
    path = topology.database_file("catalog-2")
    reprice()
    assert path.with_name(f"{path.name}-wal").stat().st_size > 0
    path.unlink()
    reprice(2)
    rejoin.repair(CATALOG)
    assert witness().in_sync == BOTH
    assert_copies_equal("catalog")


def test_no_two_files_have_the_same_nonce(seven_books: Path) -> None:
    """Else one that is put in the other's place, or an older copy of it, would count."""
    nonces = {record.nonce for record in witness().files.values()}
    for alias in BOTH:
        topology.database_file(alias).unlink()
        reprice()
        rejoin.repair(CATALOG)
        assert rows(alias, "SELECT nonce FROM replication_incarnation") == [(witness().files[alias].nonce,)]
        nonces.add(witness().files[alias].nonce)
    assert len(nonces) == 4
