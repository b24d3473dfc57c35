"""The list of topics, and what drops it from the fronts' caches."""

from pathlib import Path

import pytest
from django.db.models import F

from bookstore_project.api.tests.api import send
from bookstore_project.replication.log.entries import entries_after
from bookstore_project.replication.tests.support.replica_files import floor, opened
from bookstore_project.replication.transaction import run
from catalog_app.models import Book
from catalog_app.services import add_book, book_restock, book_retire, book_update

pytestmark = pytest.mark.usefixtures("node")


def topics(query: str = "") -> list[tuple[str, int]]:
    answer = send("GET", f"/api/v1/topics/{query}")
    assert answer.status_code == 200, answer.content
    return [(each["topic"], each["titles"]) for each in answer.json()["results"]]


def keys_since(position: int) -> list[list[str]]:
    with opened("catalog-1") as connection:
        return [entry.cache_keys for entry in entries_after(connection, position)]


def shelve(topic: str) -> int:
    fields = {"title": "A", "authors": "", "topic": topic, "price": "1.00", "quantity": 1}
    return run("catalog", lambda: add_book(fields, "ann")).value.pk


def test_topics_come_with_how_many_books_they_have_those_with_most_first(seven_books: Path) -> None:
    assert sum(count for _, count in topics()) == 7
    counts = [count for _, count in topics()]
    assert counts == sorted(counts, reverse=True)
    assert topics("?page_size=1&page=2") == topics()[1:2]


def test_what_moves_a_book_changes_the_list(seven_books: Path) -> None:
    book = shelve("Épées")
    assert ("Épées", 1) in topics()
    book_update(book_id=book, fields={"topic": "zoology"}, actor="ann")
    assert "Épées" not in dict(topics())
    assert dict(topics())["zoology"] == 1
    book_retire(book_id=book, actor="ann")
    assert "zoology" not in dict(topics())


def test_it_is_dropped_by_what_changes_it_and_by_nothing_else(seven_books: Path) -> None:
    begin = floor("catalog")
    book = shelve("new")
    book_update(book_id=book, fields={"topic": "newer"}, actor="ann")
    run("catalog", lambda: Book.objects.filter(pk=book).update(topic="newest", version=F("version") + 1))
    book_retire(book_id=book, actor="ann")
    assert all("topics:" in keys for keys in keys_since(begin))
    begin = floor("catalog")
    book_restock(book_id=2, quantity=1, actor="ann")
    book_update(book_id=2, fields={"title": "Other", "price": "3.00"}, actor="ann")
    assert len(keys_since(begin)) == 2
    assert not any("topics:" in keys for keys in keys_since(begin))
