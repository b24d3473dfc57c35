"""A day of the shop: its figures are those of the orders' list, to the cent and to the second."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from bookstore_project.api.order_numbers import number_of
from bookstore_project.api.tests.api import assert_problem, send
from bookstore_project.replication.transaction import run
from order_app import figures
from order_app.models import CancelledLine, Order, OrderChange, OrderLine
from tests.contract.html import Page

DAY = "/api/v1/orders/day/"
ORDERS = "/api/v1/orders/"
Line = tuple[int, str, int, str]


@pytest.fixture(autouse=True)
def node(seven_books: Path, settings: Settings) -> None:
    """An order replica without orders; `ann` is its staff."""
    settings.ROOT_URLCONF = "order_app.urls"


def order(when: datetime, *lines: Line, key: uuid.UUID | None = None) -> str:
    """Writes an order; its id. Lines are book, title, copies, price."""

    def write() -> uuid.UUID:
        number = 1 + sum(each.lines.count() for each in Order.objects.all())
        made = Order.objects.create(id=key or uuid.uuid4(), created_at=when, sale=number)
        for place, (book, title, copies, price) in enumerate(lines, start=number):
            made.lines.create(sale=place, book=book, title=title, quantity=copies, unit_price=Decimal(price))
        return made.pk

    return str(run("order", write).value)


def day(date: str = "") -> Any:
    answer = send("GET", f"{DAY}?date={date}" if date else DAY, as_user="ann")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_its_figures_are_those_of_the_orders_made_on_it() -> None:
    order(datetime(2030, 3, 1, 0, 0, tzinfo=UTC), (1, "Cheap", 3, "0.10"), (2, "Odd", 1, "19.99"))
    order(datetime(2030, 3, 1, 23, 59, 59, 999999, tzinfo=UTC), (1, "Cheap", 997, "0.29"), (3, "Free", 1, "0.00"))
    order(datetime(2030, 2, 28, 23, 59, 59, 999999, tzinfo=UTC), (1, "Cheap", 5, "0.10"))
    order(datetime(2030, 3, 2, 0, 0, tzinfo=UTC), (1, "Cheap", 7, "0.10"))
    found = day("2030-03-01")
    assert (found["orders"], found["copies"], found["takings"]) == (2, 1002, "309.42")
    assert found["books"] == [
        {"book": 1, "title": "Cheap", "copies": 1000, "sold": "289.43"},
        {"book": 2, "title": "Odd", "copies": 1, "sold": "19.99"},
        {"book": 3, "title": "Free", "copies": 1, "sold": "0.00"},
    ]
    listed = send(
        "GET", f"{ORDERS}?created_after={found['begins']}&created_before={found['ends']}", as_user="ann"
    ).json()
    assert listed["count"] == found["orders"]
    assert sum(Decimal(each["total"]) for each in listed["results"]) == Decimal(found["takings"])


def test_a_day_on_which_nothing_was_sold_is_all_zero() -> None:
    found = day("1999-12-31")
    assert (found["orders"], found["copies"], found["takings"], found["books"]) == (0, 0, "0.00", [])


def test_many_small_amounts_do_not_drift() -> None:
    order(datetime(2030, 3, 1, tzinfo=UTC), *((book, "Cheap", 1, "0.29") for book in range(1, 101)))
    found = day("2030-03-01")
    assert (found["takings"], found["copies"]) == ("29.00", 100)


@pytest.mark.parametrize(
    ("date", "begins", "ends"),
    [
        ("2030-03-31", "2030-03-30T23:00:00Z", "2030-03-31T22:00:00Z"),
        ("2030-10-27", "2030-10-26T22:00:00Z", "2030-10-27T23:00:00Z"),
        ("2030-12-01", "2030-11-30T23:00:00Z", "2030-12-01T23:00:00Z"),
    ],
)
def test_the_clock_changes_on_days_of_23_and_25_hours(settings: Settings, date: str, begins: str, ends: str) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    for moment in (begins, ends):
        order(datetime.fromisoformat(moment), (1, "On the stroke", 1, "1.00"))
    found = day(date)
    assert (found["begins"], found["ends"], found["orders"]) == (begins, ends, 1)


def test_a_day_without_midnight_follows_on_the_one_before(settings: Settings) -> None:
    settings.TIME_ZONE = "Asia/Beirut"  # Clocks go from 00:00 to 01:00.
    assert day("2024-03-30")["ends"] == day("2024-03-31")["begins"] == "2024-03-30T22:00:00Z"


def test_today_is_the_shops_own(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: datetime(2030, 1, 1, 11, tzinfo=UTC))
    assert day()["date"] == "2030-01-01"
    settings.TIME_ZONE = "Pacific/Auckland"
    assert day()["date"] == "2030-01-02"


def test_the_books_are_those_with_the_most_takings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "MOST_BOOKS", 1)
    order(datetime(2030, 3, 1, tzinfo=UTC), (1, "A", 1, "1.00"), (2, "B", 1, "2.00"))
    found = day("2030-03-01")
    assert ([book["title"] for book in found["books"]], found["takings"]) == (["B"], "3.00")


@pytest.mark.parametrize("date", ["yesterday", "2030-02-30", "1969-12-31", "9999-12-31", "2030-01-01T00:00", "0"])
def test_what_is_no_day_is_refused(date: str) -> None:
    document = assert_problem(send("GET", f"{DAY}?date={date}", as_user="ann"), 400, "validation_error")
    assert list(document["errors"]) == ["date"]


@pytest.mark.parametrize(("name", "status"), [("", 401), ("bob", 403)])
def test_nobody_else_reads_it(name: str, status: int) -> None:
    assert send("GET", DAY, as_user=name).status_code == status


class TestNumbers:
    FIRST = uuid.UUID("6f1c2b5e-0000-4000-8000-000000000001")
    SAME = uuid.UUID("6f1c2b5e-ffff-4000-8000-000000000002")
    OTHER = uuid.UUID("6f1c2b5f-0000-4000-8000-000000000003")

    @pytest.fixture(autouse=True)
    def _orders(self, node: None) -> None:
        for key in (self.FIRST, self.SAME, self.OTHER):
            order(datetime(2030, 1, 1, tzinfo=UTC), (1, "RPCs", 1, "1.00"), key=key)

    def found(self, number: str) -> set[str]:
        answer = send("GET", f"{ORDERS}?number={number}", as_user="ann")
        assert answer.status_code == 200, answer.content
        return {each["id"] for each in answer.json()["results"]}

    @pytest.mark.parametrize(
        "spoken", ["6F1C+2B5E", "6f1c2b5e", "6F1C-2B5E", "+6f+1c+2b+5e+", "Order+6F1C+2B5E", "%236f1c2b5e"]
    )
    def test_all_orders_of_a_number_are_found_however_it_is_written(self, spoken: str) -> None:
        assert self.found(spoken) == {str(self.FIRST), str(self.SAME)}

    def test_more_digits_find_fewer_orders(self) -> None:
        assert self.found(number_of(str(self.OTHER)).replace(" ", "+")) == {str(self.OTHER)}
        assert len(self.found("6f1c")) == 3
        assert self.found(str(self.SAME)) == {str(self.SAME)}
        assert self.found("0000") == set()

    @pytest.mark.parametrize("number", ["6f1", "6g1c", "%25", "x" * 500, "6f1c" * 9, "६f१c"])
    def test_what_is_no_number_is_refused(self, number: str) -> None:
        document = assert_problem(send("GET", f"{ORDERS}?number={number}", as_user="ann"), 400, "validation_error")
        assert list(document["errors"]) == ["number"]

    def test_the_admin_finds_them_too(self) -> None:
        browser = Client()
        browser.force_login(User.objects.get(username="root"))
        answer = browser.get("/admin/order_app/order/?q=6F1C+2B5E")
        assert {each.pk for each in answer.context["cl"].result_list} == {self.FIRST, self.SAME}


class TestCancelled:
    """What is cancelled lessens the takings of the day on which it is."""

    @pytest.fixture
    def bought(self, node: None, monkeypatch: pytest.MonkeyPatch) -> uuid.UUID:
        made = order(datetime(2030, 3, 1, 12, tzinfo=UTC), (1, "Odd", 3, "19.99"), (2, "Cheap", 2, "0.10"))
        return uuid.UUID(made)

    def change(self, order_id: uuid.UUID, kind: str, when: datetime, **fields: Any) -> None:
        """As `order_changes` writes it; copies of the first line."""
        copies = fields.pop("copies", 0)

        def write() -> None:
            made = OrderChange.objects.create(
                id=uuid.uuid4(), order_id=order_id, kind=kind, created_at=when, actor="ann", **fields
            )
            if copies:
                line = OrderLine.objects.filter(order=order_id).order_by("sale")[0]
                CancelledLine.objects.create(change=made, line=line, quantity=copies)

        run("order", write)

    def figures(self, date: str) -> tuple[str, ...]:
        found = day(date)
        return tuple(str(found[name]) for name in ("sold", "cancelled_copies", "cancelled", "takings", "refunded"))

    def test_on_the_same_day_and_on_a_later_one(self, bought: uuid.UUID) -> None:
        self.change(bought, "cancelled", datetime(2030, 3, 1, 13, tzinfo=UTC), copies=1)
        self.change(bought, "cancelled", datetime(2030, 3, 2, 13, tzinfo=UTC), copies=2, progress="pending")
        self.change(bought, "refunded", datetime(2030, 3, 2, 14, tzinfo=UTC), amount=Decimal("59.97"))
        assert self.figures("2030-03-01") == ("60.17", "1", "19.99", "40.18", "0.00")
        assert self.figures("2030-03-02") == ("0.00", "2", "39.98", "-39.98", "59.97")

    def test_what_was_taken_back_counts_nowhere(self, bought: uuid.UUID) -> None:
        self.change(bought, "cancelled", datetime(2030, 3, 1, 13, tzinfo=UTC), copies=1, progress="void")
        self.change(bought, "collected", datetime(2030, 3, 1, 14, tzinfo=UTC))
        assert self.figures("2030-03-01") == ("60.17", "0", "0.00", "60.17", "0.00")

    def test_the_orders_list_subtracts_it_from_the_orders_found(self, bought: uuid.UUID) -> None:
        run("order", lambda: OrderLine.objects.filter(book=1).update(cancelled=2))
        browser = Client()
        browser.force_login(User.objects.get(username="root"))
        words = " ".join(Page.of(browser.get("/admin/order_app/order/").content).text.split())
        assert "1 order, 5 copies, takings 20.19 (60.17 less 39.98 for 2 cancelled copies)" in words
