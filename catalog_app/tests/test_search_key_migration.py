"""A store of before search keys: migrated on both files, with its old rows put in order."""

from importlib import import_module
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connections
from pytest_django import Settings

from bookstore_project.replication import events, texts
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, rows
from bookstore_project.replication.transaction import run
from catalog_app.services import book_update

pytestmark = pytest.mark.large
ORDER = "0" * 31 + "1"
OLD_ROWS = {
    1: ("Cafe\u0301  de\u00a0Flore", "Zoe\u0308", "e\u0301ssais "),
    2: ("a\x1b[31mred\u202e", "", "\u200b"),
    3: ("\x1b", "  ", "spring term"),
    4: ("Ünder Milk Wood", "", "spring term"),
}


@pytest.fixture
def old_store(seven_books: Path, settings: Settings) -> Path:
    """Files of the schema of before, with rows as they could be then."""
    settings.REPLICATION = settings.REPLICATION | {"LEASE_S": 0}
    events.changes_ready.disconnect(dispatch_uid="replication.texts")
    try:
        run("catalog", write_as_before)
        run("order", lambda: order("Café\u00a0Zoë"))
    finally:
        texts.connect()
    for app in ("catalog", "order"):
        call_command("migrate", f"{app}_app", "0001", database=f"{app}-1", verbosity=0)
    assert rows("catalog-2", "SELECT count(*) FROM pragma_table_info('catalog_app_book') WHERE name LIKE '%key'") == [
        (0,)
    ]
    return seven_books


def test_keys_of_other_rules_are_made_anew_on_both_files(seven_books: Path, settings: Settings) -> None:
    settings.REPLICATION = settings.REPLICATION | {"LEASE_S": 0}
    events.changes_ready.disconnect(dispatch_uid="replication.texts")
    try:
        run(
            "catalog",
            lambda: execute("UPDATE catalog_app_book SET title = '20,000 %', title_key = 'old', version = 2"),
        )
        run("order", lambda: order("Qurʾān"))
    finally:
        texts.connect()
    for app in ("catalog", "order"):
        call_command("migrate", f"{app}_app", "0002", database=f"{app}-1", verbosity=0)
        call_command("migrate", database=f"{app}-1", verbosity=0)
        assert_copies_equal(app)
    assert rows("catalog-2", "SELECT DISTINCT title_key, version FROM catalog_app_book") == [("20000%", 2)]
    assert rows("order-2", "SELECT title_key FROM order_app_orderline") == [("quran",)]


def test_texts_of_other_rules_get_their_form_of_now_on_both_files(seven_books: Path, settings: Settings) -> None:
    settings.REPLICATION = settings.REPLICATION | {"LEASE_S": 0}
    events.changes_ready.disconnect(dispatch_uid="replication.texts")
    odd = "title = 'Em' || char(917760) || 'ma', title_key = 'x', authors = char(8203) || 'Ann', authors_key = 'ann'"
    try:
        run(
            "catalog",
            lambda: execute(f"UPDATE catalog_app_book SET {odd}, topic = char(8203), version = 2 WHERE id < 3"),
        )
        run("catalog", lambda: execute("UPDATE catalog_app_book SET title_key = 'old', version = 2 WHERE id = 3"))
    finally:
        texts.connect()
    call_command("migrate", "catalog_app", "0012", database="catalog-1", verbosity=0)
    call_command("migrate", database="catalog-1", verbosity=0)
    assert_copies_equal("catalog")
    for alias in ("catalog-1", "catalog-2"):
        columns = "title, title_key, authors, authors_key, topic, topic_key, version"
        found = rows(alias, f"SELECT {columns} FROM catalog_app_book ORDER BY id")
        assert found[:2] == [("Emma", "emma", "Ann", "ann", "general", "general", 3)] * 2, "same books stay two"
        assert found[2][1] != "old"
        assert [row[-1] for row in found[2:5]] == [2, 1, 1]


def execute(statement: str) -> None:
    with connections["catalog-1"].cursor() as cursor:
        cursor.execute(statement)


def write_as_before() -> None:
    with connections["catalog-1"].cursor() as cursor:
        for book, row in OLD_ROWS.items():
            cursor.execute(
                "UPDATE catalog_app_book SET title = %s, authors = %s, topic = %s, version = 2 WHERE id = %s",
                (*row, book),
            )


def order(title: str) -> None:
    with connections["order-1"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO order_app_order (id, status, refunded, created_at, sale)"
            " VALUES (%s, 'completed', 0, '2030-01-01', 1)",
            [ORDER],
        )
        cursor.execute(
            "INSERT INTO order_app_orderline (sale, order_id, book, title, title_key, quantity, cancelled,"
            " unit_price) VALUES (1, %s, 1, %s, '', 1, 0, 1)",
            (ORDER, title),
        )


def test_old_rows_get_their_form_and_their_keys_on_both_files(old_store: Path) -> None:
    for app in ("catalog", "order"):
        call_command("migrate", database=f"{app}-1", verbosity=0)
        assert_copies_equal(app)
    for alias in ("catalog-1", "catalog-2"):
        columns = "title, title_key, authors, authors_key, topic, topic_key, version"
        found = rows(alias, f"SELECT {columns} FROM catalog_app_book ORDER BY id")
        assert found[:4] == [
            ("Café de Flore", "cafe de flore", "Zoë", "zoe", "éssais", "essais", 3),
            ("a[31mred", "a 31mred", "", "", "general", "general", 3),
            ("untitled", "untitled", "", "", "spring term", "spring term", 3),
            ("Ünder Milk Wood", "under milk wood", "", "", "spring term", "spring term", 2),
        ]
        assert rows(alias, "SELECT DISTINCT title, title_key FROM catalog_app_ledgerentry WHERE book_id = 6") == [
            ("Why theory classes are so hard", "why theory classes are so hard")
        ]
    assert rows("order-2", "SELECT title, title_key FROM order_app_orderline") == [("Café\u00a0Zoë", "cafe zoe")]
    book_update(book_id=1, fields={"quantity": 1}, actor="ann")
    assert_copies_equal("catalog")


def test_more_rows_than_a_batch_are_all_filled(old_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bookstore_project.text.backfill.BATCH", 2)
    call_command("migrate", database="catalog-1", verbosity=0)
    assert rows("catalog-2", "SELECT count(*) FROM catalog_app_book WHERE title_key = ''") == [(0,)]
    assert rows("catalog-2", "SELECT count(*) FROM catalog_app_ledgerentry WHERE title_key = ''") == [(0,)]


def test_a_row_that_is_as_it_should_be_keeps_its_version() -> None:
    migration = import_module("catalog_app.migrations.0002_search_keys")
    assert migration.in_one_form((7, "Emma", "Jane Austen", "novels")) == {}
