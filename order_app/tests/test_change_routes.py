"""The routes by which staff change orders, and what everybody sees of that."""

import uuid
from typing import Any

import pytest

from bookstore_project.api import headers
from bookstore_project.api.tests.api import as_node, assert_problem, send
from bookstore_project.nodes.client import NeverSent
from bookstore_project.replication.tests.support.replica_files import rows
from order_app.tests.catalog import Wire

pytestmark = pytest.mark.usefixtures("node")
KEY = {headers.IDEMPOTENCY_KEY: "a-key-of-some-length"}


@pytest.fixture
def order(node: Wire) -> dict[str, Any]:
    body = {"lines": [{"book": 1, "quantity": 2}, {"book": 2, "quantity": 5}]}
    bought: dict[str, Any] = send("POST", "/api/v1/orders/", body).json()
    return bought


def change(
    order: dict[str, Any], what: str, body: object = None, *, user: str = "ann", sent: dict[str, str] | None = None
) -> Any:
    return send("POST", f"/api/v1/orders/{order['id']}/{what}/", body, as_user=user, sent=sent)


def test_staff_cancel_some_copies_and_everybody_sees_how_many(order: dict[str, Any]) -> None:
    asked = {"lines": [{"book": 2, "quantity": 2}], "reason": "two are enough"}
    for is_repeat in (False, True):
        answer = change(order, "cancel", asked, sent=KEY)
        assert answer.status_code == 200
        assert answer.headers.get(headers.IDEMPOTENT_REPLAYED) == ("true" if is_repeat else None)
        seen = answer.json()
        assert [(line["quantity"], line["cancelled"]) for line in seen["lines"]] == [(2, 0), (5, 2)]
        assert (seen["status"], seen["total"]) == ("completed", order["total"])
    assert send("GET", f"/api/v1/orders/{order['id']}/").json() == seen
    assert_problem(change(order, "cancel", sent=KEY), 422, "idempotency_conflict")


@pytest.mark.parametrize("body", [None, b"", {}, {"reason": ""}, {"lines": None}])
def test_without_lines_all_that_is_left_is_cancelled(order: dict[str, Any], body: object) -> None:
    change(order, "cancel", {"lines": [{"book": 2}]})
    answer = change(order, "cancel", body).json()
    assert (answer["status"], [line["cancelled"] for line in answer["lines"]]) == ("cancelled", [2, 5])
    assert_problem(change(order, "cancel", body), 409, "conflict")


def test_a_repeated_purchase_shows_the_order_as_it_is_now(node: Wire) -> None:
    """Not the answer of then, which would send a customer to collect what isn't there."""
    body = {"lines": [{"book": 1, "quantity": 2}, {"book": 2, "quantity": 5}]}
    first = send("POST", "/api/v1/orders/", body, sent=KEY)
    for cancelled, status in (([0, 2], "completed"), ([2, 5], "cancelled")):
        change(first.json(), "cancel", {"lines": [{"book": 2, "quantity": 2}]} if status == "completed" else None)
        again = send("POST", "/api/v1/orders/", body, sent=KEY)
        assert (again.status_code, again.headers[headers.IDEMPOTENT_REPLAYED]) == (201, "true")
        seen = again.json()
        assert (seen["status"], [line["cancelled"] for line in seen["lines"]]) == (status, cancelled)
        assert seen == send("GET", f"/api/v1/orders/{seen['id']}/").json()
        bought = ("id", "total", "created_at")
        assert [seen[name] for name in bought] == [first.json()[name] for name in bought]
    refused = send("POST", "/api/v1/orders/", {"book": 1}, sent=KEY)
    assert_problem(refused, 422, "idempotency_conflict")


def test_staff_hand_out_and_refund(order: dict[str, Any]) -> None:
    change(order, "cancel", {"lines": [{"book": 1}]})
    collected = change(order, "collect", {"reason": "came with the number"})
    assert (collected.status_code, collected.json()["status"]) == (200, "collected")
    refunded = change(order, "refund")
    assert (refunded.status_code, refunded.json()["refunded"]) == (200, order["lines"][0]["unit_price"])
    more = change(order, "refund", {"amount": "1.50"}).json()
    assert float(more["refunded"]) == float(order["lines"][0]["unit_price"]) + 1.5
    assert_problem(change(order, "refund", {"amount": "10000"}), 409, "conflict")
    assert_problem(change(order, "cancel"), 409, "conflict")


@pytest.mark.parametrize("amount", ["", " "])
def test_an_empty_amount_is_no_amount_and_not_all_that_is_owed(order: dict[str, Any], amount: str) -> None:
    change(order, "cancel")
    problem = assert_problem(change(order, "refund", {"amount": amount}), 400, "validation_error")
    assert list(problem["errors"]) == ["amount"]
    assert change(order, "refund", {"amount": None}).json()["refunded"] == order["total"]


