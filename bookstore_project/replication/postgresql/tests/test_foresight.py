"""What is foreseen of several changes is fetched at once, and what they write is sent together, if it can be."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ValidationError
from django.db import DataError

from bookstore_project.replication import rows
from bookstore_project.replication.foreseen import Foreseen, Value
from bookstore_project.replication.postgresql import waiting
from bookstore_project.replication.postgresql.tests.test_foreseen import NotEnough, outcomes, taking
from bookstore_project.replication.tests.shelf.models import Movement, Note
from bookstore_project.replication.transaction import run_all

pytestmark = pytest.mark.usefixtures("seven_articles")


@contextmanager
def round_trips(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """How often this thread waits for an answer meanwhile."""
    found, own = list[str](), threading.get_ident()
    execute, last_result = psycopg.Cursor.execute, waiting._last_result

    def counted(self: Any, *args: Any, **kwargs: Any) -> object:
        if threading.get_ident() == own:
            found.append("statements")
        return execute(self, *args, **kwargs)

    def counted_commit(*args: Any) -> object:
        if threading.get_ident() == own:
            found.append("commit")
        return last_result(*args)

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", counted)
        patch.setattr(waiting, "_last_result", counted_commit)
        yield found


@pytest.mark.parametrize("members", [1, 2, 8])
def test_however_many_are_made_together_four_answers_are_waited_for(
    monkeypatch: pytest.MonkeyPatch, members: int
) -> None:
    """Locked, fetched, made and noted, appended and committed."""
    run_all("shelf", [taking(1)])  # Connected by then.
    with round_trips(monkeypatch) as waited:
        made = run_all("shelf", [taking(1) for _ in range(members)])
    assert [each.outcome().value for each in made] == [48 - number for number in range(members)]
    assert waited == ["statements"] * 3 + ["commit"]


def test_who_fails_without_having_written_costs_the_others_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    run_all("shelf", [taking(1)])
    with round_trips(monkeypatch) as waited:
        made = run_all("shelf", [taking(1), taking(49), taking(1)])
    assert [type(each.error) for each in made] == [type(None), NotEnough, type(None)]
    assert waited == ["statements"] * 3 + ["commit"]


def test_a_repeat_beside_its_first_attempt_costs_the_others_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    run_all("shelf", [taking(1)])
    with round_trips(monkeypatch) as waited:
        made = run_all("shelf", [taking(1, receipt=7), taking(1, receipt=7), taking(1)])
    assert [each.outcome().value for each in made] == [48, -1, 47]
    assert waited == ["statements"] * 3 + ["commit"]


def asking(value: Value) -> Foreseen[int]:
    return Foreseen(lambda: int(rows.exists(value)), values=[value])


WRONG: dict[str, tuple[Foreseen[int], type[Exception]]] = {
    "a key that is no number": (taking(1, article="many"), ValidationError),  # type: ignore[arg-type]  # The test.
    "no number": (asking((Movement, "balance", "many")), ValidationError),
    "a text with NUL": (asking((Note, "text", "a\0b")), DataError),
    "half a surrogate pair": (asking((Note, "text", "\ud800")), UnicodeEncodeError),
}


@pytest.mark.parametrize("others", [0, 1])
@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_asked_for_is_the_error_of_whoever_foresees_it(what: str, others: int) -> None:
    wrong, error = WRONG[what]
    made = run_all("shelf", [*(taking(1) for _ in range(others)), wrong, *(taking(1) for _ in range(others))])
    assert outcomes(made) == [*[49][:others], error, *[48][:others]]


def write_a_nul() -> int:
    rows.insert(Note(key=uuid.uuid4(), text="a\0b"))
    return 0


@pytest.mark.parametrize("others", [0, 1])
def test_a_value_that_no_text_holds_is_refused_as_by_any_statement(others: int) -> None:
    made = run_all("shelf", [*(taking(1) for _ in range(others)), Foreseen(write_a_nul), taking(1)])
    assert outcomes(made) == [*[49][:others], DataError, 49 - others]
