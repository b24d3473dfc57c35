"""Two files looked at without a witness: equal, one a prefix of the other, departed, or not to be read."""

import re
import shutil
from pathlib import Path

from bookstore_project.replication.log import entries
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.files import comparison
from bookstore_project.replication.sqlite_pair.files.comparison import Relation
from bookstore_project.replication.tests.support.replica_files import change_around, head, held, opened
from bookstore_project.settings import topology
from catalog_app.services import book_restock

CATALOG = get_service("catalog")


def restock(book_id: int = 1) -> None:
    book_restock(book_id=book_id, quantity=1, actor="test")


def leave_behind(alias: str, times: int = 1) -> None:
    """Puts the file out while the other goes on: a lock that another program holds for longer than a writer waits."""
    with held(alias):
        for _ in range(times):
            restock()


def append_another_entry(alias: str) -> None:
    """What a writer of another history would have written."""
    with opened(alias) as connection:
        entry = entries.make_entry(entries.read_head(connection), 7, [], ["another"])
        entries.append(connection, entry)


def test_two_copies_of_a_running_store_are_equal(seven_books: Path) -> None:
    restock()
    found = comparison.compare(CATALOG)
    assert (found.relation, found.newest, found.behind) == (Relation.EQUAL, "catalog-1", [])
    assert found.is_whole
    first, second = found.files.values()
    assert first.nonce != second.nonce
    assert first.head == second.head
    assert (first.head.position if first.head else None) == head("catalog-1")
    assert first.base == 0


def test_no_witness_is_needed(seven_books: Path) -> None:
    CATALOG.witness_file.unlink()
    assert comparison.compare(CATALOG).is_whole


def test_the_copy_that_was_left_behind_is_a_prefix(seven_books: Path) -> None:
    leave_behind("catalog-1", times=2)
    found = comparison.compare(CATALOG)
    assert (found.relation, found.newest, found.behind) == (Relation.PREFIX, "catalog-2", ["catalog-1"])
    assert found.files["catalog-2"].epoch > found.files["catalog-1"].epoch
    assert found.is_whole


def test_departed_logs_are_told_with_the_position(seven_books: Path) -> None:
    restock()
    append_another_entry("catalog-1")
    leave_behind("catalog-1", times=2)
    found = comparison.compare(CATALOG)
    assert (found.relation, found.departed_at, found.newest) == (Relation.DEPARTED, 3, None)
    assert not found.is_whole


def test_a_log_that_begins_above_the_others_end_proves_nothing(seven_books: Path) -> None:
    leave_behind("catalog-1", times=3)
    with opened("catalog-2") as connection:
        connection.execute("DELETE FROM replication_logentry WHERE position < 4")
        connection.execute("UPDATE replication_logentry SET payload = '[]', keys = '[]' WHERE position = 4")
    found = comparison.compare(CATALOG)
    assert (found.relation, found.newest) == (Relation.INCOMPARABLE, None)


def test_a_damaged_row_makes_the_file_unsound_and_leaves_the_other_alone(seven_books: Path) -> None:
    change_around("catalog-2", "UPDATE catalog_app_book SET price = 1 WHERE id = 3")
    found = comparison.compare(CATALOG)
    assert found.relation == Relation.EQUAL
    assert found.files["catalog-1"].is_sound
    assert "row 3 of catalog_app_book" in found.files["catalog-2"].complaint
    assert not found.is_whole
    assert comparison.compare(CATALOG, scrubbed=()).files["catalog-2"].findings == ()


def test_rows_that_differ_below_the_base_are_noticed_though_each_file_is_sound(seven_books: Path) -> None:
    for alias in CATALOG.aliases:
        with opened(alias) as connection:
            connection.execute("DELETE FROM replication_logentry WHERE position < 1")
            connection.execute("UPDATE replication_logentry SET payload = '[]', keys = '[]' WHERE position = 1")
    assert comparison.compare(CATALOG).is_whole
    with opened("catalog-2") as connection:
        connection.execute("DELETE FROM replication_rowdigest WHERE \"key\" = '7' AND \"table\" = 'catalog_app_book'")
    change_around("catalog-2", "PRAGMA foreign_keys=OFF", "DELETE FROM catalog_app_book WHERE id = 7")
    found = comparison.compare(CATALOG)
    assert found.files["catalog-2"].is_sound
    assert "row 7 of catalog_app_book" in found.difference
    assert not found.is_whole


def test_a_pending_change_is_told(seven_books: Path) -> None:
    with opened("catalog-1") as connection:
        connection.execute("UPDATE catalog_app_book SET price = 1 WHERE id = 3")
    found = comparison.compare(CATALOG, scrubbed=())
    assert found.files["catalog-1"].has_pending
    assert "log doesn't know" in found.files["catalog-1"].complaint


def test_what_cannot_be_read_is_part_of_the_answer(seven_books: Path) -> None:
    path = topology.database_file("catalog-2")
    path.write_bytes(b"garbage" * 1000)
    found = comparison.compare(CATALOG)
    assert found.relation == Relation.UNREADABLE
    assert re.search("not a database|malformed", found.files["catalog-2"].complaint)  # By what the -wal holds.
    assert found.files["catalog-1"].is_sound
    for leftover in path.parent.glob(f"{path.name}*"):
        leftover.unlink()
    assert "No such file" in comparison.compare(CATALOG).files["catalog-2"].complaint
    shutil.copy(topology.database_file(topology.ACCOUNTS), path)
    assert "no such table" in comparison.compare(CATALOG).files["catalog-2"].complaint
