"""The history of books: whoever changes one, whichever way, it says who, when, what, from what and to what."""

import re
import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from bookstore_project.api.sales import Line
from bookstore_project.api.tests.api import as_node, assert_problem, send
from bookstore_project.replication import origin
from bookstore_project.replication.errors import WriteRefused
from bookstore_project.replication.tests.support.replica_files import Rows, assert_copies_equal, rows
from bookstore_project.replication.transaction import active_attempt, run
from catalog_app.models import Book, BookChange
from catalog_app.restocking import restock_to
from catalog_app.sales import order_sell
from catalog_app.services import add_book, book_create, book_restock, book_retire, book_update
from catalog_app.tests.admin_pages import BOOKS, save, text_of
from catalog_app.tests.import_helpers import run_import

pytestmark = pytest.mark.every_engine

NEW = {"title": "T", "authors": "A", "isbn13": None, "topic": "t", "price": Decimal("9.90"), "quantity": 3}


def history(book_id: int = 2) -> Rows:
    """Of a book, as both files have it; without what was there when the store was made."""
    assert_copies_equal("catalog")
    read = "SELECT field, before, after, actor, way FROM catalog_app_bookchange WHERE book_id = {} ORDER BY id"
    return [row for row in rows("catalog-2", read.format(book_id)) if row[3] != "first run"]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> str:
    """Of the operating system, which runs these tests."""
    monkeypatch.setattr(origin, "_account", lambda: "carol")
    return "carol"


def saved() -> None:
    book = Book.objects.get(pk=2)
    book.price = Decimal("9.99")
    book.save()


def updated() -> None:
    Book.objects.filter(pk=2).update(price=Decimal("9.99"), version=2)


def written_in_sql() -> None:
    attempt = active_attempt()
    assert attempt is not None
    with connections[attempt.lead_alias].cursor() as cursor:
        cursor.execute("UPDATE catalog_app_book SET price = 9.99, version = 2 WHERE id = 2")


@pytest.mark.parametrize("change", [saved, updated, written_in_sql])
def test_what_a_shell_changes_is_told_under_its_account(
    seven_books: Path, account: str, change: Callable[[], None]
) -> None:
    run("catalog", change)
    assert history() == [("price", "25.50", "9.99", account, "shell")]


def test_each_field_that_changes_has_its_row(seven_books: Path) -> None:
    fields = {"title": "RPCs", "authors": "Ann", "isbn13": "9780306406157", "topic": "rpc", "price": Decimal(7)}
    book_update(book_id=2, fields={**fields, "quantity": 48}, actor="ann")
    book_retire(book_id=2, actor="ann")
    assert [row[:4] for row in history()] == [
        ("title", "RPCs for Noobs", "RPCs", "ann"),
        ("authors", "", "Ann", "ann"),
        ("isbn13", "", "9780306406157", "ann"),
        ("topic", "distributed systems", "rpc", "ann"),
        ("price", "25.50", "7.00", "ann"),
        ("correction", "50", "48", "ann"),
        ("retired", "no", "yes", "ann"),
    ]


def test_what_changes_nothing_and_sales_leave_no_row(seven_books: Path) -> None:
    book_update(book_id=2, fields={"price": Decimal("25.5"), "title": " RPCs for  Noobs "}, actor="ann")
    order_sell(order=uuid.uuid4(), lines=[Line(2, 3), Line(3, 1)], deadline=None, is_first_attempt=False)
    assert history() == []


def test_a_change_that_is_taken_back_leaves_no_row(seven_books: Path) -> None:
    def fail() -> None:
        saved()
        raise LookupError

    with pytest.raises(LookupError):
        run("catalog", fail)
    assert history() == []


def test_the_api_tells_who_asked(node: None) -> None:
    assert send("PATCH", "/api/v1/books/2/", {"price": "9.90"}, as_user="ann").status_code == 200
    assert send("POST", "/api/v1/books/2/restock/", {"quantity": 5}, as_user="ann").status_code == 200
    by_front = as_node(**{"X-Acting-User": "dora"})
    assert send("PATCH", "/api/v1/books/2/", {"quantity": 1}, sent=by_front).status_code == 200
    assert history() == [
        ("price", "25.50", "9.90", "ann", "api"),
        ("restock", "50", "55", "ann", "api"),
        ("correction", "55", "1", "dora", "api"),
    ]


def test_the_admin_tells_who_saved(root: Client) -> None:
    assert save(root, root.get(BOOKS), 2, price="9.90", quantity="48").status_code == 302
    assert history() == [
        ("price", "25.50", "9.90", "root", "page"),
        ("correction", "50", "48", "root", "page"),
    ]


@pytest.mark.two_files
def test_an_import_is_told_as_one(seven_books: Path, account: str, tmp_path: Path, settings: Settings) -> None:
    file = tmp_path / "books.csv"
    file.write_text("id,title,topic,price,quantity\n2,RPCs for Noobs,distributed systems,9.90,50\n,New,t,1.00,4\n")
    run_import(file, "--update")
    assert history() == [("price", "25.50", "9.90", account, "import")]
    assert history(8) == [("initial", "", "4", account, "import")]


