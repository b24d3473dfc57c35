"""What lists say without counting is what counting would give, in both files, whatever happens to either of them."""

import threading
import uuid
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connections
from django.db.models import F

from bookstore_project.api.sales import Line
from bookstore_project.api.tests.api import send
from bookstore_project.replication import reads
from bookstore_project.replication.errors import Unavailable, WriteRefused
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.files import row_counts, schema_version
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from bookstore_project.replication.sqlite_pair.repair import rejoin
from bookstore_project.replication.tests.support.maintenance import Maintenance, scrub_all
from bookstore_project.replication.tests.support.replica_files import (
    assert_copies_equal,
    execute,
    held,
    opened,
    rows,
)
from bookstore_project.replication.transaction import run
from bookstore_project.settings import topology
from catalog_app import listing, sales
from catalog_app.models import Book
from catalog_app.row_counts import BOOKS, BOOKS_BY_TOPIC
from catalog_app.services import add_book, book_restock, book_retire, book_update
from tests.configured import replication

CATALOG = get_service("catalog")
ALIASES = ("catalog-1", "catalog-2")
TABLES = (row_counts.table_of(BOOKS), row_counts.table_of(BOOKS_BY_TOPIC))
KEPT = f"SELECT type, name FROM sqlite_master WHERE name LIKE '{row_counts.PREFIX}%'"
SPRING = "spring term"


def shelve(topic: str = "war") -> int:
    fields = {"title": "Anabasis", "authors": "Xenophon", "topic": topic, "price": "9.90", "quantity": 1}
    return run("catalog", lambda: add_book(fields, "ann")).value.pk


def number(alias: str, **given: object) -> int:
    with reads.reading("catalog", alias=alias):
        return listing.number_of_books(**given)


def assert_numbers(*, on_sale: int, retired: int = 0, **by_topic: int) -> None:
    """In both files, which agree with what counting gives."""
    for alias in ALIASES:
        assert number(alias, retired=False) == on_sale
        assert number(alias, retired=True) == retired
        assert {topic: number(alias, retired=False, topic=topic) for topic in by_topic} == by_topic
    assert_copies_equal("catalog")


def garble(alias: str, table: str = TABLES[0]) -> None:
    with opened(alias) as connection:
        connection.execute(f"UPDATE {table} SET rows = rows + 1")


# ------------------------------------------------------------------------------------------------- writes


def test_a_book_counts_as_long_as_it_is_on_sale_and_under_the_topic_that_it_has(seven_books: Path) -> None:
    assert_numbers(on_sale=7, war=0)
    book = shelve()
    assert_numbers(on_sale=8, war=1)
    book_update(book_id=book, fields={"topic": "peace"}, actor="ann")
    assert_numbers(on_sale=8, war=0, peace=1)
    book_retire(book_id=book, actor="ann")
    assert_numbers(on_sale=7, retired=1, war=0, peace=0)
    run("catalog", lambda: Book.objects.filter(pk=book).update(retired=False, version=F("version") + 1))
    assert_numbers(on_sale=8, peace=1)


def test_a_change_that_is_taken_back_was_never_counted(seven_books: Path) -> None:
    def change() -> None:
        Book(title="Vanished", topic="war", price=1).save()
        assert listing.number_of_books(retired=False) == 8
        raise LookupError

    with pytest.raises(LookupError):
        run("catalog", change)
    assert_numbers(on_sale=7, war=0)


def test_many_rows_that_change_at_once_are_counted_one_by_one(seven_books: Path) -> None:
    run("catalog", lambda: Book.objects.filter(pk__lte=4).update(topic="war", version=F("version") + 1))
    run("catalog", lambda: Book.objects.filter(pk__lte=2).update(retired=True, version=F("version") + 1))
    assert_numbers(on_sale=5, retired=2, war=2)


def test_a_topic_that_nobody_has_any_more_is_gone(seven_books: Path) -> None:
    book_update(book_id=shelve(), fields={"topic": "peace"}, actor="ann")
    assert rows("catalog-1", f"SELECT rows FROM {TABLES[1]} WHERE topic = 'war'") == []


def test_a_sale_and_a_restock_do_not_touch_the_counts(seven_books: Path) -> None:
    lines = [Line(2, 1, None), Line(3, 1, None)]
    sales.order_sell(order=uuid.uuid4(), lines=lines, deadline=None, is_first_attempt=True)
    book_restock(book_id=2, quantity=3, actor="ann")
    for alias in ALIASES:
        with opened(alias) as connection:
            plan = connection.execute(
                "EXPLAIN UPDATE catalog_app_book SET quantity = 1, version = 2 WHERE id = 2"
            ).fetchall()
            woken = [step[5] for step in plan if step[1] == "Program"]
            (counts,) = connection.execute(
                "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'catalog_app_book' "
                "AND name LIKE 'replication_note_%_update'"
            ).fetchone()
        assert len(woken) == counts == 1, "a sale would wake more than what notes it for the log"
    assert_numbers(on_sale=7)


