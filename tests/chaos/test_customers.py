"""What customers make of an answer."""

import json
import random
from collections import Counter
from typing import Any, cast

import pytest

from tests.answers import Answer
from tests.chaos.customers import UNCLEAR, ask
from tests.chaos.demand import Demand
from tests.chaos.history import Asked, Kind, Outcome
from tests.client import Client


class Says:
    """A client whose every request gets the same problem."""

    def __init__(self, status: int, code: str) -> None:
        headers = {"content-type": "application/problem+json"}
        self.answer = Answer("front", "POST", "/", status, headers, json.dumps({"code": code}).encode())

    def post(self, *_: Any, **__: Any) -> Answer:
        return self.answer


@pytest.mark.parametrize(
    ("status", "code", "outcome", "is_clear"),
    [
        (503, "unavailable", Outcome.REFUSED, True),
        (429, "throttled", Outcome.REFUSED, True),
        (409, "out_of_stock", Outcome.REFUSED, True),
        (503, "outcome_unknown", Outcome.OPEN, True),
        (500, "internal_error", Outcome.OPEN, False),
        (403, "permission_denied", Outcome.OPEN, False),
    ],
)
def test_each_answer_means_something(status: int, code: str, outcome: Outcome, is_clear: bool) -> None:
    client = cast("Client", Says(status, code))
    found, _, note = ask(client, Asked(Kind.RESTOCK, 1, copies=1), lambda seconds: None)
    assert (found, not note.startswith(UNCLEAR)) == (outcome, is_clear)


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [(409, "conflict", Outcome.REFUSED), (404, "not_found", Outcome.REFUSED), (503, "outcome_unknown", Outcome.OPEN)],
)
def test_each_answer_to_a_cancellation_means_something(status: int, code: str, outcome: Outcome) -> None:
    class Refuses(Says):
        def cancel(self, *_: Any, **__: Any) -> Answer:
            return self.answer

    client = cast("Client", Refuses(status, code))
    asked = Asked(Kind.CANCEL, 1, "tag", 1, key="key", order="order")
    found, _, note = ask(client, asked, lambda seconds: None)
    assert (found, note) == (outcome, code)


def test_an_actor_cancels_what_it_has_bought_and_no_copy_twice_unless_to_be_refused() -> None:
    demand = Demand(random.Random("cancel"), 1, "secret")
    left: Counter[tuple[str, int]] = Counter()
    for _ in range(20):
        bought = demand.basket((1, 2))
        demand.hear(bought, Outcome.OK)
        left.update({(bought.tag, book): copies for book, copies in bought.lines})
    again = 0
    while (asked := demand.cancellation()) is not None and again < 5:
        is_left = all(left[asked.order, book] >= copies for book, copies in asked.lines)
        again += not is_left
        assert is_left or not any(left[asked.order, book] for book, _ in asked.lines)
        if is_left:
            left.subtract({(asked.order, book): copies for book, copies in asked.lines})
        demand.hear(asked, Outcome.OK if is_left else Outcome.REFUSED)
    assert again or not any(left.values())
    demand.hear(bought := demand.sale(1, 1), Outcome.OPEN)
    assert bought.tag not in {one.order for _ in range(50) if (one := demand.cancellation())}