def test_the_history_tells_staff_who_did_what_when_and_why(order: dict[str, Any]) -> None:
    change(order, "cancel", {"lines": [{"book": 2, "quantity": 3}], "reason": "damaged"})
    change(order, "refund", {"reason": "cash"}, user="root")
    change(order, "collect")
    path = f"/api/v1/orders/{order['id']}/history/"
    told = send("GET", path, as_user="ann").json()["changes"]
    assert [(one["kind"], one["actor"], one["reason"], one["progress"]) for one in told] == [
        ("cancelled", "ann", "damaged", "done"),
        ("refunded", "root", "cash", "done"),
        ("collected", "ann", "", "done"),
    ]
    assert [(line["book"], line["quantity"]) for line in told[0]["lines"]] == [(2, 3)]
    assert told[0]["created_at"].endswith("Z")
    public = send("GET", f"/api/v1/orders/{order['id']}/")
    assert b"ann" not in public.content
    assert b"damaged" not in public.content
    assert_problem(send("GET", path), 401, "not_authenticated")
    assert_problem(send("GET", path, as_user="bob"), 403, "permission_denied")
    assert_problem(send("GET", f"/api/v1/orders/{uuid.uuid4()}/history/", as_user="ann"), 404, "not_found")


@pytest.mark.parametrize("what", ["cancel", "collect", "reopen", "refund"])
def test_only_staff_with_the_permission_change_orders(order: dict[str, Any], what: str) -> None:
    path = f"/api/v1/orders/{order['id']}/{what}/"
    assert_problem(send("POST", path), 401, "not_authenticated")
    assert_problem(send("POST", path, as_user="bob"), 403, "permission_denied")
    assert_problem(send("POST", path, sent=as_node()), 403, "permission_denied")
    assert_problem(send("GET", path, as_user="ann"), 405, "method_not_allowed")
    assert_problem(send("POST", f"/api/v1/orders/{uuid.uuid4()}/{what}/", as_user="ann"), 404, "not_found")
    assert rows("order-1", "SELECT count(*) FROM order_app_orderchange") == [(0,)]


def test_a_front_acts_for_its_member_of_staff(order: dict[str, Any]) -> None:
    path = f"/api/v1/orders/{order['id']}/collect/"
    assert send("POST", path, sent=as_node(**{headers.ACTING_USER: "zo%C3%AB"})).status_code == 200
    assert rows("order-2", "SELECT actor FROM order_app_orderchange") == [("zoë",)]


@pytest.mark.parametrize(
    ("what", "body", "field"),
    [
        ("cancel", {"lines": []}, "lines"),
        ("cancel", {"lines": "all"}, "lines"),
        ("cancel", {"lines": [{"quantity": 1}]}, "lines.0.book"),
        ("cancel", {"lines": [{"book": 2, "quantity": 0}]}, "lines.0.quantity"),
        ("cancel", {"lines": [{"book": 2, "quantity": -1}]}, "lines.0.quantity"),
        ("cancel", {"lines": [{"book": 2, "quantity": 0.5}]}, "lines.0.quantity"),
        ("cancel", {"lines": [{"book": 2}, {"book": 2}]}, "lines"),
        ("cancel", {"lines": [{"book": 7}]}, "lines"),
        ("cancel", {"lines": [{"book": 2, "title": "x"}]}, "lines.0.title"),
        ("cancel", {"book": 2}, "book"),
        ("cancel", {"reason": "x" * 501}, "reason"),
        ("collect", {"reason": 5}, "reason"),
        ("collect", {"lines": []}, "lines"),
        ("reopen", {"amount": "1"}, "amount"),
        ("refund", {"amount": "0"}, "amount"),
        ("refund", {"amount": "-1"}, "amount"),
        ("refund", {"amount": "1.001"}, "amount"),
    ],
)
def test_nonsense_is_refused_by_name(order: dict[str, Any], what: str, body: object, field: str) -> None:
    told = assert_problem(change(order, what, body), 400, "validation_error")
    assert list(told["errors"]) == [field]
    assert rows("order-1", "SELECT count(*) FROM order_app_orderchange") == [(0,)]


def test_a_key_that_is_none_is_refused(order: dict[str, Any]) -> None:
    for what in ("cancel", "collect", "reopen", "refund"):
        answer = change(order, what, sent={headers.IDEMPOTENCY_KEY: "short"})
        assert_problem(answer, 400, "validation_error")


def test_without_the_catalog_it_is_unknown_and_the_same_key_finds_out(node: Wire, order: dict[str, Any]) -> None:
    def refuse(name: str) -> None:
        raise NeverSent(name)

    node.before = refuse
    told = assert_problem(change(order, "cancel", sent=KEY), 503, "outcome_unknown")
    assert (told["order"], told["idempotency_key"]) == (order["id"], KEY[headers.IDEMPOTENCY_KEY])
    assert send("GET", f"/api/v1/orders/{order['id']}/").json()["status"] == "cancelled"
    node.before = lambda name: None
    assert change(order, "cancel", sent=KEY).json()["status"] == "cancelled"


def test_staff_list_orders_by_what_became_of_them(order: dict[str, Any]) -> None:
    send("POST", "/api/v1/orders/", {"book": 3})
    change(order, "cancel")
    listed = send("GET", "/api/v1/orders/?status=cancelled", as_user="ann").json()
    assert [one["id"] for one in listed["results"]] == [order["id"]]
    assert send("GET", "/api/v1/orders/?status=completed", as_user="ann").json()["count"] == 1
    assert_problem(send("GET", "/api/v1/orders/?status=lost", as_user="ann"), 400, "validation_error")
