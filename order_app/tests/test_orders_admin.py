"""Orders in the admin: found by title, id, book and date, with what they come to."""

import re
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from bookstore_project.api import admin_pages
from bookstore_project.replication.transaction import run
from order_app import admin
from order_app.models import Order, OrderLine
from tests.contract.html import Page

ORDERS = "/admin/order_app/order/"
ZERO = "+00%3A00%3A00%2B00%3A00"
TOO_MANY = "These orders are too many to be added up: choose a day or a shorter period."
FIRST = uuid.UUID("6f1c2b5e-0000-4000-8000-000000000001")


@pytest.fixture
def root(empty_store: Path, settings: Settings) -> Client:
    settings.ROOT_URLCONF = "order_app.urls"
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def sold(root: Client) -> Client:
    """Three orders of RPCs, two of Xen, over two years."""
    sales = [
        (FIRST, 2, "RPCs for Noobs", 1, "25.50", datetime(2029, 12, 31, 23, 59, tzinfo=UTC)),
        (uuid.UUID(int=2), 2, "RPCs for Noobs", 2, "25.50", datetime(2030, 1, 1, tzinfo=UTC)),
        (uuid.UUID(int=3), 2, "RPCs for Noobs", 1, "0.10", datetime(2030, 1, 1, 12, tzinfo=UTC)),
        (uuid.UUID(int=4), 3, "Xen", 3, "0.20", datetime(2030, 1, 2, tzinfo=UTC)),
        (uuid.UUID(int=5), 3, "Xen", 1000, "99999999.99", datetime(2030, 2, 1, tzinfo=UTC)),
    ]

    def write() -> None:
        for number, (key, book, title, quantity, price, when) in enumerate(sales, start=1):
            order = Order.objects.create(id=key, created_at=when, sale=number)
            order.lines.create(sale=number, book=book, title=title, quantity=quantity, unit_price=Decimal(price))

    run("order", write)
    return root


def page(browser: Client, query: str = "") -> Any:
    answer = browser.get(f"{ORDERS}{query}")
    assert answer.status_code == 200, answer.content[:300]
    return answer


def titles(answer: Any) -> list[str]:
    return [line.title for order in answer.context["cl"].result_list for line in order.lines.all()]


def totals(answer: Any) -> str:
    return Page.of(answer.content.partition(b'<p id="totals">')[2].partition(b"</p>")[0]).text


@pytest.mark.large
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "5 orders, 1,007 copies, takings 100,000,000,067.20"),
        ("?q=noobs", "3 orders, 4 copies, takings 76.60"),
        ("?book=3", "2 orders, 1,003 copies, takings 99,999,999,990.60"),
        ("?book=99", "0 orders, 0 copies, takings 0.00"),
        ("?created_at__year=2030", "4 orders, 1,006 copies, takings 100,000,000,041.70"),
        ("?created_at__year=2030&created_at__month=1", "3 orders, 6 copies, takings 51.70"),
        ("?created_at__year=2030&created_at__month=1&created_at__day=1", "2 orders, 3 copies, takings 51.10"),
        ("?when=2029", "1 order, 1 copy, takings 25.50"),
        ("?when=2029-12-31", "1 order, 1 copy, takings 25.50"),
        ("?when=2030", "4 orders, 1,006 copies, takings 100,000,000,041.70"),
        ("?when=2030-01", "3 orders, 6 copies, takings 51.70"),
        ("?when=2030-01-01", "2 orders, 3 copies, takings 51.10"),
        ("?when=2030-12", "0 orders, 0 copies, takings 0.00"),
        (f"?created_at__gte=2030-01-02{ZERO}&created_at__lt=2030-01-03{ZERO}", "1 order, 3 copies, takings 0.60"),
        (f"?q={FIRST}", "1 order, 1 copy, takings 25.50"),
        (f"?q={FIRST.hex}", "1 order, 1 copy, takings 25.50"),
        (f"?q={str(FIRST)[:12]}", "1 order, 1 copy, takings 25.50"),
        ("?q=nothing", "0 orders, 0 copies, takings 0.00"),
    ],
)
def test_what_is_found_is_added_up_to_the_cent(sold: Client, query: str, expected: str) -> None:
    assert totals(page(sold, query)) == expected


