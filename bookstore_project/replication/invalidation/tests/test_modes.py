"""The writers' side of BOOKSTORE_COHERENCE: an experiment waits for nobody, and endangers nobody else's promise."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.interface import Lease
from bookstore_project.replication.invalidation import leases, polls, pushes
from bookstore_project.replication.invalidation.leases import record_lease
from bookstore_project.replication.tests.support.articles import raise_price
from bookstore_project.replication.tests.support.fake_fronts import ENTRY, LEASE, NOW, POLL, Pushes
from bookstore_project.settings import modes
from tests.clock import Clock
from tests.waiting import PATIENCE_S, wait_for

EXPERIMENTS = [modes.PUSH, modes.NONE]


class StuckFront:
    """Takes a push, and answers when the test is over."""

    def __init__(self) -> None:
        self.messages: list[Mapping[str, Any]] = []
        self.is_over = threading.Event()

    def __call__(self, lease: Lease, message: Mapping[str, Any], timeout_s: float = 0) -> bool:
        self.messages.append(message)
        assert self.is_over.wait(PATIENCE_S)
        return True


def test_push_tells_every_front_and_waits_for_none(
    seven_articles: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    front = StuckFront()
    monkeypatch.setattr(pushes, "push", front)
    settings.REPLICATION = settings.REPLICATION | {"COHERENCE": modes.PUSH}
    position = raise_price()
    wait_for(lambda: [(position, ["article:1"])] in [message["invalidate"] for message in front.messages])
    front.is_over.set()


def test_push_leaves_out_what_a_front_is_too_slow_for(
    empty_store: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    front = StuckFront()
    monkeypatch.setattr(pushes, "push", front)
    monkeypatch.setattr(pushes, "_UNWAITED", threading.BoundedSemaphore(1))
    settings.REPLICATION = settings.REPLICATION | {"COHERENCE": modes.PUSH}
    for position in (7, 8, 9):
        pushes.invalidate("t", [replace(ENTRY, position=position)])
    front.is_over.set()
    assert [message["invalidate"] for message in front.messages] in ([], [[(7, ["article:1"])]])


def test_push_sends_new_answers_to_every_front(empty_store: Path, settings: Settings) -> None:
    settings.REPLICATION = settings.REPLICATION | {"COHERENCE": modes.PUSH}
    expected = list(replication_settings.fronts)
    assert [lease.front for lease in pushes.listeners()] == expected


def test_none_tells_nobody(clock: Clock, sent_pushes: Pushes, settings: Settings) -> None:
    settings.REPLICATION = settings.REPLICATION | {"COHERENCE": modes.NONE}
    pushes.invalidate("t", [ENTRY], pushes.announce("t", [ENTRY]))
    assert (sent_pushes.taken, pushes.listeners()) == ({}, [])


@pytest.mark.parametrize("mode", EXPERIMENTS)
def test_no_front_gets_a_lease_from_an_experiment(clock: Clock, settings: Settings, mode: str) -> None:
    """A front that counts on its lease would be told of nothing."""
    settings.REPLICATION = settings.REPLICATION | {"COHERENCE": mode}
    record_lease(replace(LEASE, expires=NOW))
    assert polls.answer("shelf", "shelf-1", POLL)["renewed"] is False
    assert leases.read_leases().valid == {}


@pytest.mark.parametrize("mode", EXPERIMENTS)
def test_a_front_that_has_its_lease_is_waited_for_all_the_same(
    clock: Clock, sent_pushes: Pushes, settings: Settings, mode: str
) -> None:
    """As when a command is run in another mode than the store."""
    settings.REPLICATION = settings.REPLICATION | {"COHERENCE": mode}
    record_lease(LEASE)
    sent_pushes.unreachable.add("front")
    pushes.invalidate("t", [ENTRY])
    assert clock.now >= LEASE.expires
