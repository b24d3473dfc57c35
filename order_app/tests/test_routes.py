"""Every route of an order replica: buying, looking up, listing, and what is refused."""

import time
import uuid
from typing import Any

import pytest

from bookstore_project.api import headers
from bookstore_project.api.tests.api import as_node, assert_problem, send
from bookstore_project.nodes.client import NoAnswer
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, floor
from bookstore_project.settings import topology
from order_app import clients
from order_app.tests.catalog import Wire, sold
from tests.clock import Clock

pytestmark = pytest.mark.usefixtures("node")
KEY = {headers.IDEMPOTENCY_KEY: "a-key-of-some-length"}


@pytest.mark.parametrize("slash", ["", "/"])
def test_both_routes_buy_and_the_order_can_be_read(slash: str) -> None:
    bought = send("POST", f"/api/v1/orders{slash}", {"book": 2, "quantity": 3})
    order = bought.json()
    assert bought.status_code == 201
    assert list(order) == [
        *("id", "book", "title", "quantity", "unit_price", "lines", "total", "refunded", "status", "created_at")
    ]
    assert (order["book"], order["title"], order["quantity"]) == (2, "RPCs for Noobs", 3)
    assert (order["unit_price"], order["total"], order["status"]) == ("25.50", "76.50", "completed")
    assert order["created_at"].endswith("Z")
    assert bought.headers["Location"] == f"/api/v1/orders/{order['id']}/"
    assert bought.headers[headers.LOG_POSITION] == str(floor("order"))
    assert send("GET", f"/api/v1/orders/{order['id']}{slash}").json() == order
    other = send("POST", f"/purchase/2{slash}", {"quantity": 2})
    assert (other.status_code, other.json()["quantity"]) == (201, 2)
    assert sold(2) == 5
    assert_copies_equal("order")


@pytest.mark.parametrize("body", [None, b"", b"{}", b" "])
def test_an_empty_body_buys_one_copy(body: bytes | None) -> None:
    assert send("POST", "/purchase/1", body).json()["quantity"] == 1


def test_a_form_buys_too() -> None:
    answer = send("POST", "/purchase/1", b"quantity=2", content_type="application/x-www-form-urlencoded")
    assert (answer.status_code, answer.json()["quantity"]) == (201, 2)
    empty = send("POST", "/purchase/1", b"", content_type="application/x-www-form-urlencoded")
    assert (empty.status_code, empty.json()["quantity"]) == (201, 1)


def test_the_routes_share_one_key_space() -> None:
    first = send("POST", "/purchase/1", sent=KEY)
    again = send("POST", "/api/v1/orders/", {"book": 1}, sent=KEY)
    assert first.content == again.content
    assert (first.status_code, again.status_code) == (201, 201)
    assert headers.IDEMPOTENT_REPLAYED not in first.headers
    assert again.headers[headers.IDEMPOTENT_REPLAYED] == "true"
    assert_problem(send("POST", "/purchase/2", sent=KEY), 422, "idempotency_conflict")
    assert sold(1) == 1


def test_a_refusal_is_repeated_as_it_was() -> None:
    for is_repeat in (False, True):
        answer = send("POST", "/purchase/1", {"quantity": 51}, sent=KEY)
        assert_problem(answer, 409, "out_of_stock")
        assert answer.headers.get(headers.IDEMPOTENT_REPLAYED) == ("true" if is_repeat else None)


@pytest.mark.parametrize("path", ["/purchase/99", "/purchase/0", "/purchase/99999999999999999999", "/purchase/x"])
def test_a_book_that_is_not_there_cannot_be_bought(path: str) -> None:
    assert_problem(send("POST", path), 404, "not_found")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["book"]),
        ({"book": 0}, ["book"]),
        ({"book": 2**63}, ["book"]),
        ({"book": "x"}, ["book"]),
        ({"book": True}, ["book"]),
        ({"book": 1, "quantity": 0}, ["quantity"]),
        ({"book": 1, "quantity": 1001}, ["quantity"]),
        ({"book": 1, "quantity": -1}, ["quantity"]),
        ({"book": 1, "quantity": 1.5}, ["quantity"]),
        ({"book": 1, "quantity": None}, ["quantity"]),
        ({"book": 1, "price": 1}, ["price"]),
        ([], ["non_field_errors"]),
    ],
)
def test_what_makes_no_purchase_is_named(body: Any, fields: list[str]) -> None:
    problem = assert_problem(send("POST", "/api/v1/orders/", body), 400, "validation_error")
    assert sorted(problem["errors"]) == fields
    assert sold(1) == 0


