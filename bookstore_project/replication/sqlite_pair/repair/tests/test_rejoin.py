"""A file that is out of sync comes back, by its log or by a verified copy, whatever interrupts it."""

import os
import shutil
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from django.test import Client

from bookstore_project.replication import failpoints, maintenance_log
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.files import backup_copy, file_identity, scrub
from bookstore_project.replication.sqlite_pair.locks.mutex import writer_lock
from bookstore_project.replication.sqlite_pair.operator import quarantine
from bookstore_project.replication.sqlite_pair.repair import rejoin
from bookstore_project.replication.tests.shelf.services import restock
from bookstore_project.replication.tests.support.articles import witness
from bookstore_project.replication.tests.support.maintenance import Maintenance, scrub_all
from bookstore_project.replication.tests.support.replica_files import (
    KilledAt,
    assert_copies_equal,
    change_around,
    held,
    opened,
)
from tests.actors import Actor
from tests.configured import replication

SHELF = get_service("shelf")


def evict_the_second() -> None:
    """A lock that another program holds, for longer than a writer waits."""
    with held("shelf-2"):
        restock()
    assert witness().in_sync == ("shelf-1",)
    assert "locked" in witness().out["shelf-2"].reason


def test_a_file_that_was_locked_for_a_while_rejoins_by_its_log(seven_articles: Path) -> None:
    before = witness().epoch
    evict_the_second()
    restock(quantity=5)
    (repaired,) = rejoin.repair(SHELF)
    assert (repaired.alias, repaired.means, repaired.entries) == ("shelf-2", "log", 2)
    assert witness().epoch == before + 2  # Out, and in.
    assert witness().in_sync == ("shelf-1", "shelf-2")
    assert witness().out == {}
    assert_copies_equal("shelf")


def test_a_deleted_file_is_rebuilt_from_the_other(seven_articles: Path) -> None:
    before = witness().epoch
    replication_settings.files["shelf-1"].unlink()
    restock()
    (repaired,) = rejoin.repair(SHELF)
    assert (repaired.alias, repaired.means) == ("shelf-1", "copy")
    assert witness().epoch == before + 3  # Out; the new file is known; in.
    restock()
    assert_copies_equal("shelf")


def test_a_file_at_fault_is_found_and_rebuilt_though_nobody_writes(seven_articles: Path) -> None:
    shutil.copy(replication_settings.files["shelf-1"], seven_articles / "copy")
    (seven_articles / "copy").replace(replication_settings.files["shelf-2"])
    Maintenance(SHELF).step()
    assert_copies_equal("shelf")
    assert witness().in_sync == ("shelf-1", "shelf-2")


def test_the_old_file_is_kept_aside(seven_articles: Path) -> None:
    path = replication_settings.files["shelf-2"]
    path.write_bytes(b"garbage" * 1000)
    restock()
    rejoin.repair(SHELF)
    (aside,) = quarantine.quarantined("shelf-2")
    assert aside.path.read_bytes().startswith(b"garbage")