def test_each_row_begins_with_the_number_that_leads_to_the_order(sold: Client) -> None:
    row = page(sold, f"?q={FIRST}").content.decode().partition("<tbody>")[2]
    assert re.search(rf'<th[^>]*><a href="{ORDERS}{FIRST}/change/[^"]*">6F1C 2B5E</a></th>', row)
    assert [order.pk.int for order in page(sold, "?o=1").context["cl"].result_list][:3] == [2, 3, 4]


def test_totals_are_of_all_pages(sold: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin.OrderAdmin, "list_per_page", 2)
    answer = page(sold, "?p=2")
    assert totals(answer).startswith("5 orders, 1,007 copies")
    assert answer.content.count(b'class="action-select"') <= 2


def test_many_small_amounts_do_not_drift(root: Client) -> None:
    def write() -> None:
        orders = Order.objects.bulk_create(
            Order(id=uuid.UUID(int=number), created_at=datetime(2030, 1, 1, tzinfo=UTC), sale=number)
            for number in range(1, 1001)
        )
        OrderLine.objects.bulk_create(
            OrderLine(order=order, sale=order.sale, book=1, title="Cheap", quantity=1, unit_price=Decimal("0.29"))
            for order in orders
        )

    run("order", write)
    assert totals(page(root)) == "1,000 orders, 1,000 copies, takings 290.00"


def test_the_filter_offers_the_books_with_the_most_orders_and_the_chosen_one(
    sold: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin, "MOST_BOOKS", 1)
    links = Page.of(page(sold).content).links
    assert "?book=2" in links
    assert "?book=3" not in links
    chosen = page(sold, "?book=3").content.decode()
    assert 'href="?book=3"' in chosen
    assert ">Xen</a>" in chosen


def test_the_dates_lead_down_from_years_to_days(sold: Client) -> None:
    assert {"?when=2029", "?when=2030"} <= set(Page.of(page(sold).content).links)
    months = Page.of(page(sold, "?when=2030").content).links
    assert {"?when=2030-01", "?when=2030-02"} <= set(months)
    assert "?when=2029-12" not in months
    days = Page.of(page(sold, "?when=2030-02").content).links
    assert [link for link in days if link.startswith("?when=2030-02-")] == ["?when=2030-02-01"]


@pytest.mark.parametrize(
    "query", ["?book=x", "?book=", "?book=" + "9" * 30, "?created_at__year=x", "?created_at__gte=yesterday"]
)
def test_nonsense_leads_back_to_the_list(sold: Client, query: str) -> None:
    answer = sold.get(f"{ORDERS}{query}")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{ORDERS}?e=1")


def test_orders_are_found_and_sorted_by_title_as_people_do(root: Client) -> None:
    sold = ("Zebra", "L’Étranger", "Äpfel", "apple")

    def write() -> None:
        for number, title in enumerate(sold, start=1):
            order = Order.objects.create(
                id=uuid.UUID(int=number), created_at=datetime(2030, 1, 1, tzinfo=UTC), sale=number
            )
            order.lines.create(sale=number, book=number, title=title, quantity=1, unit_price=Decimal(1))

    run("order", write)
    assert titles(page(root, "?q=l'etranger")) == ["L’Étranger"]
    assert titles(page(root, "?o=3")) == ["Äpfel", "apple", "L’Étranger", "Zebra"]
    assert titles(page(root, f"?q={uuid.UUID(int=3)}")) == ["Äpfel"]
    for search in ("%1B", "x" * 60_000, "%25"):
        assert list(page(root, f"?q={search}").context["cl"].result_list) == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?created_at__year=2029", "0 orders, 0 copies, takings 0.00"),
        ("?created_at__year=2030&created_at__month=1&created_at__day=1", "3 orders, 4 copies, takings 76.60"),
    ],
)
def test_a_day_is_one_of_the_shops_time_zone(sold: Client, settings: Settings, query: str, expected: str) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    answer = page(sold, query)
    assert totals(answer) == expected
    assert ("1 Jan 2030, 00:59 CET" in answer.content.decode()) == ("2030" in query)
    stored = Order.objects.get(pk=FIRST).created_at
    assert stored == datetime(2029, 12, 31, 23, 59, tzinfo=UTC)


