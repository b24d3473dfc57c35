"""What is foreseen of several changes is fetched at once, and what they write is sent together."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from bookstore_project.replication.postgresql import waiting
from bookstore_project.replication.postgresql.tests.test_foreseen import NotEnough, taking
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
