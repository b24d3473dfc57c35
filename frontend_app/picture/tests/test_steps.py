"""The way of a request is made of what the front knows; what it concludes is told apart."""

from collections import Counter

import pytest

from frontend_app.monitoring.feed import Answered, Call, Invalidated
from frontend_app.picture.steps import SENTENCES, Way, way_of

NOBODY: frozenset[str] = frozenset()
GONE = Call("catalog-1", "GET", "refuses connections", 0.3)
SILENT = Call("order-1", "POST", "does not answer", 900)


def read(*calls: Call, cache: str = "miss", status: int = 200) -> Answered:
    return Answered("GET", "/product/<int:book_id>", status, cache, 5.0, calls)


def bought(*calls: Call, status: int = 201, route: str = "/api/v1/orders") -> Answered:
    return Answered("POST", route, status, "bypass", 25.0, calls)


def codes(way: Way) -> list[str]:
    return [step.code for step in way.steps]


def test_a_replica_that_is_gone_and_the_other_that_takes_over() -> None:
    way = way_of(
        read(Call("catalog-1", "GET", "refuses connections", 0.3), Call("catalog-2", "GET", "200", 3)), None, NOBODY
    )
    assert codes(way) == ["ask", "turn", "fail", "again", "read", "keep", "answer"]
    assert [step.at for step in way.steps[1:5]] == [("catalog-1",), ("catalog-1",), ("catalog-2",), ("catalog-2",)]


def test_a_purchase_that_is_tried_again_is_one_purchase() -> None:
    way = way_of(
        bought(Call("order-1", "POST", "does not answer", 900), Call("order-2", "POST", "201", 20)), None, NOBODY
    )
    assert way.kind == "purchase"
    assert codes(way).count("sell") == 1
    assert codes(way)[:4] == ["ask", "order", "fail", "again"]


def test_a_copy_that_is_out_of_sync_takes_no_part_in_a_commit() -> None:
    way = way_of(bought(Call("order-1", "POST", "201", 20)), None, frozenset({"catalog-2"}))
    commit = next(step for step in way.steps if step.code == "commit")
    assert commit.at == ("catalog-1",)


def test_an_invalidation_that_this_front_was_not_told_of_is_concluded() -> None:
    call = Call("order-1", "POST", "201", 20)
    push = Invalidated(9, Counter(book=1), "catalog-2")
    for told, is_seen in ((None, False), (push, True)):
        (step,) = [step for step in way_of(bought(call), told, NOBODY).steps if step.code == "invalidate"]
        assert step.is_seen is is_seen


def test_what_is_refused_or_unknown_has_no_steps_that_were_not_taken() -> None:
    refused = way_of(bought(Call("order-1", "POST", "409", 9), status=409), None, NOBODY)
    assert codes(refused) == ["ask", "order", "refuse"]
    unknown = way_of(bought(Call("order-1", "POST", "does not answer", 9), status=503), None, NOBODY)
    assert codes(unknown) == ["ask", "order", "fail", "unknown"]


@pytest.mark.parametrize(
    ("answered", "kind"),
    [
        (read(cache="hit"), "hit"),
        (read(Call("catalog-1", "GET", "200", 3)), "miss"),
        (read(Call("order-1", "GET", "200", 3), cache="bypass"), "read"),
        (read(cache="bypass"), "front"),
        (bought(Call("order-1", "POST", "201", 20), route="/buy"), "purchase"),
        (
            Answered(
                "PATCH", "/api/v1/books/<int:book_id>", 200, "bypass", 9.0, (Call("catalog-1", "PATCH", "200", 3),)
            ),
            "change",
        ),
    ],
)
def test_kinds(answered: Answered, kind: str) -> None:
    way = way_of(answered, None, NOBODY)
    assert way.kind == kind
    assert {step.code for step in way.steps} <= SENTENCES.keys()
    assert way.steps[0].code == "ask"


def test_an_order_that_is_changed_touches_no_cache() -> None:
    changed = Answered(
        "POST", "/api/v1/orders/<uuid:order_id>/collect", 200, "bypass", 9.0, (Call("order-1", "POST", "200", 3),)
    )
    assert codes(way_of(changed, None, NOBODY)) == ["ask", "write", "commit", "floor", "answer"]