def test_the_stores_own_restock_is_told_as_such(seven_books: Path) -> None:
    restock_to(51)
    assert history() == [("restock", "50", "51", "restock", "store")]


def test_the_history_is_never_changed(seven_books: Path) -> None:
    book_restock(book_id=2, quantity=1, actor="ann")
    for change in (BookChange.objects.all().delete, lambda: BookChange.objects.update(actor="nobody")):
        with pytest.raises(WriteRefused):
            run("catalog", change)
    assert history() == [("restock", "50", "51", "ann", "shell")]


def test_rows_that_bring_their_own_history_get_no_second_one(seven_books: Path) -> None:
    """As those of a dump, which `loaddata` puts into an empty store."""

    def load() -> None:
        book = add_book(NEW, "ann")
        book.history.create(field="initial", after="3", actor="ann", way="api", created_at=timezone.now())

    run("catalog", load)
    assert history(8) == [("initial", "", "3", "ann", "api")]


@pytest.mark.large
@pytest.mark.two_files
def test_a_store_of_before_keeps_what_its_ledger_knows(seven_books: Path, settings: Settings) -> None:
    settings.REPLICATION = settings.REPLICATION | {"LEASE_S": 0}
    book_create(fields=NEW, actor="ann")
    book_restock(book_id=8, quantity=2, actor="bob")
    order_sell(order=uuid.uuid4(), lines=[Line(8, 1)], deadline=None, is_first_attempt=False)
    call_command("migrate", "catalog_app", "0004", database="catalog-1", verbosity=0)
    call_command("migrate", database="catalog-1", verbosity=0)
    assert history(8) == [("initial", "", "3", "ann", ""), ("restock", "3", "5", "bob", "")]


class TestPages:
    def test_a_books_page_of_history_shows_every_way_newest_first(self, root: Client) -> None:
        book_update(book_id=2, fields={"price": Decimal("9.90")}, actor="ann")
        book_restock(book_id=2, quantity=5, actor="bob")
        book_update(book_id=3, fields={"price": Decimal("1.23")}, actor="ann")
        order_sell(order=uuid.uuid4(), lines=[Line(2, 3)], deadline=None, is_first_attempt=False)
        words = text_of(root.get(f"{BOOKS}2/history/"))
        assert re.search(
            "Stock, restocked 50 55 bob shell or command .* Price 25.50 9.90 ann shell or command", words
        )
        assert "First stock 50 first run the store itself" in words
        assert "3 changes" in words
        assert "1.23" not in words

    def test_there_is_none_of_a_book_that_never_was(self, root: Client) -> None:
        assert root.get(f"{BOOKS}999/history/").status_code == 302

    def test_the_list_is_filtered_and_searched(self, root: Client) -> None:
        book_update(book_id=2, fields={"price": Decimal("9.90")}, actor="ann")
        words = text_of(root.get("/admin/catalog_app/bookchange/?field__exact=price&q=rpcs+ann"))
        assert "1 change of a book" in words
        assert "25.50 9.90 ann" in words

    def test_who_may_not_see_books_sees_no_history(self, node: None) -> None:
        browser = Client()
        browser.force_login(User.objects.create_user("eve", is_staff=True))
        for path in (f"{BOOKS}2/history/", "/admin/catalog_app/bookchange/"):
            assert browser.get(path).status_code == 403
        assert "bookchange" not in browser.get("/admin/").content.decode()


class TestApi:
    PATH = "/api/v1/books/2/history/"

    def test_staff_reads_it_page_by_page(self, node: None) -> None:
        send("PATCH", "/api/v1/books/2/", {"price": "9.90"}, as_user="ann")
        found = send("GET", f"{self.PATH}?page_size=1", as_user="ann").json()
        (change,) = found["results"]
        assert found["count"] == 2
        assert found["next"] == f"{self.PATH}?page_size=1&page=2"
        assert change.pop("id")
        assert change.pop("created_at").endswith("Z")
        assert change == {"field": "price", "before": "25.50", "after": "9.90", "actor": "ann", "way": "api"}

    def test_a_retired_book_keeps_it_and_one_that_never_was_has_none(self, node: None) -> None:
        book_retire(book_id=2, actor="ann")
        assert send("GET", self.PATH, as_user="ann").json()["results"][0]["field"] == "retired"
        for book_id in (999, 2**70):
            assert_problem(send("GET", f"/api/v1/books/{book_id}/history/", as_user="ann"), 404, "not_found")

    @pytest.mark.parametrize(("name", "status"), [("", 401), ("bob", 403)])
    def test_nobody_else_reads_it(self, node: None, name: str, status: int) -> None:
        assert send("GET", self.PATH, as_user=name).status_code == status
