"""The indexes of words are in step with the books, in both files, whatever happens to either of them."""

import uuid
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db.models import F

from bookstore_project.api.sales import Line
from bookstore_project.replication.errors import WriteRefused
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.files import schema_version, text_index
from bookstore_project.replication.sqlite_pair.membership.witness import Witness, read_witness
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
from catalog_app import sales
from catalog_app.models import Book
from catalog_app.services import add_book, book_restock, book_retire, book_update
from catalog_app.text_indexes import PARTS, WORDS
from tests.configured import replication

CATALOG = get_service("catalog")
ALIASES = ("catalog-1", "catalog-2")
WORDS_TABLE, PARTS_TABLE = text_index.table_of(WORDS), text_index.table_of(PARTS)
INDEXES = f"SELECT name FROM sqlite_master WHERE name LIKE '{text_index.PREFIX}%'"
TITLE = "Xenophon's Anabasis"


def found(alias: str, word: str) -> list[object]:
    return [key for (key,) in rows(alias, f"SELECT rowid FROM {WORDS_TABLE} WHERE {WORDS_TABLE} MATCH '\"{word}\"'")]


def witness() -> Witness:
    return read_witness(CATALOG.witness_file)


def shelve(title: str = TITLE) -> int:
    fields = {"title": title, "authors": "Ξενοφῶν", "topic": "war", "price": "9.90", "quantity": 1}
    return run("catalog", lambda: add_book(fields, "ann")).value.pk


def assert_found(word: str, *books: int) -> None:
    assert [found(alias, word) for alias in ALIASES] == [list(books)] * 2


def garble(alias: str, *, table: str = WORDS_TABLE) -> None:
    """The index forgets the second book's words, behind everybody's back."""
    with opened(alias) as connection:
        key, *texts = connection.execute(
            "SELECT id, title_key, authors_key FROM catalog_app_book WHERE id = 2"
        ).fetchone()
        connection.execute(
            f'INSERT INTO "{table}" ("{table}", rowid, title_key, authors_key) VALUES (?, ?, ?, ?)',
            ("delete", key, *texts),
        )


# ------------------------------------------------------------------------------------------------- writes


def test_a_book_is_found_by_its_words_as_soon_as_it_is_there_and_by_no_old_ones(seven_books: Path) -> None:
    book = shelve()
    assert_found("anabasis", book)
    book_update(book_id=book, fields={"title": "Cyropaedia"}, actor="ann")
    assert_found("anabasis")
    assert_found("cyropaedia", book)
    run("catalog", lambda: Book.objects.filter(pk=book).update(title="Hellenica", version=F("version") + 1))
    assert_found("cyropaedia")
    assert_found("hellenica", book)
    assert_copies_equal("catalog")


def test_a_change_that_is_taken_back_leaves_no_word_behind(seven_books: Path) -> None:
    def change() -> None:
        Book(title="Vanished", topic="x", price=1).save()
        raise LookupError

    with pytest.raises(LookupError):
        run("catalog", change)
    assert_found("vanished")
    assert_copies_equal("catalog")


def test_a_retired_book_stays_in_the_index_and_is_in_step(seven_books: Path) -> None:
    book_retire(book_id=2, actor="ann")
    assert_copies_equal("catalog")


def test_many_rows_that_swap_their_texts_are_in_step(seven_books: Path) -> None:
    def swap() -> None:
        first, second = Book.objects.get(pk=1), Book.objects.get(pk=2)
        first.title, second.title = second.title, first.title
        first.save()
        second.save()

    run("catalog", swap)
    assert_copies_equal("catalog")


def test_rows_that_swap_a_unique_value_are_written_in_both_files(seven_books: Path) -> None:
    isbns = {2: "9780306406157", 3: "9783161484100"}
    for book, isbn in isbns.items():
        book_update(book_id=book, fields={"isbn13": isbn}, actor="ann")

    def swap() -> None:
        Book.objects.filter(pk=2).update(isbn13=None)
        for book, other in ((3, 2), (2, 3)):
            Book.objects.filter(pk=book).update(isbn13=isbns[other], version=F("version") + 1)

    run("catalog", swap)
    assert witness().in_sync == ALIASES
    assert_copies_equal("catalog")


def test_a_sale_and_a_restock_do_not_touch_the_indexes(seven_books: Path) -> None:
    blocks = f"SELECT id, block FROM {WORDS_TABLE}_data"
    before = [rows(alias, blocks) for alias in ALIASES]
    book_restock(book_id=2, quantity=3, actor="ann")
    lines = [Line(2, 1, None), Line(3, 1, None)]
    sales.order_sell(order=uuid.uuid4(), lines=lines, deadline=None, is_first_attempt=True)
    for alias in ALIASES:
        with opened(alias) as connection:
            plan = connection.execute(
                "EXPLAIN UPDATE catalog_app_book SET quantity = 1, version = 2 WHERE id = 2"
            ).fetchall()
        assert not any(step[1] in ("VUpdate", "VBegin") for step in plan), "a sale would wake the indexes"
    assert before == [rows(alias, f"SELECT id, block FROM {WORDS_TABLE}_data") for alias in ALIASES]


