"""A file or a witness at fault: the replica says why it can't promise, and nothing rests on damaged rows."""

import shutil
import sqlite3
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bookstore_project.api.sales import Line
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.membership.witness import SLOT_BYTES, read_witness, write_witness
from bookstore_project.replication.tests.support.books import price_of, reprice
from bookstore_project.replication.tests.support.maintenance import Maintenance
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, change_around, opened, rows
from bookstore_project.replication.transaction import run
from bookstore_project.settings import topology
from catalog_app.errors import OutOfStock
from catalog_app.models import Book
from catalog_app.sales import order_sell


def _delete(path: Path) -> None:
    path.unlink()


def _replace_by_its_copy(path: Path) -> None:
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    copy.replace(path)


def _put_the_other_copy_there(path: Path) -> None:
    """Its content, under the same inode."""
    with (
        opened("catalog-1") as source,
        sqlite3.connect(path, isolation_level=None) as target,
    ):
        source.backup(target)
    target.close()


def _edit_by_hand(path: Path) -> None:
    with opened("catalog-2") as connection:
        connection.execute("UPDATE catalog_app_book SET price = 1 WHERE id = 1")


def _truncate(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(4096)


def _drop_a_table(path: Path) -> None:
    with opened("catalog-2") as connection:
        connection.execute("DROP TABLE replication_incarnation")


FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "deleted": (_delete, "gone|unable to open"),
    "replaced": (_replace_by_its_copy, "replaced"),
    "filled from the other copy": (_put_the_other_copy_there, "another copy"),
    "edited by hand": (_edit_by_hand, "around replication"),
    "truncated": (_truncate, "shrank|malformed|disk"),
    "without a table": (_drop_a_table, "no such table"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_replica_whose_file_is_at_fault_says_why(seven_books: Path, fault: str) -> None:
    damage, complaint = FAULTS[fault]
    reprice()
    damage(topology.database_file("catalog-2"))
    with pytest.raises(Unavailable, match=f"catalog-2 can't be read.*({complaint})"):
        price_of(1, "catalog-2")
    assert price_of(1, "catalog-1")[0] == "5.00"
    reprice(2)
    assert price_of(2, "catalog-1")[0] == "5.00", "the store doesn't go on with the other copy"
    with pytest.raises(Unavailable, match="catalog-2 is out of sync"):
        price_of(2, "catalog-2")
    Maintenance(get_service("catalog")).step()
    assert price_of(2, "catalog-2")[0] == "5.00"
    assert_copies_equal("catalog")


def test_a_replica_behind_the_floor_is_neither_read_nor_rolled_forward_unchecked(seven_books: Path) -> None:
    """It had all of that once: what else is older than it should be, its log doesn't tell."""
    shutil.copy(topology.database_file("catalog-2"), seven_books / "earlier")
    reprice()
    with sqlite3.connect(seven_books / "earlier") as earlier, opened("catalog-2") as connection:
        earlier.backup(connection)
    earlier.close()
    with pytest.raises(Unavailable, match="below the settled position"):
        price_of(1, "catalog-2")
    reprice(2)
    with pytest.raises(Unavailable, match="out of sync"):
        price_of(1, "catalog-2")
    Maintenance(get_service("catalog")).step()
    assert price_of(1, "catalog-2")[0] == "5.00"
    assert_copies_equal("catalog")


@pytest.mark.parametrize("alias", ["catalog-1", "catalog-2"])
def test_a_flipped_value_is_neither_sold_from_nor_copied(seven_books: Path, alias: str) -> None:
    change_around(alias, "UPDATE catalog_app_book SET quantity = 58 WHERE id = 1")
    order_sell(order=uuid.uuid4(), lines=[Line(1, 1)], deadline=None, is_first_attempt=False)
    witness = read_witness(get_service("catalog").witness_file)
    assert alias not in witness.in_sync
    assert "row 1 of catalog_app_book" in witness.out[alias].reason
    Maintenance(get_service("catalog")).step()
    assert_copies_equal("catalog")
    assert rows(alias, "SELECT quantity FROM catalog_app_book WHERE id = 1") == [(49,)]


def test_a_flipped_value_is_noticed_where_no_second_copy_shows_it(seven_books: Path) -> None:
    path = get_service("catalog").witness_file
    write_witness(path, replace(read_witness(path), in_sync=("catalog-1",)), sync=False)
    change_around("catalog-1", "UPDATE catalog_app_book SET price = 1 WHERE id = 1")
    with pytest.raises(Unavailable, match="row 1 of catalog_app_book"):
        reprice(1)
    with pytest.raises(Unavailable, match="catalog-1: it is suspected: row 1 of catalog_app_book"):
        reprice(2)


def test_a_flipped_stock_does_not_say_no(seven_books: Path) -> None:
    """The refusal would be final: it must rest on what the log says."""
    change_around("catalog-1", "UPDATE catalog_app_book SET quantity = 0 WHERE id = 1")
    order_sell(order=uuid.uuid4(), lines=[Line(1, 1)], deadline=None, is_first_attempt=False)
    assert read_witness(get_service("catalog").witness_file).in_sync == ("catalog-2",)


def test_a_flipped_stock_does_not_say_yes(seven_books: Path) -> None:
    """Nothing changes when a sale is refused, and the damaged file is out all the same."""
    change_around("catalog-1", "UPDATE catalog_app_book SET quantity = 500 WHERE id = 1")
    with pytest.raises(OutOfStock):
        order_sell(order=uuid.uuid4(), lines=[Line(1, 60)], deadline=None, is_first_attempt=True)
    assert read_witness(get_service("catalog").witness_file).in_sync == ("catalog-2",)


def test_missing_triggers_are_noticed_when_a_saved_object_leaves_no_trace(seven_books: Path) -> None:
    with opened("catalog-1") as connection:
        connection.execute("DROP TRIGGER replication_note_catalog_app_book_update")
    run("catalog", lambda: Book.objects.get(pk=1).save())
    assert "lacks triggers" in read_witness(get_service("catalog").witness_file).out["catalog-1"].reason
    assert rows("catalog-2", "SELECT version FROM catalog_app_book WHERE id = 1") == [(2,)]


# ------------------------------------------------------------------------------------------------ the witness


def test_a_missing_witness_stops_reads_and_writes(seven_books: Path) -> None:
    get_service("catalog").witness_file.unlink()
    with pytest.raises(Unavailable, match="witness"):
        price_of(1, "catalog-1")
    with pytest.raises(Unavailable, match="witness"):
        reprice()


def test_both_slots_damaged_stop_reads_and_writes(seven_books: Path) -> None:
    get_service("catalog").witness_file.write_bytes(b"\0" * 2 * SLOT_BYTES)
    with pytest.raises(Unavailable, match="damaged"):
        price_of(1, "catalog-1")
    with pytest.raises(Unavailable, match="damaged"):
        reprice()


@pytest.mark.parametrize("slot", [0, 1])
def test_one_damaged_slot_costs_nothing(seven_books: Path, slot: int) -> None:
    reprice()
    path = get_service("catalog").witness_file
    content = bytearray(path.read_bytes())
    content[slot * SLOT_BYTES + 40] ^= 1
    path.write_bytes(content)
    assert price_of(1, "catalog-1")[0] == price_of(1, "catalog-2")[0] == "5.00"
    reprice(2)
    reprice(3)
    assert_copies_equal("catalog")
