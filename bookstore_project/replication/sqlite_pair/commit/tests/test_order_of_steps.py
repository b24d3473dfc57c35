"""The order of steps, each seen from the moment at which it matters: files, locks and logs that fail just then."""

import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from bookstore_project.replication import failpoints
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import OutcomeUnknown, ReplicaFault, Unavailable
from bookstore_project.replication.events import published
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.backend.base import wrapper
from bookstore_project.replication.sqlite_pair.files import verification
from bookstore_project.replication.sqlite_pair.locks.mutex import writer_lock
from bookstore_project.replication.sqlite_pair.membership import in_sync_set
from bookstore_project.replication.sqlite_pair.repair import rejoin
from bookstore_project.replication.tests.shelf.models import Note
from bookstore_project.replication.tests.shelf.services import restock
from bookstore_project.replication.tests.support.articles import price_of, reprice, witness
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

SHELF = get_service("shelf")
BOTH = ("shelf-1", "shelf-2")
NEWEST = "WHERE position = (SELECT max(position) FROM replication_logentry)"


def once(point: str, act: Callable[[], object]) -> None:
    """Does it the first time that somebody comes to this point."""

    def hook() -> None:
        del failpoints.hooks[point]
        act()

    failpoints.hooks[point] = hook


def take_out(alias: str) -> None:
    """As after a fault that tells nothing about what the file holds."""
    with writer_lock(SHELF.lock_dir) as lock:
        in_sync_set.evict(SHELF, lock, witness(), {alias: OSError("the disk was away")})


def take_the_lock_away() -> None:
    (SHELF.lock_dir / "mutex").rename(SHELF.lock_dir / "elsewhere")


def keep_a_big_answer() -> None:
    Note.objects.create(key=uuid.UUID(int=1), text="x" * 200_000)


# ------------------------------------------------------------------------------------------------- a write


def test_commits_are_synced(seven_articles: Path) -> None:
    def change() -> list[object]:
        return [wrapper(alias).connection.execute("PRAGMA synchronous").fetchone()[0] for alias in BOTH]

    full = 2  # https://sqlite.org/pragma.html#pragma_synchronous
    assert run("shelf", change).value == [full, full]


def test_what_is_sent_to_the_fronts_is_visible_already(seven_articles: Path) -> None:
    """A front that shows it sooner is ahead of another one, which hasn't forgotten the old value yet."""
    seen: list[tuple[int, int]] = []

    def look(position: int, **_: object) -> None:
        seen.append((position, floor("shelf")))

    published.connect(look, sender="shelf")
    try:
        position = reprice()
    finally:
        published.disconnect(look, sender="shelf")
    assert seen == [(position, position)]


def test_a_full_disk_costs_the_file_and_not_the_caller(seven_articles: Path) -> None:
    def fill_it() -> None:  # No more pages than it has: https://sqlite.org/pragma.html
        wrapper("shelf-1").connection.execute("PRAGMA max_page_count = 1")

    once("begun", fill_it)
    position = run("shelf", keep_a_big_answer).position
    assert witness().in_sync == ("shelf-2",)
    assert "full" in witness().out["shelf-1"].reason
    assert head("shelf-2") == position
    assert rows("shelf-2", "SELECT length(text) FROM shelf_note") == [(200_000,)]


def test_a_file_replaced_during_a_write_is_out_when_the_write_is_visible(seven_articles: Path) -> None:
    """What was committed into the file that is gone is gone with it."""
    path = replication_settings.files["shelf-2"]
    shutil.copy(path, seven_articles / "copy")
    visible_in: list[tuple[str, ...]] = []
    once("before-commit", lambda: (seven_articles / "copy").replace(path))
    failpoints.hooks["floor"] = lambda: visible_in.append(witness().in_sync)
    reprice()
    assert visible_in == [("shelf-1",)]
    with pytest.raises(Unavailable, match="shelf-2 is out of sync"):
        price_of(1, "shelf-2")
    assert price_of(1, "shelf-1")[0] == "5.00"


def test_a_commit_that_no_file_shows_is_unknown_and_not_failed(seven_articles: Path) -> None:
    def remove_both() -> None:
        for alias in BOTH:
            replication_settings.files[alias].unlink()

    before = floor("shelf")
    failpoints.hooks["before-commit"] = remove_both
    with pytest.raises(OutcomeUnknown, match="The commit failed"):
        reprice()
    assert floor("shelf") == before