@pytest.fixture
def of_two(root: Client) -> Client:
    """Three orders, each of two books of the same beginning."""

    def write() -> None:
        for number in range(1, 4):
            order = Order.objects.create(
                id=uuid.UUID(int=number), created_at=datetime(2030, 1, number, tzinfo=UTC), sale=2 * number
            )
            for line in (0, 1):
                order.lines.create(
                    sale=2 * number + line, book=line, title=f"Xen, volume {line}", quantity=1, unit_price=Decimal(1)
                )

    run("order", write)
    return root


class TestManyOrders:
    """As if three were more than can be looked at."""

    @pytest.mark.parametrize("most", [0, 100], ids=["tried one by one", "known at once"])
    def test_an_order_is_listed_once_whichever_of_its_books_were_meant(
        self, of_two: Client, monkeypatch: pytest.MonkeyPatch, most: int
    ) -> None:
        monkeypatch.setattr(admin, "MOST_FOUND", most)
        for query, found in {
            "xen": [3, 2, 1],
            "volume 1": [3, 2, 1],
            "volume 9": [],
            str(uuid.UUID(int=2)): [2],
        }.items():
            answer = page(of_two, f"?q={query}")
            assert [order.pk.int for order in answer.context["cl"].result_list] == found
            copies = 2 * len(found)
            assert totals(answer).startswith(f"{len(found)} order{'' if len(found) == 1 else 's'}, {copies} copies")

    def test_no_list_is_searched_for_what_is_in_it_twice(self, of_two: Client) -> None:
        """A DISTINCT reads all orders, however few are shown."""
        for query in ("", "?q=xen", "?book=1", "?status__exact=completed", "?when=2030", "?o=3", "?q=xen&o=3"):
            with CaptureQueriesContext(connections["order-1"]) as asked:
                page(of_two, query)
            assert not [
                each["sql"] for each in asked if "DISTINCT" in each["sql"] and "order_app_order" in each["sql"]
            ]

    def test_what_a_search_finds_is_counted_up_to_a_bound(
        self, of_two: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(admin_pages, "MOST_COUNTED", 2)
        monkeypatch.setattr(admin.OrderAdmin, "list_per_page", 1)
        answer = page(of_two, "?q=xen&p=2")
        told = Page.of(answer.content).text
        assert "more than 2 found" in told
        assert "more than 2 orders; these pages have the first of them" in told
        assert [order.pk.int for order in answer.context["cl"].result_list] == [2]
        assert totals(answer) == TOO_MANY
        assert "?q=xen&amp;p=3" not in answer.content.decode()
        assert "3 orders" in Page.of(page(of_two).content).text, "without a search the number is exact"

    def test_a_list_that_is_not_cut_says_how_many_there_are(
        self, of_two: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(admin_pages, "MOST_COUNTED", 3)
        told = Page.of(page(of_two, "?q=xen").content).text
        assert "3 found" in told
        assert "more than" not in told

    def test_too_many_are_not_added_up(self, of_two: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(admin, "MOST_ADDED_UP", 2)
        assert totals(page(of_two)) == totals(page(of_two, "?when=2030")) == TOO_MANY
        assert totals(page(of_two, "?when=2030-01-02")) == "1 order, 2 copies, takings 2.00"

    def test_those_of_a_period_are_newest_first(self, of_two: Client) -> None:
        assert [order.pk.int for order in page(of_two, "?when=2030").context["cl"].result_list] == [3, 2, 1]
