"""Several orders at once, for fronts alone."""

import uuid

import pytest

from bookstore_project.api.tests.api import as_node, assert_problem, send

pytestmark = pytest.mark.usefixtures("node")
PATH = "/internal/orders/"


def buy(*books: int) -> str:
    order_id: str = send("POST", "/api/v1/orders/", {"lines": [{"book": book} for book in books]}).json()["id"]
    return order_id


def test_they_come_in_short_as_they_are_named_without_those_that_are_not_there() -> None:
    first, second = buy(1), buy(2, 3)
    answer = send("GET", f"{PATH}?ids={first},{uuid.uuid4()},{second}", sent=as_node())
    told = [(each["id"], each["total"], each["title"], each["more"]) for each in answer.json()["orders"]]
    assert told == [
        (first, "30.00", "How to get a good grade in DOS in 40 minutes a day", 0),
        (second, "45.40", "RPCs for Noobs", 1),
    ]
    assert {each["status"] for each in answer.json()["orders"]} == {"completed"}


def test_they_say_what_is_not_cancelled_of_them() -> None:
    order = send("POST", "/api/v1/orders/", {"lines": [{"book": 1, "quantity": 3}]}).json()["id"]
    cancelled = {"lines": [{"book": 1, "quantity": 2}]}
    assert send("POST", f"/api/v1/orders/{order}/cancel/", cancelled, as_user="ann").status_code == 200
    (told,) = send("GET", f"{PATH}?ids={order}", sent=as_node()).json()["orders"]
    assert (told["total"], told["left"], told["status"]) == ("90.00", "30.00", "completed")


def test_they_are_for_nodes() -> None:
    order = buy(1)
    assert_problem(send("GET", f"{PATH}?ids={order}"), 401, "not_authenticated")
    assert_problem(send("GET", f"{PATH}?ids={order}", as_user="ann"), 403, "permission_denied")


@pytest.mark.parametrize("ids", ["", "x", "1,2", ",".join([str(uuid.uuid4())] * 51)])
def test_nonsense_is_refused(ids: str) -> None:
    assert_problem(send("GET", f"{PATH}?ids={ids}", sent=as_node()), 400, "validation_error")
