"""The catalog's routes for other nodes: sales, leases, status, and nobody else."""

from typing import Any

import pytest

from bookstore_project.api import headers
from bookstore_project.api.tests.api import as_node, assert_problem, send
from bookstore_project.nodes import processes
from bookstore_project.replication.invalidation.leases import read_leases
from bookstore_project.replication.tests.support.replica_files import floor

pytestmark = pytest.mark.usefixtures("node")

ORDER = "0b8e2a4e-9a7c-4b6e-8a46-0123456789a%s"
SALE = {"order": ORDER % "b", "lines": [{"book": 1, "quantity": 2}]}
INTERNAL = [
    ("GET", "/internal/sales"),
    ("POST", "/internal/sales"),
    ("POST", "/internal/returns"),
    ("POST", "/internal/leases"),
    ("POST", "/internal/processes"),
    ("GET", "/internal/status"),
]
POLL = {
    "front": "front",
    "address": "127.0.0.1:1",
    "instance": "i",
    "since": None,
    "confirmed": None,
    "lease_s": 0.2,
}


@pytest.mark.parametrize(("method", "path"), INTERNAL)
@pytest.mark.parametrize("slash", ["", "/"])
def test_internal_routes_are_for_nodes(method: str, path: str, slash: str) -> None:
    body = SALE if method == "POST" else None
    assert_problem(send(method, path + slash, body), 401, "not_authenticated")
    assert_problem(send(method, path + slash, body, as_user="ann"), 403, "permission_denied")
    wrong = {headers.SERVICE_TOKEN: "x"}
    assert_problem(send(method, path + slash, body, sent=wrong), 401, "not_authenticated")


def test_a_node_sells_and_lists_sales() -> None:
    sold = send("POST", "/internal/sales/", SALE, sent=as_node())
    (line,) = sold.json()["lines"]
    assert (sold.status_code, line["unit_price"], sold.json()["is_repeat"]) == (201, "30.00", False)
    again = send("POST", "/internal/sales/", SALE, sent=as_node())
    assert (again.status_code, again.json()) == (200, {**sold.json(), "is_repeat": True})
    listed = send("GET", "/internal/sales/?after=0", sent=as_node()).json()
    assert listed == {"sales": [sold.json()], "returns": []}
    assert send("GET", f"/internal/sales/?order={SALE['order']}", sent=as_node()).json() == listed
    none: dict[str, list[object]] = {"sales": [], "returns": []}
    assert send("GET", f"/internal/sales/?after={line['number']}", sent=as_node()).json() == none
    assert send("GET", f"/internal/sales/?order={ORDER % 'e'}", sent=as_node()).json() == none
    for nonsense in ("after=x", "order=x", "order="):
        assert_problem(send("GET", f"/internal/sales/?{nonsense}", sent=as_node()), 400, "validation_error")
    too_many = send(
        "POST", "/internal/sales/", {"order": ORDER % "c", "lines": [{"book": 1, "quantity": 999}]}, sent=as_node()
    )
    assert_problem(too_many, 409, "out_of_stock")
    late = send(
        "POST",
        "/internal/sales/",
        {**SALE, "order": ORDER % "d"},
        sent=as_node(**{headers.DEADLINE: "1"}),
    )
    assert_problem(late, 503, "unavailable")


def test_a_node_gives_copies_back_and_lists_that() -> None:
    sold = send("POST", "/internal/sales/", SALE, sent=as_node()).json()
    back = {
        "cancellation": ORDER % "b",
        "order": SALE["order"],
        "lines": [{"book": 1, "quantity": 1}],
        "actor": "ann",
    }
    given = send("POST", "/internal/returns/", back, sent=as_node())
    assert (given.status_code, given.json()["lines"][0]["quantity"]) == (201, 1)
    again = send("POST", "/internal/returns/", back, sent=as_node())
    assert (again.status_code, again.json()) == (200, {**given.json(), "is_repeat": True})
    listed = send("GET", "/internal/sales/?after=0", sent=as_node()).json()
    assert listed == {"sales": [sold], "returns": [given.json()]}
    unknown = {**back, "cancellation": ORDER % "a", "order": ORDER % "f"}
    assert_problem(send("POST", "/internal/returns/", unknown, sent=as_node()), 404, "not_found")
    too_many = {**back, "cancellation": ORDER % "a", "lines": [{"book": 1, "quantity": 999}]}
    assert_problem(send("POST", "/internal/returns/", too_many, sent=as_node()), 409, "conflict")
    assert_problem(send("POST", "/internal/returns/", {}, sent=as_node()), 400, "validation_error")


def test_a_front_polls() -> None:
    told = send("POST", "/internal/leases/", POLL, sent=as_node())
    assert (told.status_code, told.json()["position"], told.json()["renewed"]) == (200, floor("catalog"), True)


@pytest.mark.parametrize(
    "nonsense",
    [
        {"front": "../x"},
        {"lease_s": 1e9},
        {"lease_s": "nan"},
        {"since": -1},
        {"confirmed": [1]},
        {"address": "nowhere"},
        {"x": 1},
    ],
)
def test_a_poll_that_makes_no_sense_gets_no_lease(nonsense: dict[str, Any]) -> None:
    assert_problem(send("POST", "/internal/leases/", {**POLL, **nonsense}, sent=as_node()), 400, "validation_error")
    assert read_leases().valid == {}


def test_status_tells_position_and_membership() -> None:
    status = send("GET", "/internal/status/", sent=as_node()).json()
    assert (status["in_sync"], status["position"], status["floor"]) == (True, floor("catalog"), floor("catalog"))


def test_a_node_is_told_whether_a_process_of_this_host_has_ended() -> None:
    own = processes.identity()
    for process, has_ended in ((own, False), (own[:-1], True), ("another machine's.1.1", None)):
        told = send("POST", "/internal/processes/", {"process": process}, sent=as_node())
        assert (told.status_code, told.json()) == (200, {"has_ended": has_ended})
    assert_problem(send("POST", "/internal/processes/", {}, sent=as_node()), 400, "validation_error")
