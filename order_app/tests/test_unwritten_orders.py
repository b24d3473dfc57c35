"""Between sale and order: whoever asks for the order gets it, as the ledger knows that it is bought."""

import uuid

import pytest

from bookstore_project.api import headers, idempotency
from bookstore_project.api.sales import Line
from bookstore_project.api.tests.api import assert_problem, send
from bookstore_project.nodes.client import NeverSent
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, floor, rows
from order_app import clients
from order_app.errors import Refused
from order_app.tests.catalog import Wire, sales_and_orders

pytestmark = pytest.mark.every_engine

pytestmark = pytest.mark.usefixtures("node")
KEY = "a-key-of-some-length"
ORDER = idempotency.order_id(KEY)
PATH = f"/api/v1/orders/{ORDER}/"


def sell(*lines: Line) -> None:
    """A purchase whose process dies after the sale."""
    clients.sell(order=ORDER, lines=lines, deadline=4e9, is_first_attempt=False)


def unreachable(node: str) -> None:
    raise NeverSent(node)


def test_who_is_told_that_it_is_bought_can_read_the_order() -> None:
    sell(Line(1, 2), Line(3, 1))
    conflict = send("POST", "/purchase/1", sent={headers.IDEMPOTENCY_KEY: KEY})
    assert_problem(conflict, 422, "idempotency_conflict")
    assert conflict.json()["is_bought"]
    order = send("GET", PATH)
    assert [(line["book"], line["quantity"]) for line in order.json()["lines"]] == [(1, 2), (3, 1)]
    assert order.headers[headers.LOG_POSITION] == str(floor("order"))
    assert send("GET", PATH).content == order.content
    sales, orders = sales_and_orders()
    assert sales == orders
    assert_copies_equal("order")


def test_the_purchase_that_comes_behind_gives_the_same_answer() -> None:
    sell(Line(1, 2))
    read = send("GET", PATH)
    bought = send("POST", "/purchase/1", {"quantity": 2}, sent={headers.IDEMPOTENCY_KEY: KEY})
    assert (bought.status_code, bought.content) == (201, read.content)
    assert len(sales_and_orders()[1]) == 1


def test_a_refusal_is_no_order() -> None:
    with pytest.raises(Refused):
        sell(Line(1, 51))
    assert_problem(send("GET", PATH), 404, "not_found")
    assert_problem(send("GET", f"/api/v1/orders/{uuid.uuid4()}/"), 404, "not_found")


def test_what_nobody_can_say_is_not_called_not_found(wire: Wire) -> None:
    sell(Line(1, 2))
    wire.before = unreachable
    unknown = send("GET", PATH)
    assert_problem(unknown, 503, "unavailable")
    assert unknown.json()["service"] == "catalog", "else the front would take this replica out of its rotation"
    assert rows("order-1", "SELECT count(*) FROM order_app_order") == [(0,)]


def test_an_order_that_is_written_needs_no_catalog(wire: Wire) -> None:
    sell(Line(1, 2))
    order = send("GET", PATH)
    wire.before = unreachable
    assert send("GET", PATH).content == order.content
