"""How SQLite goes about the lists of books: by an index, in the order asked for, and not through all books."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin import site
from django.db.models import QuerySet
from django.test import RequestFactory

from bookstore_project.replication import reads
from bookstore_project.settings import topology
from catalog_app import selectors
from catalog_app.admin import BookAdmin
from catalog_app.models import Book

QUERY = {"topic": "", "search": "", "find": "", "ordering": "id"}
SORTS = "USE TEMP B-TREE FOR ORDER BY"


def plan_of(rows: Any) -> str:
    """For one page of these rows."""
    assert isinstance(rows, QuerySet)
    return rows[:20].explain()


@pytest.mark.parametrize(
    ("ordering", "index"),
    [
        ("title", "book_on_sale_by_title"),
        ("-title", "book_on_sale_by_title"),
        ("price", "book_on_sale_by_price"),
        ("-price", "book_on_sale_by_price"),
    ],
)
def test_a_sorted_page_is_read_in_the_order_of_an_index(seven_books: Path, ordering: str, index: str) -> None:
    with reads.reading(topology.CATALOG):
        plan = plan_of(selectors.books_matching({**QUERY, "ordering": ordering}).rows)
    assert index in plan
    assert SORTS not in plan


def test_a_page_of_a_topic_reads_the_books_of_that_topic_alone(seven_books: Path) -> None:
    with reads.reading(topology.CATALOG):
        pages = [
            plan_of(selectors.books_matching({**QUERY, "topic": "spring term"}).rows),
            plan_of(selectors.books_of_topic("spring term")),
        ]
    for plan in pages:
        assert "SEARCH catalog_app_book USING INDEX book_on_sale_by_topic (topic=?)" in plan
        assert "SCAN" not in plan
        assert SORTS not in plan


@pytest.mark.parametrize("search", ["noobs", "rpc noob", "noobs 9780306406157", "j.k. rowling"])
def test_the_admin_looks_words_up_and_does_not_read_all_books(seven_books: Path, search: str) -> None:
    with reads.reading(topology.CATALOG):
        books, _ = BookAdmin(Book, site).get_search_results(RequestFactory().get("/"), Book.objects.all(), search)
        plan = plan_of(books)
    assert "SCAN replication_text_book_parts VIRTUAL TABLE" in plan
    assert "SCAN catalog_app_book" not in plan


def test_what_is_sold_out_is_found_without_reading_all_books(seven_books: Path) -> None:
    with reads.reading(topology.CATALOG):
        plan = plan_of(selectors.books_matching({**QUERY, "stock": "out"}).rows)
    assert "USING INDEX book_sold_out" in plan
    assert SORTS not in plan
