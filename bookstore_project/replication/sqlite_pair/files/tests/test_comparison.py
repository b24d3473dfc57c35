"""Two files looked at without a witness: equal, one a prefix of the other, departed, or not to be read."""

import re
import shutil
from pathlib import Path

from django.db import DEFAULT_DB_ALIAS

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.files import comparison
from bookstore_project.replication.sqlite_pair.files.comparison import Relation
from bookstore_project.replication.tests.shelf.services import restock
from bookstore_project.replication.tests.support.departures import append_another_entry, leave_behind
from bookstore_project.replication.tests.support.replica_files import change_around, head, opened

SHELF = get_service("shelf")


def test_two_copies_of_a_running_store_are_equal(seven_articles: Path) -> None:
    restock()
    found = comparison.compare(SHELF)
    assert (found.relation, found.newest, found.behind) == (Relation.EQUAL, "shelf-1", [])
    assert found.is_whole
    first, second = found.files.values()
    assert first.nonce != second.nonce
    assert first.head == second.head
    assert (first.head.position if first.head else None) == head("shelf-1")
    assert first.base == 0


def test_no_witness_is_needed(seven_articles: Path) -> None:
    SHELF.witness_file.unlink()
    assert comparison.compare(SHELF).is_whole


def test_the_copy_that_was_left_behind_is_a_prefix(seven_articles: Path) -> None:
    leave_behind("shelf-1", times=2)
    found = comparison.compare(SHELF)
    assert (found.relation, found.newest, found.behind) == (Relation.PREFIX, "shelf-2", ["shelf-1"])
    assert found.files["shelf-2"].epoch > found.files["shelf-1"].epoch
    assert found.is_whole


def test_departed_logs_are_told_with_the_position(seven_articles: Path) -> None:
    restock()
    append_another_entry("shelf-1")
    leave_behind("shelf-1", times=2)
    found = comparison.compare(SHELF)
    assert (found.relation, found.departed_at, found.newest) == (Relation.DEPARTED, 3, None)
    assert not found.is_whole


def test_a_log_that_begins_above_the_others_end_proves_nothing(seven_articles: Path) -> None:
    leave_behind("shelf-1", times=3)
    with opened("shelf-2") as connection:
        connection.execute("DELETE FROM replication_logentry WHERE position < 4")
        connection.execute("UPDATE replication_logentry SET payload = '[]', keys = '[]' WHERE position = 4")
    found = comparison.compare(SHELF)
    assert (found.relation, found.newest) == (Relation.INCOMPARABLE, None)


def test_a_damaged_row_makes_the_file_unsound_and_leaves_the_other_alone(seven_articles: Path) -> None:
    change_around("shelf-2", "UPDATE shelf_article SET price = 1 WHERE id = 3")
    found = comparison.compare(SHELF)
    assert found.relation == Relation.EQUAL
    assert found.files["shelf-1"].is_sound
    assert "row 3 of shelf_article" in found.files["shelf-2"].complaint
    assert not found.is_whole
    assert comparison.compare(SHELF, scrubbed=()).files["shelf-2"].findings == ()


def test_rows_that_differ_below_the_base_are_noticed_though_each_file_is_sound(seven_articles: Path) -> None:
    for alias in SHELF.aliases:
        with opened(alias) as connection:
            connection.execute("DELETE FROM replication_logentry WHERE position < 1")
            connection.execute("UPDATE replication_logentry SET payload = '[]', keys = '[]' WHERE position = 1")
    assert comparison.compare(SHELF).is_whole
    with opened("shelf-2") as connection:
        connection.execute("DELETE FROM replication_rowdigest WHERE \"key\" = '7' AND \"table\" = 'shelf_article'")
    change_around("shelf-2", "PRAGMA foreign_keys=OFF", "DELETE FROM shelf_article WHERE id = 7")
    found = comparison.compare(SHELF)
    assert found.files["shelf-2"].is_sound
    assert "row 7 of shelf_article" in found.difference
    assert not found.is_whole


def test_a_pending_change_is_told(seven_articles: Path) -> None:
    with opened("shelf-1") as connection:
        connection.execute("UPDATE shelf_article SET price = 1 WHERE id = 3")
    found = comparison.compare(SHELF, scrubbed=())
    assert found.files["shelf-1"].has_pending
    assert "log doesn't know" in found.files["shelf-1"].complaint


def test_what_cannot_be_read_is_part_of_the_answer(seven_articles: Path) -> None:
    path = replication_settings.files["shelf-2"]
    path.write_bytes(b"garbage" * 1000)
    found = comparison.compare(SHELF)
    assert found.relation == Relation.UNREADABLE
    assert re.search("not a database|malformed", found.files["shelf-2"].complaint)  # By what the -wal holds.
    assert found.files["shelf-1"].is_sound
    for leftover in path.parent.glob(f"{path.name}*"):
        leftover.unlink()
    assert "No such file" in comparison.compare(SHELF).files["shelf-2"].complaint
    shutil.copy(replication_settings.files[DEFAULT_DB_ALIAS], path)
    assert "no such table" in comparison.compare(SHELF).files["shelf-2"].complaint