@pytest.mark.parametrize("key", ["short", "x" * 256, "with a space in it", ""])
def test_a_key_has_a_shape(key: str) -> None:
    problem = assert_problem(
        send("POST", "/purchase/1", sent={headers.IDEMPOTENCY_KEY: key}), 400, "validation_error"
    )
    assert list(problem["errors"]) == [headers.IDEMPOTENCY_KEY]


@pytest.mark.parametrize("body", [b"{", b'{"quantity": NaN}', b"[" * 100_000, b"\xff"])
def test_broken_bodies_buy_nothing(body: bytes) -> None:
    assert_problem(send("POST", "/purchase/1", body), 400, "parse_error")
    assert sold(1) == 0


def test_large_foreign_and_unacceptable_requests_are_refused() -> None:
    assert_problem(send("POST", "/purchase/1", b" " * 2_000_000), 413, "payload_too_large")
    assert_problem(send("POST", "/purchase/1", b"1", content_type="text/plain"), 415, "unsupported_media_type")
    assert_problem(
        send("GET", f"/api/v1/orders/{uuid.uuid4()}/", sent={"Accept": "image/png"}), 406, "not_acceptable"
    )
    assert_problem(send("PUT", "/api/v1/orders/", {}, as_user="ann"), 405, "method_not_allowed")
    assert_problem(send("GET", "/purchase/1"), 405, "method_not_allowed")
    assert_problem(send("DELETE", f"/api/v1/orders/{uuid.uuid4()}/", as_user="ann"), 405, "method_not_allowed")


@pytest.mark.parametrize("order", ["0b8e2a4e-9a7c-4b6e-8a46-0123456789ab", "x", "1"])
def test_an_unknown_order_is_not_found(order: str) -> None:
    assert_problem(send("GET", f"/api/v1/orders/{order}/"), 404, "not_found")


# ------------------------------------------------------------------------------------------ the list, for staff


def test_the_list_of_orders_is_for_staff() -> None:
    send("POST", "/purchase/1")
    assert_problem(send("GET", "/api/v1/orders/"), 401, "not_authenticated")
    assert_problem(send("GET", "/api/v1/orders/", as_user="bob"), 403, "permission_denied")
    assert send("GET", "/api/v1/orders/", as_user="ann").json()["count"] == 1
    assert send("GET", "/api/v1/orders", sent=as_node(**{headers.ACTING_USER: "ann"})).json()["count"] == 1


def test_orders_are_filtered_and_come_newest_first() -> None:
    for book in (1, 2, 1):
        send("POST", f"/purchase/{book}")

    def listed(query: str) -> list[int]:
        page = send("GET", f"/api/v1/orders/?{query}", as_user="ann").json()
        return [order["book"] for order in page["results"]]

    assert listed("") == [1, 2, 1]
    assert listed("book=2") == [2]
    assert listed("book=9") == []
    assert listed("created_after=2020-01-01T00:00:00Z&created_before=2020-01-02T00:00:00Z") == []
    assert listed("created_after=2020-01-01T00:00:00Z&page_size=2&page=2") == [1]


def test_pages_by_key_show_each_order_once_while_others_are_made() -> None:
    for _ in range(5):
        send("POST", "/purchase/1")
    numbered = [order["id"] for order in send("GET", "/api/v1/orders/", as_user="ann").json()["results"]]
    walked, path = [], "/api/v1/orders/?after=&page_size=2&book=1"
    while path:
        page = send("GET", path, as_user="ann").json()
        walked += [order["id"] for order in page["results"]]
        path = page["next"]
        send("POST", "/purchase/1")
    assert walked == numbered
    assert page["count"] == 5 + 2


