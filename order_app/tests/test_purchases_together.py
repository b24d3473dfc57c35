"""Purchases that come together: one call to the catalog and one commit, and each answered as if it were alone."""

import json
import time
from collections.abc import Sequence

import pytest

from bookstore_project.api import headers, idempotency
from bookstore_project.nodes.batches import Answer, Part
from bookstore_project.nodes.client import NeverSent, NoAnswer
from bookstore_project.replication import failpoints
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal
from bookstore_project.settings import topology
from order_app import batches
from order_app.tests.catalog import Wire, sales_and_orders, sold

pytestmark = pytest.mark.every_engine

FAR = 4_000_000_000.0


def part(asked: object, *, key: str = "", deadline: float = FAR, is_first: bool = False) -> Part:
    sent = {headers.REQUEST_ID: f"of-{key or 'nobody'}"}
    if key:
        sent[headers.IDEMPOTENCY_KEY] = key
    if is_first:
        sent[headers.FIRST_ATTEMPT] = "1"
    return Part(asked if isinstance(asked, bytes) else json.dumps(asked).encode(), sent, deadline)


def buy(*parts: Part) -> list[Answer]:
    return batches.buy(parts)


def codes(answers: Sequence[Answer]) -> list[str]:
    return [json.loads(answer.body).get("code", str(answer.status)) for answer in answers]


def id_of(answer: Answer) -> str:
    return str(json.loads(answer.body)["id"])


@pytest.mark.usefixtures("wire")
def test_each_is_answered_as_if_it_were_alone() -> None:
    answers = buy(
        part({"book": 1}, key="the-key-of-the-first"),
        part(b"{", key="the-key-of-the-second"),
        part({"book": 2, "quantity": 1000}, key="the-key-of-the-third"),
        part({"book": 2, "colour": "red"}, key="the-key-of-the-fourth"),
        part({"book": 999_999}, key="the-key-of-the-fifth"),
        part({"book": 3}, key="short"),
        part({"lines": [{"book": 3}, {"book": 4, "quantity": 2}]}),
    )
    assert codes(answers) == [
        *("201", "parse_error", "out_of_stock", "validation_error", "not_found", "validation_error", "201")
    ]
    assert json.loads(answers[2].body)["request_id"] == "of-the-key-of-the-third"
    assert id_of(answers[0]) == str(idempotency.order_id("the-key-of-the-first"))
    assert answers[0].headers["Location"] == f"/api/v1/orders/{id_of(answers[0])}/"
    assert [sold(book) for book in (1, 2, 3, 4)] == [1, 0, 1, 2]
    sales, orders = sales_and_orders()
    assert sales == orders
    assert_copies_equal("catalog")
    assert_copies_equal("order")


@pytest.mark.two_files
@pytest.mark.usefixtures("wire")
def test_all_orders_are_written_in_one_commit() -> None:
    commits: list[str] = []
    failpoints.hooks["committed-order-1"] = lambda: commits.append("order-1")
    answers = buy(*(part({"book": book}) for book in (1, 2, 3)))
    assert codes(answers) == ["201"] * 3
    assert len(commits) == 1
    positions = [int(answer.headers[headers.LOG_POSITION]) for answer in answers]
    assert positions == list(range(positions[0], positions[0] + 3))


@pytest.mark.usefixtures("wire")
def test_a_key_that_comes_twice_at_once_is_bought_once() -> None:
    first, again = buy(part({"book": 1}, key="one-and-the-same-key"), part({"book": 1}, key="one-and-the-same-key"))
    assert id_of(first) == id_of(again)
    assert headers.IDEMPOTENT_REPLAYED not in first.headers
    assert again.headers[headers.IDEMPOTENT_REPLAYED] == "true"
    assert sold(1) == 1
    repeated, other = buy(
        part({"book": 1}, key="one-and-the-same-key"), part({"book": 2}, key="one-and-the-same-key")
    )
    assert (repeated.status, id_of(repeated)) == (201, id_of(first))
    assert codes([other]) == ["idempotency_conflict"]
    assert (sold(1), sold(2)) == (1, 0)


@pytest.mark.usefixtures("wire")
def test_who_comes_too_late_is_not_sold_to_and_the_others_are() -> None:
    answers = buy(part({"book": 1}, deadline=time.time() - 1), part({"book": 2}))
    assert codes(answers) == ["unavailable", "201"]
    assert (sold(1), sold(2)) == (0, 1)


def test_a_lost_answer_leaves_each_with_its_own_key_and_order(wire: Wire) -> None:
    def lose(node: str) -> None:
        raise NoAnswer(node)

    wire.after = lose
    keys = ["the-key-of-the-first", "the-key-of-the-second"]
    answers = buy(*(part({"book": 1}, key=key) for key in keys))
    assert codes(answers) == ["outcome_unknown"] * 2
    told = [json.loads(answer.body) for answer in answers]
    assert [document["idempotency_key"] for document in told] == keys
    assert [document["order"] for document in told] == [str(idempotency.order_id(key)) for key in keys]
    wire.heal()
    again = buy(*(part({"book": 1}, key=key) for key in keys))
    assert [id_of(answer) for answer in again] == [document["order"] for document in told]
    assert sold(1) == 2


def test_where_no_catalog_answers_nothing_is_sold_to_any(wire: Wire) -> None:
    def refuse(node: str) -> None:
        raise NeverSent(node)

    wire.before = refuse
    answers = buy(part({"book": 1}), part({"book": 2}))
    assert codes(answers) == ["unavailable"] * 2
    assert {json.loads(answer.body)["service"] for answer in answers} == {"catalog"}


@pytest.mark.two_files
@pytest.mark.usefixtures("wire")
def test_where_orders_cannot_be_read_nothing_is_sold() -> None:
    topology.witness_file("order").unlink()
    answers = buy(part({"book": 1}), part({"book": 2}))
    assert codes(answers) == ["unavailable"] * 2
    assert (sold(1), sold(2)) == (0, 0)
