"""Whom the order service asks first, and what it makes of answers that are none."""

import json
import uuid
from collections import Counter

import pytest

from bookstore_project.api import problems
from bookstore_project.api.problems import OutcomeUnknown, Unavailable
from bookstore_project.api.sales import Line, Sale
from bookstore_project.nodes.client import NoAnswer, Reply
from bookstore_project.settings import topology
from order_app import clients
from order_app.clients import CHECK_EVERY_S
from order_app.errors import Refused
from order_app.tests.catalog import Wire
from tests.clock import Clock

ONE, TWO = topology.replicas(topology.CATALOG)


def sell(*, book: int = 1) -> Sale:
    return clients.sell(order=uuid.uuid4(), lines=[Line(book, 1)], deadline=4e9, is_first_attempt=False)


def hang(node: str) -> None:
    if node == ONE.name:
        raise NoAnswer(node)


def asked(wire: Wire) -> Counter[str]:
    return Counter(node for node, method in wire.calls)


def test_a_hung_replica_costs_one_sale_its_time_limit_and_not_every_second_one(wire: Wire) -> None:
    wire.before = hang
    for _ in range(10):
        sell()
    assert asked(wire) == {TWO.name: 10, ONE.name: 1}


def test_a_replica_that_failed_is_asked_again_after_a_passed_check(wire: Wire) -> None:
    wire.before = hang
    for _ in range(2):
        sell()
    checker = clients.checker_of(ONE)
    checker.step()
    assert not clients.balancer.breakers.is_in_rotation(ONE)
    wire.before = lambda node: None
    checker.step()
    wire.calls.clear()
    for _ in range(6):
        sell()
    assert asked(wire) == {ONE.name: 3, TWO.name: 3}


def test_a_replica_in_rotation_is_checked_now_and_then(wire: Wire) -> None:
    clock = Clock()
    clock.now = clients.balancer.breakers.clock()
    clients.balancer.breakers.clock = clock
    checker = clients.checker_of(ONE)
    checker.step()
    assert wire.calls == []
    clock.now += CHECK_EVERY_S
    for _ in range(2):
        checker.step()
    assert len(wire.calls) == 1
    wire.calls.clear()
    clock.now += CHECK_EVERY_S
    wire.before = hang
    for _ in range(2):
        checker.step()
    assert len(wire.calls) == 2
    assert not clients.balancer.breakers.is_in_rotation(ONE)


def test_a_replica_that_says_unavailable_is_asked_last(wire: Wire) -> None:
    turned_away = Reply(503, {"Content-Type": problems.CONTENT_TYPE}, b'{"code": "unavailable"}')
    wire.replies = {ONE.name: turned_away}
    for _ in range(6):
        sell()
    assert asked(wire) == {TWO.name: 6, ONE.name: 1}


def test_the_sweeper_asks_the_healthy_replica_first(wire: Wire) -> None:
    wire.before = hang
    for _ in range(2):
        sell()
    wire.calls.clear()
    for _ in range(4):
        assert len(clients.movements_after(0).movements) == 2
    assert asked(wire) == {TWO.name: 4}


def test_a_purchase_that_fails_for_want_of_the_catalog_says_whose_fault_it_is(wire: Wire) -> None:
    wire.replies = dict.fromkeys((ONE.name, TWO.name), problem("unavailable", 503))
    with pytest.raises(Unavailable) as caught:
        sell()
    assert caught.value.extra == {"service": "catalog"}


# ------------------------------------------------------------------------------------- what is a verdict


def problem(code: str, status: int) -> Reply:
    body = json.dumps({"code": code, "detail": "A sentence."}).encode()
    return Reply(status, {"Content-Type": problems.CONTENT_TYPE}, body)


PAGE = Reply(404, {"Content-Type": "text/html"}, b"<h1>Not Found</h1>")
JSON_PAGE = Reply(404, {"Content-Type": "application/json"}, b'{"code": "not_found"}')
NO_SALE = Reply(200, {"Content-Type": "text/html"}, b"<h1>It works!</h1>")
NO_VERDICTS = [
    problem("not_authenticated", 401),
    problem("permission_denied", 403),
    problem("method_not_allowed", 405),
    problem("unsupported_media_type", 415),
    problem("throttled", 429),
    problem("internal_error", 500),
    PAGE,
    JSON_PAGE,
    NO_SALE,
    Reply(201, {}, b'{"number": 1}'),
    Reply(302, {"Location": "/"}, b""),
]


@pytest.mark.parametrize("reply", NO_VERDICTS, ids=lambda reply: str(reply.status))
def test_an_answer_that_is_no_verdict_is_followed_by_the_other_replica(wire: Wire, reply: Reply) -> None:
    wire.replies = {ONE.name: reply}
    for _ in range(4):
        assert len(sell().lines) == 1
    assert asked(wire) == {TWO.name: 4, ONE.name: 1}


@pytest.mark.parametrize(("status", "code"), [(401, "not_authenticated"), (403, "permission_denied")])
def test_who_turns_a_node_away_has_sold_nothing(wire: Wire, status: int, code: str) -> None:
    wire.replies = dict.fromkeys((ONE.name, TWO.name), problem(code, status))
    with pytest.raises(Unavailable):
        sell()


def test_turned_away_after_an_answer_that_was_lost_is_unknown(wire: Wire) -> None:
    def lose_the_first(node: str) -> None:
        if len(wire.calls) == 1:
            raise NoAnswer(node)

    wire.before = lose_the_first
    wire.replies = dict.fromkeys((ONE.name, TWO.name), problem("not_authenticated", 401))
    with pytest.raises(OutcomeUnknown):
        sell()


@pytest.mark.parametrize("reply", [PAGE, JSON_PAGE, NO_SALE, problem("method_not_allowed", 405)])
def test_strange_answers_from_both_are_unknown(wire: Wire, reply: Reply) -> None:
    wire.replies = dict.fromkeys((ONE.name, TWO.name), reply)
    with pytest.raises(OutcomeUnknown):
        sell()


@pytest.mark.parametrize(
    ("code", "status"),
    [("out_of_stock", 409), ("not_found", 404), ("idempotency_conflict", 422), ("validation_error", 400)],
)
def test_a_verdict_is_passed_on_at_once(wire: Wire, code: str, status: int) -> None:
    wire.replies = dict.fromkeys((ONE.name, TWO.name), problem(code, status))
    with pytest.raises(Refused) as caught:
        sell()
    assert caught.value.code == code
    assert len(wire.calls) == 1