@pytest.mark.parametrize("query", ["after=x", "after=aWQ6MTo", "after=LXNhbGU6MTox", "after=&page=1"])
def test_a_cursor_of_something_else_is_refused(query: str) -> None:
    problem = assert_problem(send("GET", f"/api/v1/orders/?{query}", as_user="ann"), 400, "validation_error")
    assert list(problem["errors"]) == ["after"]


LOOSE = [
    f"created_after={moment}"
    for moment in (
        *("2030-01-01", "2030-01-01T00:00Z", "2030-01-01T00:00:00", "2030-01-01 00:00:00Z", "2030-W01-1T00:00:00Z"),
        *(
            "20300101T000000Z",
            "2030-1-1T00:00:00Z",
            "2030-01-01T00:00:00%2B0000",
            "2030-01-01T24:00:00Z",
            "٢030-01-01T00:00:00Z",
        ),
    )
]
"""Moments that are none by RFC 3339, though Python reads most of them."""


@pytest.mark.parametrize(
    "query", ["book=x", "book=0", "created_after=yesterday", "created_before=", "page=0", *LOOSE]
)
def test_nonsense_in_a_query_names_the_parameter(query: str) -> None:
    problem = assert_problem(send("GET", f"/api/v1/orders/?{query}", as_user="ann"), 400, "validation_error")
    assert list(problem["errors"]) == [query.partition("=")[0]]


# ----------------------------------------------------------------------------------------------- trouble


def test_an_unknown_outcome_says_how_to_ask_again(node: Wire) -> None:
    def lose(name: str) -> None:
        raise NoAnswer(name)

    clock = Clock()
    clock.now = clients.balancer.breakers.clock()
    clients.balancer.breakers.clock = clock  # It stands still: a slow machine makes a lost answer no hung node.
    node.after = lose
    problem = assert_problem(send("POST", "/purchase/1", sent=KEY), 503, "outcome_unknown")
    assert problem["idempotency_key"] == KEY[headers.IDEMPOTENCY_KEY]
    node.after = lambda name: None
    again = send("POST", "/purchase/1", sent=KEY)
    assert (again.status_code, again.json()["id"]) == (201, problem["order"])
    assert sold(1) == 1


def test_a_replica_that_cannot_promise_answers_503_and_sells_nothing() -> None:
    topology.witness_file("order").unlink()
    assert_problem(send("POST", "/purchase/1"), 503, "unavailable")
    assert_problem(send("GET", f"/api/v1/orders/{uuid.uuid4()}/"), 503, "unavailable")
    assert_problem(send("GET", "/internal/status/", sent=as_node()), 503, "unavailable")
    assert sold(1) == 0


def test_deadline_and_first_attempt_are_believed_of_nodes_only() -> None:
    late = {headers.DEADLINE: f"{time.time() - 1:.3f}"}
    assert send("POST", "/purchase/1", sent=late).status_code == 201
    assert_problem(send("POST", "/purchase/1", sent=as_node(**late)), 503, "unavailable")
    sent = {**KEY, headers.FIRST_ATTEMPT: "1"}
    for _ in range(2):
        answer = send("POST", "/purchase/1", {"quantity": 51}, sent=as_node(**sent))
        assert headers.IDEMPOTENT_REPLAYED not in answer.headers
    for expected in (None, "true"):
        answer = send("POST", "/purchase/1", {"quantity": 51}, sent=sent)
        assert answer.headers.get(headers.IDEMPOTENT_REPLAYED) == expected


@pytest.mark.parametrize("slash", ["", "/"])
def test_status_is_for_nodes(slash: str) -> None:
    assert_problem(send("GET", f"/internal/status{slash}"), 401, "not_authenticated")
    assert_problem(send("GET", f"/internal/status{slash}", as_user="ann"), 403, "permission_denied")
    assert send("GET", f"/internal/status{slash}", sent=as_node()).json()["position"] == floor("order")
