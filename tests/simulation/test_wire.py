"""Calls over the simulated network fail as those over real connections do."""

from types import SimpleNamespace
from typing import Any

import pytest

from bookstore_project.nodes.connections import Answer, BrokenOff, NotConnected
from tests.simulation import actors
from tests.simulation.wire import ANSWERED, BROKEN, REFUSED, Pool

OK = (ANSWERED, 200, [("content-type", "text/plain")], b"yes")


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...] | None]:
    """What the simulator says to one call after another."""
    said: list[tuple[Any, ...] | None] = []

    def begin_call(*what: Any, timeout_s: float) -> Any:
        return SimpleNamespace(said=lambda: said.pop(0))

    monkeypatch.setattr(actors, "world", SimpleNamespace(begin_call=begin_call))
    return said


def asked(pool: Pool) -> Answer:
    return pool.ask("GET", "/", headers={}, body=None, read_s=1)


def sent(pool: Pool) -> Any:
    return pool.send("POST", "/", headers={}, body=b"", read_s=1)


def test_a_request_is_sent_ahead_on_a_connection_that_is_open_and_on_no_other(answers: Any) -> None:
    pool = Pool("host", 1)
    assert sent(pool) is None
    answers += [OK, OK]
    assert asked(pool).body == b"yes"
    ahead = sent(pool)
    assert sent(pool) is None, "somebody waits for an answer on it"
    assert ahead.answer().status == 200
    assert sent(pool) is not None


@pytest.mark.parametrize("said", [(REFUSED,), (BROKEN,), None])
def test_one_that_was_sent_ahead_to_whoever_is_gone_breaks_off(answers: Any, said: tuple[Any, ...] | None) -> None:
    pool = Pool("host", 1)
    answers += [OK, said]
    asked(pool)
    with pytest.raises(BrokenOff):
        sent(pool).answer()
    assert sent(pool) is None


def test_whoever_refuses_was_never_asked(answers: Any) -> None:
    answers.append((REFUSED,))
    with pytest.raises(NotConnected):
        asked(Pool("host", 1))
