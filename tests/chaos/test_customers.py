"""What customers make of an answer."""

import json
from typing import Any, cast

import pytest

from tests.answers import Answer
from tests.chaos.customers import UNCLEAR, ask
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
