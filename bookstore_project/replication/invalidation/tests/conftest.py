"""Fronts whose clock and wire the test holds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bookstore_project.nodes import client
from bookstore_project.replication import interface
from bookstore_project.replication.invalidation import leases, polls, pushes, sending
from bookstore_project.replication.invalidation.listening import forget
from bookstore_project.replication.tests.support.fake_fronts import ListeningFront, Pushes, listening
from tests.clock import Clock
from tests.waiting import PATIENCE_S


@pytest.fixture(autouse=True)
def _nobody_is_remembered() -> Iterator[None]:
    """Of those who listened in a test."""
    yield
    forget()


@pytest.fixture
def clock(empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(pushes, "time", made)
    monkeypatch.setattr(polls, "time", made)
    monkeypatch.setattr(leases, "time", made)
    monkeypatch.setattr(interface, "time", made)
    return made


@pytest.fixture
def sent_pushes(monkeypatch: pytest.MonkeyPatch) -> Pushes:
    made = Pushes()
    monkeypatch.setattr(pushes, "push", made)
    return made


@pytest.fixture
def front() -> Iterator[ListeningFront]:
    with listening() as server:
        yield server


@pytest.fixture
def lasting_front(monkeypatch: pytest.MonkeyPatch) -> Iterator[ListeningFront]:
    """One that keeps connections, as fronts do, and that is waited for however slow it is."""
    monkeypatch.setattr(sending, "PUSH_TIMEOUT_S", PATIENCE_S)
    with listening(keeps_connections=True) as server:
        yield server
        kept = client._pool("127.0.0.1", server.server_port)._idle
        while kept:
            kept.pop().close()
