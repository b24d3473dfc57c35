"""Rounds in the background: each under an id of its own, and none the last because of an error."""

import logging
import threading

import pytest

from bookstore_project.api.request_id import current_request_id, is_acceptable
from bookstore_project.nodes import background
from tests.patience import PATIENCE_S


def test_each_round_has_an_id_of_its_own_named_after_its_work(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = threading.Event()
    monkeypatch.setattr(background, "_stop", stop)
    seen: list[str] = []

    def step() -> None:
        seen.append(current_request_id())
        if len(seen) == 3:
            stop.set()
        raise ValueError("a round that fails")

    logger = logging.getLogger("bookstore.background")
    monkeypatch.setattr(logger, "disabled", True)
    rounds = threading.Thread(
        target=background._run, args=(background.Task("catalog caretaker", "catalog", 0.0, step),), daemon=True
    )
    rounds.start()
    rounds.join(PATIENCE_S)
    assert not rounds.is_alive()
    assert len(set(seen)) == 3
    assert all(own.startswith("catalog-caretaker-") and is_acceptable(own) for own in seen)
    assert current_request_id() not in seen, "a thread's id is its own"