def test_a_file_with_a_damaged_row_is_not_let_in_by_its_log(seven_articles: Path) -> None:
    evict_the_second()
    change_around("shelf-2", "UPDATE shelf_article SET price = 1 WHERE id = 7")
    (repaired,) = rejoin.repair(SHELF)
    assert repaired.means == "copy"
    assert_copies_equal("shelf")


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
def test_a_file_that_other_processes_cannot_open_does_not_rejoin_by_this_ones_descriptor(
    seven_articles: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    """Else it comes back, is found at fault by the others, and comes back, twice a second."""
    evict_the_second()
    with opened("shelf-2") as connection:
        connection.execute("SELECT count(*) FROM shelf_article").fetchone()  # The -wal and -shm are there meanwhile.
        inode = Path(f"{replication_settings.files['shelf-2']}{suffix}").stat().st_ino
        # The superuser may open all of them.
        monkeypatch.setattr("os.access", lambda path, mode: Path(path).stat().st_ino != inode)
        (repaired,) = rejoin.repair(SHELF)
    assert repaired.means == "copy"
    assert witness().in_sync == ("shelf-1", "shelf-2")
    assert_copies_equal("shelf")


def test_why_a_file_gets_a_copy_is_told_once(
    seven_articles: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As long as its folder is full, or may not be written, there is an attempt twice a second."""
    caplog.set_level("INFO", logger="bookstore.replication")
    for _ in range(2):
        replication_settings.files["shelf-2"].unlink()
        restock()
        with monkeypatch.context() as forbidding:
            forbidding.setattr(backup_copy, "make_draft", Mock(side_effect=PermissionError))
            for _ in range(3):
                with pytest.raises(Unavailable):
                    rejoin.repair(SHELF)
        rejoin.repair(SHELF)
    told = [record for record in caplog.records if "it gets a copy of shelf-1" in record.getMessage()]
    assert len(told) == 2


def test_no_copy_is_made_of_a_damaged_file(seven_articles: Path) -> None:
    """Unverified donors are how damage would spread to the last good rows."""
    evict_the_second()
    replication_settings.files["shelf-2"].unlink()
    change_around("shelf-1", "UPDATE shelf_article SET price = 1 WHERE id = 7")
    with pytest.raises(Unavailable, match="shelf-1 is damaged: row 7 of shelf_article"):
        rejoin.repair(SHELF)
    assert witness().in_sync == ("shelf-1",)
    assert not replication_settings.files["shelf-2"].exists()


def test_the_set_does_not_shrink_to_a_damaged_file(seven_articles: Path) -> None:
    path = replication_settings.files["shelf-1"]
    with writer_lock(SHELF.lock_dir):
        file_identity.checkpoint(SHELF, witness())
    with opened("shelf-1") as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE type = 'index'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    before = path.stat()
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # As a disk does it.
    replication_settings.files["shelf-2"].unlink()
    with pytest.raises(Unavailable, match="shelf-1, which would be the only copy, is damaged"):
        restock(article_id=2)
    assert witness().in_sync == ("shelf-1", "shelf-2")


def test_a_replica_that_is_repaired_does_not_miss_writes_made_meanwhile(seven_articles: Path) -> None:
    replication_settings.files["shelf-2"].unlink()
    restock()
    failpoints.hooks["repair-copied"] = restock
    failpoints.hooks["repair-installed"] = lambda: None
    (repaired,) = rejoin.repair(SHELF)
    assert repaired.entries == 1
    assert_copies_equal("shelf")


REPAIR = """
from bookstore_project.replication.sqlite_pair.repair import rejoin
from bookstore_project.replication.service import get_service
rejoin.repair(get_service("shelf"))
"""


@pytest.mark.parametrize(
    "point",
    ["repair-copied", "repair-verified", "repair-quarantined", "repair-installed", "repair-rolled", "readmit"],
)
@pytest.mark.processes
def test_a_repairer_killed_anywhere_is_followed_by_one_that_finishes(
    seven_articles: Path, killed_at: KilledAt, point: str
) -> None:
    replication_settings.files["shelf-2"].unlink()
    restock()
    killed_at(point, REPAIR)
    restock()
    Maintenance(SHELF).step()
    assert witness().in_sync == ("shelf-1", "shelf-2")
    assert_copies_equal("shelf")


# ---------------------------------------------------------------------------------------------------- scrub


def test_a_scrub_of_sound_files_finds_nothing(seven_articles: Path) -> None:
    restock()
    assert scrub_all(SHELF) == {"shelf-1": [], "shelf-2": []}


DAMAGE = {
    "a changed value": ("UPDATE shelf_article SET price = 1 WHERE id = 3", "row 3 of shelf_article isn't what"),
    "a missing row": (
        "DELETE FROM shelf_movement WHERE id = 2",
        "row 2 of shelf_movement is",
    ),
    "a row too many": (
        "INSERT INTO shelf_note VALUES ('00000000000000000000000000000001', 'x')",
        "of shelf_note isn't in the log",
    ),
    "a changed log": ("UPDATE replication_logentry SET payload = '[]' WHERE position = 1", "hash chain breaks"),
    "a changed digest": ("UPDATE replication_rowdigest SET digest = 'x' WHERE \"key\" = '4'", "row 4 of"),
    "a shorter log": ("DELETE FROM replication_logentry WHERE position = 1", "gap|below|digest"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_scrub_says_which_file_and_rows_are_wrong_and_repairs_them(seven_articles: Path, damage: str) -> None:
    restock(article_id=1)
    statement, complaint = DAMAGE[damage]
    change_around("shelf-2", statement)
    maintenance = Maintenance(SHELF)
    found = maintenance.scrub()
    assert found["shelf-1"] == []
    assert any(part in " ".join(found["shelf-2"]) for part in complaint.split("|")), found
    assert witness().in_sync == ("shelf-1",)
    maintenance.step()
    assert_copies_equal("shelf")


def test_a_scrub_reads_the_file_and_not_what_it_remembers(seven_articles: Path) -> None:
    """In an idle store every page that an earlier scrub has read is still in its connection's cache."""
    restock()
    with writer_lock(SHELF.lock_dir):
        file_identity.checkpoint(SHELF, witness())
    assert scrub_all(SHELF) == {"shelf-1": [], "shelf-2": []}
    with opened("shelf-2") as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'django_migrations'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    path = replication_settings.files["shelf-2"]
    before = path.stat()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # As a disk does it.
    found = scrub_all(SHELF)
    assert found["shelf-1"] == []
    assert found["shelf-2"] != []


def test_a_scrub_that_is_asked_for_while_one_is_under_way_comes_after_it(
    seven_articles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = scrub.findings

    def look_and_ask(*arguments: Any) -> list[str]:
        found = look(*arguments)
        maintenance_log.request_scrub("shelf")
        return found

    maintenance = Maintenance(SHELF)
    maintenance_log.request_scrub("shelf")
    with monkeypatch.context() as patched:
        patched.setattr(scrub, "findings", look_and_ask)
        maintenance.scrub()
    assert maintenance_log.is_scrub_requested("shelf")
    maintenance.scrub()
    assert not maintenance_log.is_scrub_requested("shelf")


def test_a_damaged_donor_is_told_apart_from_its_sound_copy(seven_articles: Path) -> None:
    """Each file is judged alone: a comparison would only say that they differ."""
    change_around("shelf-1", "UPDATE shelf_article SET title = 'x' WHERE id = 1")
    Maintenance(SHELF).scrub()
    assert witness().in_sync == ("shelf-2",)


def test_findings_are_bounded(seven_articles: Path) -> None:
    change_around("shelf-1", "DELETE FROM replication_rowdigest")
    with opened("shelf-1") as connection:
        assert 0 < len(scrub.findings(connection, SHELF)) <= scrub.MOST_FINDINGS


@pytest.mark.urls("bookstore_project.replication.tests.shelf.urls")
def test_a_replica_under_repair_refuses_and_says_when_to_ask_again_while_the_other_serves(
    seven_articles: Path,
) -> None:
    replication_settings.files["shelf-2"].unlink()
    restock()
    answers: dict[str, Any] = {}

    def ask_both() -> None:
        for name in ("shelf-1", "shelf-2"):
            with replication(NODE=name):
                answers[name] = Client().get("/articles/1")

    failpoints.hooks["repair-verified"] = lambda: Actor(ask_both).result()
    rejoin.repair(SHELF)
    assert answers["shelf-1"].status_code == 200
    assert answers["shelf-2"].status_code == 503
    assert answers["shelf-2"]["Retry-After"] == "1"
    assert b'"unavailable"' in answers["shelf-2"].content
    ask_both()
    assert {answer.status_code for answer in answers.values()} == {200}


def test_with_both_files_gone_the_refusal_says_where_an_operator_finds_what_to_do(seven_articles: Path) -> None:
    for alias in ("shelf-1", "shelf-2"):
        replication_settings.files[alias].unlink()
    with pytest.raises(Unavailable, match=r"nothing was changed\. `manage.py replication status` and docs/runb"):
        restock()
