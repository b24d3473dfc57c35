"""Sales that come together: each order by itself, in one commit."""

import json
import time
import uuid
from collections.abc import Sequence

import pytest

from bookstore_project.api import headers
from bookstore_project.nodes.batches import Answer, Part
from bookstore_project.replication import failpoints
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal
from catalog_app import batches
from catalog_app.models import Book
from catalog_app.services import book_update

pytestmark = [pytest.mark.usefixtures("seven_books"), pytest.mark.every_engine]
FAR = 4_000_000_000.0


def part(*lines: tuple[int, int], order: uuid.UUID | None = None, deadline: float = FAR) -> Part:
    asked = [{"book": book, "quantity": copies} for book, copies in lines]
    return Part(json.dumps({"order": str(order or uuid.uuid4()), "lines": asked}).encode(), {}, deadline)


def codes(answers: Sequence[Answer]) -> list[str]:
    return [json.loads(answer.body).get("code", str(int(answer.status))) for answer in answers]


def left(book: int) -> int:
    return Book.objects.get(pk=book).quantity


def test_the_last_copy_goes_to_one_of_those_who_come_together() -> None:
    book_update(book_id=1, fields={"quantity": 2}, actor="ann")
    answers = batches.sell([part((1, 1)), part((1, 1)), part((1, 1)), part((2, 1))])
    assert codes(answers) == ["201", "201", "out_of_stock", "201"]
    assert left(1) == 0
    assert_copies_equal("catalog")


@pytest.mark.two_files
def test_they_are_one_commit_with_a_position_each() -> None:
    commits: list[str] = []
    failpoints.hooks["committed-catalog-2"] = lambda: commits.append("catalog-2")
    answers = batches.sell([part((book, 1)) for book in (1, 2, 3)])
    positions = [int(answer.headers[headers.LOG_POSITION]) for answer in answers]
    assert positions == list(range(positions[0], positions[0] + 3))
    assert len(commits) == 1


def test_an_order_that_comes_twice_at_once_is_sold_once() -> None:
    order, before = uuid.uuid4(), left(1)
    answers = batches.sell([part((1, 2), order=order), part((1, 2), order=order), part((1, 3), order=order)])
    assert codes(answers) == ["201", "200", "idempotency_conflict"]
    assert left(1) == before - 2


def test_each_has_a_deadline_of_its_own() -> None:
    before = left(1)
    answers = batches.sell([part((1, 1), deadline=time.time() - 1), part((1, 1))])
    assert codes(answers) == ["unavailable", "201"]
    assert left(1) == before - 1


def test_what_makes_no_sense_is_told_to_whom_it_concerns() -> None:
    answers = batches.sell([Part(b"{"), Part(b"[]"), part((1, 1))])
    assert codes(answers) == ["parse_error", "validation_error", "201"]
