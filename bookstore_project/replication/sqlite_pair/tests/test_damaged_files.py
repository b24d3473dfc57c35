"""A file or a witness at fault: the replica says why it can't promise, and nothing rests on damaged rows."""

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.membership.witness import SLOT_BYTES, read_witness, write_witness
from bookstore_project.replication.tests.shelf.models import Article
from bookstore_project.replication.tests.shelf.services import NotEnough, take
from bookstore_project.replication.tests.support.articles import price_of, reprice
from bookstore_project.replication.tests.support.maintenance import Maintenance
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, change_around, opened, rows
from bookstore_project.replication.transaction import run


def _delete(path: Path) -> None:
    path.unlink()


def _replace_by_its_copy(path: Path) -> None:
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    copy.replace(path)


def _put_the_other_copy_there(path: Path) -> None:
    """Its content, under the same inode."""
    with (
        opened("shelf-1") as source,
        sqlite3.connect(path, isolation_level=None) as target,
    ):
        source.backup(target)
    target.close()


def _edit_by_hand(path: Path) -> None:
    with opened("shelf-2") as connection:
        connection.execute("UPDATE shelf_article SET price = 1 WHERE id = 1")


def _truncate(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(4096)


def _drop_a_table(path: Path) -> None:
    with opened("shelf-2") as connection:
        connection.execute("DROP TABLE replication_incarnation")


def _garble_the_schema(path: Path) -> None:
    """By a byte that no text has: SQLite quotes it in its message, which Python then can't decode."""
    with opened("shelf-2") as connection:
        connection.execute("PRAGMA writable_schema=ON")
        garbled = "CAST(x'435245a05445' AS TEXT) || substr(sql, 7)"
        connection.execute(f"UPDATE sqlite_master SET sql = {garbled} WHERE name = 'shelf_article'")
        connection.execute("PRAGMA schema_version=1000")


FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "deleted": (_delete, "gone|unable to open"),
    "replaced": (_replace_by_its_copy, "replaced"),
    "filled from the other copy": (_put_the_other_copy_there, "another copy"),
    "edited by hand": (_edit_by_hand, "around replication"),
    "truncated": (_truncate, "shrank|malformed|disk"),
    "without a table": (_drop_a_table, "no such table"),
    "with a garbled schema": (_garble_the_schema, "malformed"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_replica_whose_file_is_at_fault_says_why(seven_articles: Path, fault: str) -> None:
    damage, complaint = FAULTS[fault]
    reprice()
    damage(replication_settings.files["shelf-2"])
    with pytest.raises(Unavailable, match=f"shelf-2 can't be read.*({complaint})"):
        price_of(1, "shelf-2")
    assert price_of(1, "shelf-1")[0] == "5.00"
    reprice(2)
    assert price_of(2, "shelf-1")[0] == "5.00", "the store doesn't go on with the other copy"
    with pytest.raises(Unavailable, match="shelf-2 is out of sync"):
        price_of(2, "shelf-2")
    Maintenance(get_service("shelf")).step()
    assert price_of(2, "shelf-2")[0] == "5.00"
    assert_copies_equal("shelf")


def test_a_replica_behind_the_floor_is_neither_read_nor_rolled_forward_unchecked(seven_articles: Path) -> None:
    """It had all of that once: what else is older than it should be, its log doesn't tell."""
    shutil.copy(replication_settings.files["shelf-2"], seven_articles / "earlier")
    reprice()
    with sqlite3.connect(seven_articles / "earlier") as earlier, opened("shelf-2") as connection:
        earlier.backup(connection)
    earlier.close()
    with pytest.raises(Unavailable, match="below the settled position"):
        price_of(1, "shelf-2")
    reprice(2)
    with pytest.raises(Unavailable, match="out of sync"):
        price_of(1, "shelf-2")
    Maintenance(get_service("shelf")).step()
    assert price_of(1, "shelf-2")[0] == "5.00"
    assert_copies_equal("shelf")


@pytest.mark.parametrize("alias", ["shelf-1", "shelf-2"])
def test_a_flipped_value_is_neither_taken_from_nor_copied(seven_articles: Path, alias: str) -> None:
    change_around(alias, "UPDATE shelf_article SET quantity = 58 WHERE id = 1")
    take()
    witness = read_witness(get_service("shelf").witness_file)
    assert alias not in witness.in_sync
    assert "row 1 of shelf_article" in witness.out[alias].reason
    Maintenance(get_service("shelf")).step()
    assert_copies_equal("shelf")
    assert rows(alias, "SELECT quantity FROM shelf_article WHERE id = 1") == [(49,)]


@pytest.mark.parametrize("alias", ["shelf-1", "shelf-2"])
@pytest.mark.parametrize("strange", ["a row without a digest", "a digest without a row", "a row with its digest"])
def test_what_stands_where_a_new_row_goes_is_not_written_over(seven_articles: Path, alias: str, strange: str) -> None:
    if "a row" in strange[:5]:
        values = "8, 't', 'k', 't', 'k', 1, 0, 1"
        columns = "id, title, kind, title_key, kind_key, price, quantity, version"
        change_around(alias, f"INSERT INTO shelf_article ({columns}) VALUES ({values})")
        change_around(alias, "UPDATE sqlite_sequence SET seq = 7 WHERE name = 'shelf_article'")
    if strange != "a row without a digest":
        change_around(alias, "INSERT INTO replication_rowdigest VALUES ('shelf_article', '8', 'x')")
    fields = {"title": "New", "kind": "t", "price": "1.00"}
    added = run("shelf", lambda: [Article.objects.create(**fields) for _ in range(2)]).value
    witness = read_witness(get_service("shelf").witness_file)
    if alias in witness.in_sync:  # The first file chose a number of its own beyond the strange row.
        assert [row.pk for row in added] == [9, 10]
        return
    assert "shelf_article" in witness.out[alias].reason
    Maintenance(get_service("shelf")).step()
    assert_copies_equal("shelf")


def test_a_flipped_value_is_noticed_where_no_second_copy_shows_it(seven_articles: Path) -> None:
    path = get_service("shelf").witness_file
    write_witness(path, replace(read_witness(path), in_sync=("shelf-1",)), sync=False)
    change_around("shelf-1", "UPDATE shelf_article SET price = 1 WHERE id = 1")
    with pytest.raises(Unavailable, match="row 1 of shelf_article"):
        reprice(1)
    with pytest.raises(Unavailable, match="shelf-1: it is suspected: row 1 of shelf_article"):
        reprice(2)


def test_a_flipped_stock_does_not_say_no(seven_articles: Path) -> None:
    """The refusal would be final: it must rest on what the log says."""
    change_around("shelf-1", "UPDATE shelf_article SET quantity = 0 WHERE id = 1")
    take()
    assert read_witness(get_service("shelf").witness_file).in_sync == ("shelf-2",)


def test_a_flipped_stock_does_not_say_yes(seven_articles: Path) -> None:
    """Nothing changes when somebody is refused, and the damaged file is out all the same."""
    change_around("shelf-1", "UPDATE shelf_article SET quantity = 500 WHERE id = 1")
    with pytest.raises(NotEnough):
        take(1, 60)
    assert read_witness(get_service("shelf").witness_file).in_sync == ("shelf-2",)


def test_missing_triggers_are_noticed_when_a_saved_object_leaves_no_trace(seven_articles: Path) -> None:
    with opened("shelf-1") as connection:
        connection.execute("DROP TRIGGER replication_note_shelf_article_update")
    run("shelf", lambda: Article.objects.get(pk=1).save())
    assert "lacks triggers" in read_witness(get_service("shelf").witness_file).out["shelf-1"].reason
    assert rows("shelf-2", "SELECT version FROM shelf_article WHERE id = 1") == [(2,)]


# ------------------------------------------------------------------------------------------------ the witness


def test_a_missing_witness_stops_reads_and_writes(seven_articles: Path) -> None:
    get_service("shelf").witness_file.unlink()
    with pytest.raises(Unavailable, match="witness"):
        price_of(1, "shelf-1")
    with pytest.raises(Unavailable, match="witness"):
        reprice()


def test_both_slots_damaged_stop_reads_and_writes(seven_articles: Path) -> None:
    get_service("shelf").witness_file.write_bytes(b"\0" * 2 * SLOT_BYTES)
    with pytest.raises(Unavailable, match="damaged"):
        price_of(1, "shelf-1")
    with pytest.raises(Unavailable, match="damaged"):
        reprice()


@pytest.mark.parametrize("slot", [0, 1])
def test_one_damaged_slot_costs_nothing(seven_articles: Path, slot: int) -> None:
    reprice()
    path = get_service("shelf").witness_file
    content = bytearray(path.read_bytes())
    content[slot * SLOT_BYTES + 40] ^= 1
    path.write_bytes(content)
    assert price_of(1, "shelf-1")[0] == price_of(1, "shelf-2")[0] == "5.00"
    reprice(2)
    reprice(3)
    assert_copies_equal("shelf")
