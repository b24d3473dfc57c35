"""An order of several books, from one request to its rows in all files: all lines or none, once per key."""

from typing import Any

import pytest
from django.apps import apps

from bookstore_project.api import headers, idempotency
from bookstore_project.api.sales import Line
from bookstore_project.api.tests.api import assert_problem, send
from bookstore_project.nodes.client import NoAnswer
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, rows
from bookstore_project.replication.transaction import run
from order_app.purchase import purchase
from order_app.sweeper import Sweeper
from order_app.tests.catalog import Wire, sales_and_orders, sold
from order_app.tests.test_purchase import Killed, once
from tests.actors import all_at_once

pytestmark = pytest.mark.every_engine

pytestmark = pytest.mark.usefixtures("node")
KEY = "a-key-of-some-length"
SENT = {headers.IDEMPOTENCY_KEY: KEY}
BASKET = {"lines": [{"book": 2, "quantity": 3}, {"book": 1}, {"book": 7, "unit_price": None}]}


def test_a_basket_becomes_one_order_with_lines_in_all_four_files() -> None:
    bought = send("POST", "/api/v1/orders/", BASKET, sent=SENT)
    order = bought.json()
    assert bought.status_code == 201
    assert [order[name] for name in ("book", "title", "quantity", "unit_price")] == [None] * 4
    assert [(line["book"], line["quantity"], line["unit_price"], line["total"]) for line in order["lines"]] == [
        (2, 3, "25.50", "76.50"),
        (1, 1, "30.00", "30.00"),
        (7, 1, order["lines"][2]["unit_price"], order["lines"][2]["unit_price"]),
    ]
    assert float(order["total"]) == sum(float(line["total"]) for line in order["lines"])
    assert send("GET", f"/api/v1/orders/{order['id']}/").json() == order
    again = send("POST", "/api/v1/orders/", BASKET, sent=SENT)
    assert (again.content, again.headers[headers.IDEMPOTENT_REPLAYED]) == (bought.content, "true")
    sales, orders = sales_and_orders()
    assert sales == orders
    assert len(orders) == 3
    assert_copies_equal("order")
    assert_copies_equal("catalog")


def test_a_single_line_is_the_same_purchase_in_either_form() -> None:
    first = send("POST", "/api/v1/orders/", {"book": 2, "quantity": 3}, sent=SENT)
    again = send("POST", "/api/v1/orders/", {"lines": [{"book": 2, "quantity": 3}]}, sent=SENT)
    by_path = send("POST", "/purchase/2", {"quantity": 3}, sent=SENT)
    assert first.content == again.content == by_path.content
    order = first.json()
    (line,) = order["lines"]
    assert line.pop("cancelled") == 0
    assert [order[name] for name in line] == list(line.values())
    assert sold(2) == 3


def test_lines_of_the_same_book_are_one() -> None:
    lines = [{"book": 2}, {"book": 1, "unit_price": "30"}, {"book": 2, "quantity": 2, "unit_price": "25.5"}]
    order = send("POST", "/api/v1/orders/", {"lines": lines}).json()
    assert [(line["book"], line["quantity"]) for line in order["lines"]] == [(2, 3), (1, 1)]
    assert (sold(1), sold(2)) == (1, 3)


@pytest.mark.parametrize(
    "other",
    [
        {"lines": BASKET["lines"][:2]},
        {"lines": [*BASKET["lines"], {"book": 3}]},
        {"lines": [{"book": 2, "quantity": 2}, *BASKET["lines"][1:]]},
        {"book": 2, "quantity": 3},
    ],
)
def test_a_key_of_another_basket_is_a_conflict(other: Any) -> None:
    send("POST", "/api/v1/orders/", BASKET, sent=SENT)
    refused = send("POST", "/api/v1/orders/", other, sent=SENT)
    assert_problem(refused, 422, "idempotency_conflict")
    assert refused.json()["is_bought"] is True
    assert rows("order-1", "SELECT count(*) FROM order_app_orderline") == [(3,)]


@pytest.mark.parametrize("others", [[], [{"book": 2}]])
def test_a_key_of_a_refusal_says_with_other_lines_that_nothing_was_bought_under_it(others: Any) -> None:
    refused = {"lines": [{"book": 1, "quantity": 60}, *others]}
    assert send("POST", "/api/v1/orders/", refused, sent=SENT).status_code == 409
    other = send("POST", "/api/v1/orders/", {"book": 1, "quantity": 2}, sent=SENT)
    assert_problem(other, 422, "idempotency_conflict")
    assert other.json()["is_bought"] is False
    assert sold(1) == 0


