"""NUL in whatever takes a text: PostgreSQL can't hold it, and it is refused before any engine sees it."""

from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from bookstore_project.api.tests.api import assert_problem, send
from bookstore_project.replication import reads
from bookstore_project.settings import topology
from bookstore_project.text.canonical import UnfitText
from catalog_app.models import Book
from catalog_app.tests.admin_pages import BOOKS

pytestmark = [pytest.mark.usefixtures("node"), pytest.mark.every_engine]

NUL = "a\0b"
NEW = {"title": "T", "topic": "t", "price": "9.90", "quantity": 2}
QUERIES = ("topic", "search", "find", "ordering", "stock", "after", "page", "page_size")
OF_ADMIN = ("q", "topic", "topic__exact", "stock", "price__gte", "o", "p", "retired__exact", "id__exact", "title")


@pytest.mark.parametrize("name", ["title", "authors", "topic", "isbn13", "price", "quantity"])
def test_a_null_character_in_a_book_is_the_clients_error(name: str) -> None:
    for method, path in (("POST", "/api/v1/books/"), ("PATCH", "/api/v1/books/1/")):
        answer = send(method, path, {**NEW, name: NUL}, as_user="ann")
        assert list(assert_problem(answer, 400, "validation_error")["errors"]) == [name]


def test_a_null_character_in_a_query_is_the_clients_error() -> None:
    for name in QUERIES:
        answer = send("GET", f"/api/v1/books/?{name}={quote(NUL)}")
        assert list(assert_problem(answer, 400, "validation_error")["errors"]) == [name]


@pytest.mark.parametrize("text", [NUL, "\ud800", "Emma\udfff"], ids=ascii)
def test_a_shell_that_looks_for_what_no_text_can_have_finds_nothing(text: str) -> None:
    with reads.reading(topology.CATALOG):
        for lookup in ("title", "authors", "topic", "title__in"):
            wanted = {lookup: [text] if lookup.endswith("__in") else text}
            assert list(Book.objects.filter(**wanted)) == [], lookup
            assert Book.objects.exclude(**wanted).count() == Book.objects.count(), lookup
        with pytest.raises(UnfitText, match="isn't allowed in a text"):
            list(Book.objects.matching(text))


def test_no_topic_has_a_null_character() -> None:
    answer = send("GET", f"/search/{quote(NUL)}")
    assert (answer.status_code, answer.json()["results"]) == (200, [])


@pytest.mark.parametrize("page", [BOOKS, "/admin/catalog_app/ledgerentry/", "/admin/catalog_app/bookchange/"])
def test_the_admins_lists_take_a_null_character_for_a_filter_that_finds_nothing(root: Client, page: str) -> None:
    for name in OF_ADMIN:
        answer: Any = root.get(f"{page}?{name}={quote(NUL)}")
        assert answer.status_code in (200, 302, 400), name