def test_what_is_refused_for_want_of_a_sound_survivor_is_not_committed(
    seven_articles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dump("shelf-1")
    replication_settings.files["shelf-2"].unlink()
    monkeypatch.setattr(verification, "fault_of_whole", lambda *arguments: ReplicaFault("a page is torn"))
    with pytest.raises(Unavailable, match=r"a page is torn\. Nothing was changed"):
        reprice()
    assert dump("shelf-1") == before
    assert witness().in_sync == BOTH


def test_a_writer_whose_lock_was_taken_away_leaves_the_witness_alone(seven_articles: Path) -> None:
    """By now another writer may hold the new lock, and have written it."""
    written: list[bytes] = []

    def lose_it() -> None:
        take_the_lock_away()
        written.append(SHELF.witness_file.read_bytes())

    once("invalidated", lose_it)
    with pytest.raises(OutcomeUnknown, match="was replaced while it was held"):
        reprice()
    assert [SHELF.witness_file.read_bytes()] == written
    settle("shelf")
    assert price_of(1, "shelf-2")[0] == "5.00"
    assert_copies_equal("shelf")


def test_an_eviction_without_the_lock_changes_nothing(seven_articles: Path) -> None:
    replication_settings.files["shelf-2"].unlink()
    before, content = head("shelf-1"), SHELF.witness_file.read_bytes()
    once("evict", take_the_lock_away)
    with pytest.raises(Unavailable, match="was replaced while it was held"):
        reprice()
    assert (head("shelf-1"), SHELF.witness_file.read_bytes()) == (before, content)


@pytest.mark.processes
def test_a_damaged_entry_that_both_files_have_is_not_settled_by_it(seven_articles: Path, killed_at: KilledAt) -> None:
    """The fronts would be told to forget what the damage says, and keep the old price."""
    killed_at("committed", "from bookstore_project.replication.tests.support.articles import reprice; reprice()")
    with opened("shelf-1") as connection:
        connection.execute(f"UPDATE replication_logentry SET keys = '[]' {NEWEST}")
    settle("shelf")
    assert witness().in_sync == ("shelf-2",)
    assert "hash chain breaks" in witness().out["shelf-1"].reason


# --------------------------------------------------------------------------------------- a file that fails


def test_a_file_that_lost_its_last_page_is_not_read_though_nobody_misses_it_yet(seven_articles: Path) -> None:
    path = replication_settings.files["shelf-2"]
    run("shelf", keep_a_big_answer)
    with opened("shelf-2") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute("PRAGMA page_size").fetchone()
    reprice()
    os.truncate(path, path.stat().st_size - page)
    with pytest.raises(Unavailable, match="its file shrank"):
        price_of(1, "shelf-2")


def test_a_file_that_rejoins_has_what_was_written_until_the_last_moment(seven_articles: Path) -> None:
    take_out("shelf-2")

    def write() -> None:
        restock()

    # After each round of catching up, also the last one before the lock is taken.
    failpoints.hooks["repair-rolled-some"] = write
    rejoin.repair(SHELF)
    failpoints.hooks.clear()
    assert witness().in_sync == BOTH
    assert_copies_equal("shelf")


@pytest.mark.parametrize("written_after", [0, 1])
def test_a_damaged_entry_is_not_rolled_into_a_file_that_rejoins(seven_articles: Path, written_after: int) -> None:
    """Written after the file was verified, damaged before it is copied: only the chain tells."""

    def write_and_damage() -> None:
        restock()
        with opened("shelf-1") as connection:
            connection.execute(f"UPDATE replication_logentry SET payload = replace(payload, '51', '15') {NEWEST}")
        for _ in range(written_after):
            restock()

    take_out("shelf-2")
    once("repair-caught-up", write_and_damage)
    with pytest.raises(Unavailable, match=r"shelf-1 .*hash chain breaks"):
        rejoin.repair(SHELF)
    assert witness().in_sync == ("shelf-1",)
    assert rows("shelf-2", "SELECT quantity FROM shelf_article WHERE id = 1") == [(50,)]


def test_a_leftover_wal_is_not_taken_for_that_of_the_copy(seven_articles: Path) -> None:
    path = replication_settings.files["shelf-2"]
    reprice()
    assert path.with_name(f"{path.name}-wal").stat().st_size > 0
    path.unlink()
    reprice(2)
    rejoin.repair(SHELF)
    assert witness().in_sync == BOTH
    assert_copies_equal("shelf")


def test_no_two_files_have_the_same_nonce(seven_articles: Path) -> None:
    """Else one that is put in the other's place, or an older copy of it, would count."""
    nonces = {record.nonce for record in witness().files.values()}
    for alias in BOTH:
        replication_settings.files[alias].unlink()
        reprice()
        rejoin.repair(SHELF)
        assert rows(alias, "SELECT nonce FROM replication_incarnation") == [(witness().files[alias].nonce,)]
        nonces.add(witness().files[alias].nonce)
    assert len(nonces) == 4
