"""Lists of the admin say how long they are without counting, and offer topics and times without reading all rows."""

from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookstore_project.api import admin_pages
from bookstore_project.replication import reads
from bookstore_project.replication.transaction import run
from bookstore_project.settings import topology
from catalog_app.admin import counting
from catalog_app.models import BookChange, BookQuerySet
from catalog_app.services import add_book, book_retire
from catalog_app.tests.admin_pages import BOOKS
from tests.contract.html import Page

LEDGER, HISTORY = "/admin/catalog_app/ledgerentry/", "/admin/catalog_app/bookchange/"


def shelve(topic: str) -> int:
    fields = {"title": "Anabasis", "authors": "Xenophon", "topic": topic, "price": "9.90", "quantity": 1}
    return run("catalog", lambda: add_book(fields, "ann")).value.pk


def count(answer: Any) -> int:
    assert answer.status_code == 200, answer.content[:300]
    number: int = answer.context["cl"].result_count
    return number


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", 9),
        ("?topic=war", 2),
        ("?topic=peace", 0),
        ("?retired__exact=1", 1),
        ("?retired__exact=0", 8),
        ("?retired__exact=1&topic=war", 1),
        ("?retired__exact=0&topic=war", 1),
        ("?q=anabasis", 2),
        ("?q=anabasis&topic=war&retired__exact=0", 1),
        ("?stock=out", 0),
        ("?stock=low&topic=war", 1),
    ],
)
def test_a_list_is_as_long_as_it_says(root: Client, query: str, expected: int) -> None:
    book_retire(book_id=shelve("war"), actor="ann")
    shelve("war")
    answer = root.get(f"{BOOKS}{query}")
    assert count(answer) == len(answer.context["cl"].result_list) == expected


@pytest.mark.parametrize("query", ["", "?topic=spring+term", "?retired__exact=0", "?retired__exact=1&topic=war"])
def test_books_are_not_counted_where_their_number_is_known(
    root: Client, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BookQuerySet, "count", lambda rows: pytest.fail("the rows are counted"))
    count(root.get(f"{BOOKS}{query}"))


def test_topics_with_most_books_are_offered_and_the_one_that_was_chosen(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelve("war")
    monkeypatch.setattr(counting, "MOST_TOPICS", 2)
    links = Page.of(root.get(BOOKS).content).links
    assert "?topic=war" not in links
    assert len([link for link in links if link.startswith("?topic=")]) == 2
    chosen = root.get(f"{BOOKS}?topic=war")
    assert count(chosen) == 1
    assert "?topic=war" in Page.of(chosen.content).links


def times(answer: Any, *, dashes: int) -> list[str]:
    links = dict.fromkeys(Page.of(answer.content).links)
    return [link for link in links if link.startswith("?when=") and link.count("-") == dashes]


@pytest.mark.parametrize("path", [LEDGER, HISTORY])
def test_the_times_lead_down_to_the_days_that_have_rows(root: Client, path: str) -> None:
    shelve("war")
    first = root.get(path)
    everything = count(first)
    month = times(first, dashes=1)[-1]
    days = times(root.get(f"{path}{month}"), dashes=2)
    assert sum(count(root.get(f"{path}{day}")) for day in days) == count(root.get(f"{path}{month}"))
    assert count(root.get(f"{path}?when=1999")) == 0
    assert count(root.get(f"{path}{month}")) <= everything


@pytest.mark.parametrize("when", ["x", "2026-13", "2026-02-30", "20", "0001", "9999", "2026-", "２０２６"])
def test_a_time_that_makes_no_sense_leads_back_to_the_list(root: Client, when: str) -> None:
    answer = root.get(f"{LEDGER}?when={when}")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{LEDGER}?e=1")


@pytest.mark.parametrize("path", [f"{LEDGER}?kind__exact=initial", f"{HISTORY}?when=2020", f"{HISTORY}?q=first+run"])
def test_rows_of_a_filter_are_counted_up_to_a_bound(root: Client, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with reads.reading(topology.CATALOG):
        made_at = BookChange.objects.latest("created_at").created_at
    path = path.replace("2020", str(timezone.localtime(made_at).year))
    for most, told in ((6, "more than 6 found"), (7, "7 found")):
        monkeypatch.setattr(admin_pages, "MOST_COUNTED", most)
        answer = root.get(path)
        assert count(answer) == most
        assert f" {told} " in Page.of(answer.content).text
    assert count(root.get(path.partition("?")[0])) == 7, "of the whole list, all are counted"


ACTORS = 'SELECT DISTINCT "catalog_app_bookchange"."actor"'
"""Short texts, of which few are different."""


@pytest.mark.parametrize(
    "path", [BOOKS, LEDGER, HISTORY, f"{HISTORY}?q=first", f"{LEDGER}?q=rpcs", f"{BOOKS}?q=rpcs"]
)
def test_no_list_is_searched_for_what_is_in_it_twice(root: Client, path: str) -> None:
    """A DISTINCT of whole rows sorts them all, however few are shown."""
    with CaptureQueriesContext(connections["catalog-1"]) as asked:
        root.get(path)
    assert [each["sql"] for each in asked]
    assert not [each["sql"] for each in asked if "DISTINCT" in each["sql"].replace(ACTORS, "")]
