"""Rounds in the background: each under an id of its own, and none the last because of an error."""

import logging
import threading

import pytest

from bookstore_project.api.request_id import current_request_id, is_acceptable
from bookstore_project.nodes import background
from bookstore_project.nodes.background import Task
from tests.waiting import PATIENCE_S


def test_each_round_has_an_id_of_its_own_named_after_its_work(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = threading.Event()
    seen: list[str] = []

    def step() -> None:
        seen.append(current_request_id())
        if len(seen) == 3:
            stop.set()
        raise ValueError("a round that fails")

    monkeypatch.setattr(logging.getLogger("bookstore.background"), "disabled", True)
    run(Task("catalog maintenance", step, 0.0), stop)
    assert len(set(seen)) == 3
    assert all(own.startswith("catalog-maintenance-") and is_acceptable(own) for own in seen)
    assert current_request_id() not in seen, "a thread's id is its own"


class Stop(threading.Event):
    """Notes for how long is waited, and waits for nothing; set after three waits."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout)
        return len(self.waits) > 3


def run(task: Task, stop: threading.Event) -> None:
    thread = background.start(task, stop)
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


@pytest.mark.parametrize(("is_at_once", "first_s"), [(False, 5.0), (True, 0.0)])
def test_a_round_says_when_the_next_one_is_due(*, is_at_once: bool, first_s: float) -> None:
    due_s = iter((0.25, 0.0, None))
    stop = Stop()
    run(Task("poll", lambda: next(due_s), 5.0, is_at_once), stop)
    assert stop.waits == [first_s, 0.25, 0.0, 5.0]


def test_a_round_comes_sooner_if_it_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    wake, stop, rounds = threading.Event(), threading.Event(), threading.Semaphore(0)

    def step() -> float:
        rounds.release()
        return 3600.0

    thread = background.start(Task("check", step, 0.001, is_at_once=True, wake=wake), stop)
    for _ in range(3):
        assert rounds.acquire(timeout=PATIENCE_S)
        wake.set()
    stop.set()
    wake.set()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def test_after_an_error_the_next_round_comes_as_usual_and_it_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    def step() -> float:
        raise ValueError("no luck")

    stop = Stop()
    run(Task("poll", step, 5.0), stop)
    assert stop.waits == [5.0] * 4
    assert [record.message for record in caplog.records] == ["poll: no luck"]
