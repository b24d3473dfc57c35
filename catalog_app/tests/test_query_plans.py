"""How SQLite goes about the lists of books: by an index, in the order asked for, and not through all books."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from django.contrib.admin import site
from django.db import connections
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from bookstore_project.api.cursors import Cursor
from bookstore_project.api.query_parameters import ORDERINGS
from bookstore_project.replication import reads
from bookstore_project.settings import topology
from catalog_app import selectors
from catalog_app.admin import BookAdmin
from catalog_app.admin.history import BookChangeAdmin
from catalog_app.listing import ListedBooks
from catalog_app.models import Book, BookChange, BookQuerySet
from catalog_app.services import book_update

QUERY = {"topic": "", "search": "", "find": "", "ordering": "id"}
SORTS = "USE TEMP B-TREE"


def plans_of(listed: object) -> list[str]:
    """For the keys of one page, read from either end."""
    assert isinstance(listed, ListedBooks)
    return [rows.values_list("pk")[100:120].explain() for rows in (listed.rows, listed.rows.reverse())]


@pytest.mark.parametrize(
    ("ordering", "index"),
    [
        ("id", "book_on_sale"),
        ("title", "book_on_sale_by_title"),
        ("authors", "book_by_authors"),
        ("topic", "book_by_topic"),
        ("price", "book_by_price"),
        ("quantity", "book_by_quantity"),
    ],
)
@pytest.mark.parametrize("sign", ["", "-"])
def test_a_page_is_found_in_an_index_of_its_order_alone(
    seven_books: Path, ordering: str, index: str, sign: str
) -> None:
    with reads.reading(topology.CATALOG):
        plans = plans_of(selectors.books_matching({**QUERY, "ordering": f"{sign}{ordering}"}).rows)
    for plan in plans:
        assert f"COVERING INDEX {index}" in plan
        assert SORTS not in plan


@pytest.mark.parametrize("search", ["1984", "20,000 sea", "Spider-Man"])
def test_a_word_that_may_be_written_in_two_ways_is_looked_up_too(seven_books: Path, search: str) -> None:
    """And not looked for in each book: a year is one, and what somebody types of an ISBN."""
    with reads.reading(topology.CATALOG):
        plan = Book.objects.on_sale().matching(search).order_by().explain()
    assert "VIRTUAL TABLE INDEX" in plan
    assert "SCAN catalog_app_book" not in plan


VALUES = {"id": "", "title": "T", "authors": "A", "topic": "t", "price": Decimal("9.90"), "quantity": 3}


BY_KEY = [
    *((ordering, "") for ordering in ORDERINGS),
    # Of one topic, pages by number have no index for the others either.
    *((each, "spring term") for each in ORDERINGS if each.removeprefix("-") not in ("topic", "quantity")),
]


@pytest.mark.parametrize(("ordering", "topic"), BY_KEY)
def test_a_page_by_key_begins_in_the_index_where_it_begins_in_the_list(
    seven_books: Path, ordering: str, topic: str
) -> None:
    column = ordering.removeprefix("-")
    with reads.reading(topology.CATALOG):
        listed = selectors.books_matching({**QUERY, "topic": topic, "ordering": ordering}).rows
        assert isinstance(listed, ListedBooks)
        parts = [rows.values_list("pk")[:20] for rows in listed.rows.behind(Cursor(ordering, 4, VALUES[column]))]
        plans = [rows.explain() for rows in parts]
    assert len(parts) == {"id": 1, "price": 2, "quantity": 2}.get(column, 3)
    for plan, rows in zip(plans, parts, strict=True):
        assert re.search(r"SEARCH catalog_app_book USING COVERING INDEX book_(on_sale|by)\w* \(.*[<>]\?\)", plan)
        assert SORTS not in plan
        assert "OFFSET" not in str(rows.query)
    assert "id<?" in plans[0] or "id>?" in plans[0], "among equals, it begins at the id"


def test_a_page_of_a_topic_reads_the_books_of_that_topic_alone(seven_books: Path) -> None:
    with reads.reading(topology.CATALOG):
        pages = [
            *plans_of(selectors.books_matching({**QUERY, "topic": "spring term"}).rows),
            *plans_of(selectors.books_of_topic("spring term")),
        ]
    for plan in pages:
        assert "SEARCH catalog_app_book USING COVERING INDEX book_on_sale_by_topic (topic=?)" in plan
        assert SORTS not in plan


@pytest.mark.parametrize("ordering", ["title", "authors", "price"])
@pytest.mark.parametrize("sign", ["", "-"])
def test_a_page_of_a_topic_is_found_in_the_orders_that_the_shop_offers(
    seven_books: Path, ordering: str, sign: str
) -> None:
    with reads.reading(topology.CATALOG):
        plans = plans_of(selectors.books_matching({**QUERY, "topic": "x", "ordering": f"{sign}{ordering}"}).rows)
    for plan in plans:
        assert f"COVERING INDEX book_on_sale_by_topic_{ordering} (topic=?)" in plan
        assert SORTS not in plan


@pytest.mark.parametrize("search", ["noobs", "rpc noob", "j.k. rowling"])
def test_the_admin_looks_words_up_and_does_not_read_all_books(seven_books: Path, search: str) -> None:
    with reads.reading(topology.CATALOG):
        books, _ = BookAdmin(Book, site).get_search_results(RequestFactory().get("/"), Book.objects.all(), search)
        plan = books[:20].explain()
    assert "SCAN replication_text_book_parts VIRTUAL TABLE" in plan
    assert "SCAN catalog_app_book" not in plan


@pytest.mark.parametrize("search", ["0306", "97803064", "978 0 306"])
def test_the_admin_looks_the_beginning_of_an_isbn_up(seven_books: Path, search: str) -> None:
    book_update(book_id=2, fields={"isbn13": "9780306406157"}, actor="ann")
    with reads.reading(topology.CATALOG), CaptureQueriesContext(connections["catalog-1"]) as asked:
        books, _ = BookAdmin(Book, site).get_search_results(RequestFactory().get("/"), Book.objects.all(), search)
        assert [book.pk for book in books] == [2]
        with connections["catalog-1"].cursor() as cursor:
            plans = [
                cursor.execute(f"EXPLAIN QUERY PLAN {each['sql']}").fetchall() for each in asked.captured_queries
            ]
    told = "\n".join(str(row[3]) for plan in plans for row in plan)
    assert "USING INDEX book_isbn13_is_sold_once (isbn13>? AND isbn13<?)" in told
    assert "USING INDEX book_retired_by_isbn13 (isbn13>? AND isbn13<?)" in told
    assert "SCAN catalog_app_book" not in told


@pytest.mark.parametrize("search", ["noobs", "first noobs", "rpc noob"])
def test_a_search_of_the_history_finds_books_first(seven_books: Path, search: str) -> None:
    with reads.reading(topology.CATALOG):
        listed = BookChangeAdmin(BookChange, site)
        changes, _ = listed.get_search_results(RequestFactory().get("/"), BookChange.objects.all(), search)
        plan = changes.order_by()[:20].explain()
    assert "SCAN replication_text_book_parts VIRTUAL TABLE" in plan
    assert "LIST SUBQUERY" in plan, "once, and not for each row"


@pytest.mark.parametrize("ordering", ["authors_key", "topic_key", "price", "quantity"])
def test_all_books_retired_ones_among_them_are_listed_from_an_index(seven_books: Path, ordering: str) -> None:
    with reads.reading(topology.CATALOG):
        plan = Book.objects.order_by(ordering, "-pk")[:20].explain()
    assert f"USING INDEX book_by_{ordering.removesuffix('_key')}" in plan


def test_what_is_sold_out_is_found_without_reading_all_books(seven_books: Path) -> None:
    with reads.reading(topology.CATALOG):
        plans = plans_of(selectors.books_matching({**QUERY, "stock": "out"}).rows)
    for plan in plans:
        assert "USING COVERING INDEX book_by_quantity (quantity=?)" in plan
        assert SORTS not in plan


@pytest.mark.parametrize("topic", ["", "spring term"])
def test_a_list_is_not_counted(seven_books: Path, topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BookQuerySet, "count", lambda rows: pytest.fail("the rows are counted"))
    with reads.reading(topology.CATALOG):
        listed = selectors.books_matching({**QUERY, "topic": topic}).rows
        assert len(listed) == len(listed[:])