def test_a_transaction_may_not_write_an_index_itself(seven_books: Path) -> None:
    with pytest.raises(WriteRefused):
        run("catalog", lambda: execute(f"INSERT INTO {WORDS_TABLE} ({WORDS_TABLE}) VALUES ('delete-all')"))
    assert_copies_equal("catalog")


# ------------------------------------------------------------------------------------- repair, migration


def test_a_file_that_rejoins_by_its_log_is_in_step(seven_books: Path) -> None:
    with held("catalog-2"):
        book = shelve()
    assert witness().in_sync == ("catalog-1",)
    (repaired,) = rejoin.repair(CATALOG)
    assert repaired.means == "log"
    assert_found("anabasis", book)
    assert_copies_equal("catalog")


def test_a_file_that_rejoins_by_its_log_gets_an_index_that_was_out_of_step_made_anew(seven_books: Path) -> None:
    with held("catalog-2"):
        shelve()
    garble("catalog-2")
    (repaired,) = rejoin.repair(CATALOG)
    assert repaired.means == "log"
    assert_copies_equal("catalog")


def test_a_copy_is_in_step_though_the_donor_is_not(seven_books: Path) -> None:
    topology.database_file("catalog-2").unlink()
    book = shelve()
    garble("catalog-1")
    (repaired,) = rejoin.repair(CATALOG)
    assert repaired.means == "copy"
    assert found("catalog-2", "rpcs") == [2]
    assert found("catalog-2", "anabasis") == [book]


@pytest.mark.large
def test_a_migration_there_and_back_makes_them_again(seven_books: Path) -> None:
    book = shelve()
    call_command("migrate", "catalog_app", "0001", verbosity=0)
    assert rows("catalog-2", INDEXES) == []
    call_command("migrate", verbosity=0)
    assert_found("anabasis", book)
    assert_copies_equal("catalog")


@pytest.mark.large
def test_a_store_from_before_the_indexes_gets_them_by_migrate(seven_books: Path) -> None:
    try:
        with replication(TEXT_INDEXES=[]):
            schema_version.of_code.cache_clear()
            call_command("migrate", verbosity=0)
            assert rows("catalog-1", INDEXES) == []
    finally:
        schema_version.of_code.cache_clear()
    call_command("migrate", verbosity=0)
    assert_found("rpcs", 2)


def test_lost_triggers_come_back_with_migrate(seven_books: Path) -> None:
    with opened("catalog-1") as connection:
        connection.execute(f"DROP TRIGGER {WORDS_TABLE}_update")
        assert not text_index.installed(connection, CATALOG)
    call_command("migrate", verbosity=0)
    with opened("catalog-1") as connection:
        assert text_index.installed(connection, CATALOG)


# ------------------------------------------------------------------------------------------------- scrub


@pytest.mark.parametrize("table", [WORDS_TABLE, PARTS_TABLE])
@pytest.mark.parametrize("alias", ALIASES)
def test_a_scrub_finds_an_index_that_is_out_of_step_and_has_it_mended(
    seven_books: Path, alias: str, table: str
) -> None:
    garble(alias, table=table)
    findings = scrub_all(CATALOG)
    assert len(findings[alias]) == 1
    assert findings[alias][0].startswith("the text index book_")
    maintenance = Maintenance(CATALOG)
    maintenance.scrub()
    assert alias not in witness().in_sync
    maintenance.step()
    assert witness().in_sync == ("catalog-1", "catalog-2")
    assert scrub_all(CATALOG) == {"catalog-1": [], "catalog-2": []}
    assert_copies_equal("catalog")


def test_both_indexes_out_of_step_are_mended_one_after_the_other_while_the_store_sells(seven_books: Path) -> None:
    for alias in ALIASES:
        garble(alias)
    maintenance = Maintenance(CATALOG)
    maintenance.step()  # A start is no time to scrub.
    maintenance.scrub()
    assert len(witness().in_sync) == 1
    book_restock(book_id=2, quantity=1, actor="ann")
    for _ in range(3):
        maintenance.step()
    assert witness().in_sync == ("catalog-1", "catalog-2")
    assert_copies_equal("catalog")


def test_the_only_copy_in_sync_serves_on_with_an_index_out_of_step(seven_books: Path) -> None:
    with held("catalog-2"):
        shelve()
    garble("catalog-1")
    Maintenance(CATALOG).scrub()
    assert witness().in_sync == ("catalog-1",)
    assert not witness().suspects
    book_restock(book_id=2, quantity=1, actor="ann")


def test_a_broken_index_is_found_like_any_damage(seven_books: Path) -> None:
    with opened("catalog-2") as connection:
        connection.execute(f"UPDATE {WORDS_TABLE}_data SET block = x'00' WHERE id > 1")
    maintenance = Maintenance(CATALOG)
    assert scrub_all(CATALOG)["catalog-2"] != []
    maintenance.scrub()
    maintenance.step()
    assert_copies_equal("catalog")
