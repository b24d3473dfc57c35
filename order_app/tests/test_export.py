"""Orders and their lines as a file: the list's filters, one moment, and nothing that a spreadsheet would run."""

import csv
import io
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from bookstore_project.api import csv_files
from bookstore_project.api.tests.api import assert_problem, send
from bookstore_project.replication import reads
from bookstore_project.replication.transaction import run
from order_app.exporting import COLUMNS, export
from order_app.models import Order

EXPORT, ADMIN = "/api/v1/orders/export/", "/admin/order_app/order/export/"
BEFORE = (
    "order",
    "number",
    "day",
    "created_at",
    "status",
    "book",
    "title",
    "quantity",
    "cancelled",
    "unit_price",
    "total",
)
FIRST, SECOND = uuid.UUID("6f1c2b5e-0000-4000-8000-000000000001"), uuid.UUID(int=2)


@pytest.fixture(autouse=True)
def node(seven_books: Path, settings: Settings) -> None:
    """Two orders, the first one of two books; `ann` is of staff."""
    settings.ROOT_URLCONF = "order_app.urls"

    def write() -> None:
        first = Order.objects.create(
            id=FIRST, created_at=datetime(2030, 1, 1, 23, 30, tzinfo=UTC), sale=1, refunded=Decimal("20.00")
        )
        first.lines.create(sale=1, book=2, title="=RPCs", quantity=2, cancelled=1, unit_price=Decimal("25.50"))
        first.lines.create(sale=2, book=3, title='Xen, "the" Art\nof é', quantity=1, unit_price=Decimal("0.10"))
        second = Order.objects.create(
            id=SECOND, created_at=datetime(2030, 1, 2, 1, tzinfo=UTC), sale=3, status="collected"
        )
        second.lines.create(sale=3, book=3, title="Xen", quantity=1, unit_price=Decimal("0.20"))

    run("order", write)


def rows(answer: Any) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="orders.csv"'
    content = answer.getvalue()
    assert content.startswith(b"\xef\xbb\xbf"), "spreadsheets know UTF-8 by it"
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def get(query: str = "") -> list[dict[str, str]]:
    return rows(send("GET", f"{EXPORT}{query}", as_user="ann"))


def test_each_line_is_a_row_with_what_its_order_says(settings: Settings) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    newest, *older = get()
    assert newest["order"] == str(SECOND)
    assert [list(row.values()) for row in older] == [
        [str(FIRST), "6F1C 2B5E", "2030-01-02", "2030-01-01T23:30:00Z", "completed",
         "2", "'=RPCs", "2", "1", "25.50", "51.00", "1", "25.50", "51.10", "25.60", "20.00"],
        [str(FIRST), "6F1C 2B5E", "2030-01-02", "2030-01-01T23:30:00Z", "completed",
         "3", 'Xen, "the" Art\nof é', "1", "0", "0.10", "0.10", "1", "0.10", "51.10", "25.60", "20.00"],
    ]  # fmt: skip
    assert tuple(newest) == COLUMNS
    assert COLUMNS[:11] == BEFORE, "new ones stand at the end, whoever reads by the place"
    of_order = {name: newest[name] for name in ("order_total", "order_left_total", "order_refunded")}
    assert of_order == {"order_total": "0.20", "order_left_total": "0.20", "order_refunded": "0.00"}


def test_an_order_of_which_another_filter_finds_a_line_has_its_own_sums() -> None:
    """The file has all lines of the orders that are found."""
    assert {row["order_total"] for row in get("?book=3") if row["order"] == str(FIRST)} == {"51.10"}


@pytest.mark.parametrize(
    ("query", "sales"),
    [
        ("?book=2", ["=RPCs", "Xen, "]),
        ("?number=6f1c+2b5e", ["=RPCs", "Xen, "]),
        ("?status=collected", ["Xen"]),
        ("?created_after=2030-01-02T00:00:00Z", ["Xen"]),
        ("?created_before=2030-01-02T00:00:00Z", ["=RPCs", "Xen, "]),
        ("?book=99", []),
        ("?page=7&page_size=1", ["Xen", "=RPCs", "Xen, "]),
    ],
)
def test_it_has_the_filters_of_the_list_and_all_its_pages(query: str, sales: list[str]) -> None:
    assert [row["title"].lstrip("'").partition('"')[0] for row in get(query)] == sales


def test_its_lines_come_to_what_the_list_says() -> None:
    listed = send("GET", "/api/v1/orders/", as_user="ann").json()["results"]
    assert sum(Decimal(row["total"]) for row in get()) == sum(Decimal(order["total"]) for order in listed)


@pytest.mark.parametrize("accept", ["text/csv", "*/*", "text/html,*/*;q=0.8", "application/json"])
def test_whatever_is_accepted_it_is_the_file(accept: str) -> None:
    assert len(rows(send("GET", EXPORT, as_user="ann", sent={"Accept": accept}))) == 3


@pytest.mark.parametrize("accept", ["text/csv", "*/*"])
def test_what_is_wrong_is_told_as_everywhere(accept: str) -> None:
    refused = send("GET", f"{EXPORT}?book=x", as_user="ann", sent={"Accept": accept})
    assert list(assert_problem(refused, 400, "validation_error")["errors"]) == ["book"]
    assert_problem(send("GET", EXPORT, sent={"Accept": accept}), 401, "not_authenticated")
    assert_problem(send("GET", EXPORT, as_user="bob", sent={"Accept": accept}), 403, "permission_denied")


def test_a_large_one_is_on_the_disk_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_files, "IN_MEMORY_BYTES", 100)
    with reads.reading("order"):
        response: Any = export(Order.objects.all())
    assert response.file_to_stream._rolled
    assert len(rows(response)) == 3
    response.close()


class TestAdmin:
    @pytest.fixture
    def root(self, node: None) -> Client:
        browser = Client()
        browser.force_login(User.objects.get(username="root"))
        return browser

    def test_the_list_leads_to_its_file_with_its_filters(self, root: Client) -> None:
        page = root.get("/admin/order_app/order/?book=2").content.decode()
        assert f'href="{ADMIN}?book=2"' in page

    @pytest.mark.parametrize(
        ("query", "count"),
        [("", 3), ("?book=2", 2), ("?q=6F1C+2B5E", 2), ("?q=art", 2), ("?created_at__year=2031", 0)],
    )
    def test_it_has_the_rows_of_the_list(self, root: Client, query: str, count: int) -> None:
        assert len(rows(root.get(f"{ADMIN}{query}"))) == count

    def test_nonsense_leads_back_to_the_list(self, root: Client) -> None:
        answer = root.get(f"{ADMIN}?book=x")
        assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/order_app/order/?e=1")

    def test_who_may_not_see_orders_gets_none(self, node: None) -> None:
        browser = Client()
        browser.force_login(User.objects.create_user("eve", is_staff=True))
        assert browser.get(ADMIN).status_code == 403
        assert browser.post(ADMIN).status_code == 403