def test_what_is_missing_is_named_with_what_is_left_and_nothing_is_sold() -> None:
    asked = {"lines": [{"book": 1, "quantity": 60}, {"book": 2}, {"book": 99}]}
    for is_repeat in (False, True):
        answer = send("POST", "/api/v1/orders/", asked, sent=SENT)
        problem = assert_problem(answer, 409, "lines_unavailable")
        assert [(line["book"], line["code"], line["left"]) for line in problem["lines"]] == [
            (1, "out_of_stock", 50),
            (99, "not_found", 0),
        ]
        assert answer.headers.get(headers.IDEMPOTENT_REPLAYED) == ("true" if is_repeat else None)
    assert (sold(1), sold(2)) == (0, 0)


def reprice() -> None:
    book = apps.get_model("catalog_app", "Book").objects.get(pk=1)
    book.price = 31
    book.save()


def test_at_another_price_than_the_customer_saw_the_purchase_asks_again() -> None:
    run("catalog", reprice)
    asked = {"book": 1, "unit_price": "30.00"}
    problem = assert_problem(send("POST", "/api/v1/orders/", asked, sent=SENT), 409, "price_changed")
    assert (problem["lines"][0]["unit_price"], problem["lines"][0]["left"]) == ("31.00", 50)
    assert sold(1) == 0
    accepted = send("POST", "/api/v1/orders/", asked | {"unit_price": "31.00"})
    assert (accepted.status_code, accepted.json()["unit_price"]) == (201, "31.00")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["book"]),
        ({"quantity": 2}, ["book"]),
        ({"book": 1, "unit_price": ""}, ["unit_price"]),
        ({"book": 1, "unit_price": " "}, ["unit_price"]),
        ({"lines": []}, ["lines"]),
        ({"lines": None}, ["lines"]),
        ({"lines": {}}, ["lines"]),
        ({"lines": "1"}, ["lines"]),
        ({"lines": [1]}, ["lines.0"]),
        ({"lines": [{"book": 1}, {"book": 2, "quantity": 0}]}, ["lines.1.quantity"]),
        ({"lines": [{"book": 1, "quantity": 1.5}]}, ["lines.0.quantity"]),
        ({"lines": [{"book": 1, "copies": 1}]}, ["lines.0.copies"]),
        ({"lines": [{"quantity": 1}]}, ["lines.0.book"]),
        ({"lines": [{"book": 1}], "book": 1}, ["lines"]),
        ({"lines": [{"book": 1}], "quantity": 2}, ["lines"]),
        ({"lines": [{"book": 1}], "unit_price": "1.00"}, ["lines"]),
        ({"lines": [{"book": 1, "quantity": 500}, {"book": 1, "quantity": 501}]}, ["lines"]),
        ({"lines": [{"book": 1, "unit_price": 1}, {"book": 1}, {"book": 1, "unit_price": 2}]}, ["lines"]),
        ({"lines": [{"book": book} for book in range(1, 102)]}, ["lines"]),
        ({"lines": [{"book": book} for book in range(1, 10_001)]}, ["lines"]),
        ({"book": 1, "unit_price": "-1"}, ["unit_price"]),
        ({"book": 1, "unit_price": "1.005"}, ["unit_price"]),
    ],
)
def test_each_fault_of_a_basket_is_named_and_nothing_is_sold(body: Any, fields: list[str]) -> None:
    problem = assert_problem(send("POST", "/api/v1/orders/", body), 400, "validation_error")
    named = [name.removesuffix(".non_field_errors") for name in problem["errors"]]
    assert named == fields
    assert rows("catalog-1", "SELECT count(*) FROM catalog_app_ledgerentry WHERE kind = 'sale'") == [(0,)]


def test_killed_between_sale_and_order_the_sweeper_writes_the_whole_basket(wire: Wire) -> None:
    lines = [Line(2, 3), Line(1, 1), Line(7, 2)]
    wire.after = once(Killed())
    with pytest.raises(Killed):
        purchase(key=KEY, lines=lines)
    assert (sold(2), rows("order-1", "SELECT count(*) FROM order_app_order")) == (3, [(0,)])
    assert Sweeper().sweep(grace_s=0) == 1
    again = purchase(key=KEY, lines=list(reversed(lines))).value
    assert (again.is_repeat, again.order.id) == (True, idempotency.order_id(KEY))
    sales, orders = sales_and_orders()
    assert sales == orders
    assert len(orders) == 3
    assert Sweeper().sweep(grace_s=0) == 0
    assert_copies_equal("order")


def test_a_lost_answer_is_asked_for_at_the_other_replica(wire: Wire) -> None:
    wire.after = once(NoAnswer("reset"))
    assert len(purchase(key=KEY, lines=[Line(1, 1), Line(2, 1)]).value.order.lines.all()) == 2
    assert (sold(1), sold(2)) == (1, 1)


def test_one_key_makes_one_basket_however_many_ask(wire: Wire) -> None:
    lines = [Line(1, 1), Line(2, 2)]
    actors = all_at_once([lambda: purchase(key=KEY, lines=lines).value.order.id] * 8)
    assert {actor.result() for actor in actors} == {idempotency.order_id(KEY)}
    assert (sold(1), sold(2)) == (1, 2)
    assert_copies_equal("order")
