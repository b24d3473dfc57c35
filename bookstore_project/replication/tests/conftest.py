"""Processes that die at a named point of the protocol; fronts whose clock and wire the test holds."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from bookstore_project.replication.invalidation import leases, polls
from bookstore_project.replication.invalidation import pushes as fronts
from bookstore_project.replication.tests.copies import obedient as told_by_obedient
from bookstore_project.replication.tests.copies import python
from bookstore_project.replication.tests.leases import Clock, Pushes

KilledAt = Callable[[str, str], None]
Obedient = Callable[[str], str]


@pytest.fixture(scope="session")
def killed_at() -> KilledAt:
    """Runs code in a process that is killed at that point of the protocol."""

    def run_and_die(point: str, code: str) -> None:
        with python(f"points.hooks[{point!r}] = lambda: os.kill(os.getpid(), 9)\n{code}") as process:
            assert process.wait() == -signal.SIGKILL, f"it never came to {point}"

    return run_and_die


@pytest.fixture
def obedient() -> Obedient:
    """Runs code in a process that heeds modes, which is there before a test takes away what it needs to begin."""
    told_by_obedient("pass")
    return told_by_obedient


@pytest.fixture
def clock(empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(fronts, "time", made)
    monkeypatch.setattr(polls, "time", made)
    monkeypatch.setattr(leases, "time", made)
    return made


@pytest.fixture
def pushes(monkeypatch: pytest.MonkeyPatch) -> Pushes:
    made = Pushes()
    monkeypatch.setattr(fronts, "push", made)
    return made