def test_writers_beside_one_another_lose_no_book(seven_books: Path) -> None:
    def write(topic: str) -> None:
        try:
            books = [shelve(topic) for _ in range(4)]
            book_retire(book_id=books[0], actor="ann")
            book_update(book_id=books[1], fields={"topic": "both"}, actor="ann")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write, args=(topic,)) for topic in ("war", "peace", "art")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_numbers(on_sale=16, retired=3, war=2, peace=2, art=2, both=3)


def test_a_transaction_may_not_write_a_count_itself(seven_books: Path) -> None:
    with pytest.raises(WriteRefused):
        run("catalog", lambda: execute(f"UPDATE {TABLES[0]} SET rows = 99"))
    assert_numbers(on_sale=7)


@pytest.mark.usefixtures("node")
def test_a_list_says_how_long_it_is_by_them(seven_books: Path) -> None:
    book_retire(book_id=shelve(SPRING), actor="ann")
    of_topic = len(rows("catalog-1", f"SELECT id FROM catalog_app_book WHERE topic = '{SPRING}' AND NOT retired"))
    assert [
        send("GET", path).json()["count"]
        for path in ("/api/v1/books/", f"/api/v1/books/?topic={SPRING}", f"/search/{SPRING}", "/search/none")
    ] == [7, of_topic, of_topic, 0]


# ------------------------------------------------------------------------------------- repair, migration


def test_a_file_that_rejoins_by_its_log_has_the_right_counts(seven_books: Path) -> None:
    with held("catalog-2"):
        book_retire(book_id=shelve(), actor="ann")
        shelve("peace")
    (repaired,) = rejoin.repair(CATALOG)
    assert repaired.means == "log"
    assert_numbers(on_sale=8, retired=1, war=0, peace=1)


@pytest.mark.parametrize("table", TABLES)
def test_a_file_that_rejoins_by_its_log_gets_a_count_that_was_wrong_made_anew(seven_books: Path, table: str) -> None:
    with held("catalog-2"):
        shelve()
    garble("catalog-2", table)
    (repaired,) = rejoin.repair(CATALOG)
    assert repaired.means == "log"
    assert_numbers(on_sale=8, war=1)


def test_a_copy_has_the_right_counts_though_the_donor_has_not(seven_books: Path) -> None:
    topology.database_file("catalog-2").unlink()
    shelve()
    garble("catalog-1")
    (repaired,) = rejoin.repair(CATALOG)
    assert repaired.means == "copy"
    assert number("catalog-2", retired=False) == 8


@pytest.mark.large
def test_a_migration_there_and_back_makes_them_again(seven_books: Path) -> None:
    shelve()
    call_command("migrate", "catalog_app", "0001", verbosity=0)
    assert not any(table == TABLES[1] for _, table in rows("catalog-2", KEPT))
    call_command("migrate", verbosity=0)
    assert_numbers(on_sale=8, war=1)


@pytest.mark.large
def test_a_store_from_before_the_counts_gets_them_by_migrate(seven_books: Path) -> None:
    try:
        with replication(ROW_COUNTS=[]):
            schema_version.of_code.cache_clear()
            call_command("migrate", verbosity=0)
            assert rows("catalog-1", KEPT) == []
    finally:
        schema_version.of_code.cache_clear()
    with pytest.raises(Unavailable, match="other code"):
        number("catalog-1", retired=False)
    call_command("migrate", verbosity=0)
    assert_numbers(on_sale=7)


def test_a_lost_trigger_comes_back_with_migrate_and_the_count_is_right(seven_books: Path) -> None:
    for alias in ALIASES:
        with opened(alias) as connection:
            connection.execute(f"DROP TRIGGER {TABLES[0]}_insert")
    shelve()
    call_command("migrate", verbosity=0)
    assert_numbers(on_sale=8, war=1)


# ------------------------------------------------------------------------------------------------- scrub


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("alias", ALIASES)
def test_a_scrub_finds_a_count_that_is_wrong_and_has_it_mended(seven_books: Path, alias: str, table: str) -> None:
    garble(alias, table)
    findings = scrub_all(CATALOG)
    assert len(findings[alias]) == 1
    assert findings[alias][0].startswith(row_counts.FINDING)
    maintenance = Maintenance(CATALOG)
    maintenance.scrub()
    assert alias not in read_witness(CATALOG.witness_file).in_sync
    maintenance.step()
    assert scrub_all(CATALOG) == {"catalog-1": [], "catalog-2": []}
    assert_numbers(on_sale=7)


def test_the_only_copy_in_sync_serves_on_with_a_count_that_is_wrong(seven_books: Path) -> None:
    with held("catalog-2"):
        shelve()
    garble("catalog-1")
    Maintenance(CATALOG).scrub()
    assert read_witness(CATALOG.witness_file).in_sync == ("catalog-1",)
    book_restock(book_id=2, quantity=1, actor="ann")
