"""Processes that die at a named point of the protocol; fronts whose clock and wire the test holds."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bookstore_project.replication import fronts, leases, polls
from bookstore_project.replication.tests.copies import python
from bookstore_project.replication.tests.leases import Clock, Pushes
from tests.patience import PATIENCE_S

KilledAt = Callable[[str, str], None]

# It has neither threads nor open files, so a child inherits no lock; starting Django anew takes a second each time.
_FORK_AND_DIE = """
import json, sys
for line in sys.stdin:
    point, code = json.loads(line)
    child = os.fork()
    if child == 0:
        points.hooks[point] = lambda: os.kill(os.getpid(), 9)
        try:
            exec(code, {})
        finally:
            os._exit(1)
    print(os.waitpid(child, 0)[1], flush=True)
"""


@pytest.fixture(scope="session")
def killed_at() -> Iterator[KilledAt]:
    """Runs code in a process that is killed at that point of the protocol."""
    with python(_FORK_AND_DIE) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        to_parent, from_parent = parent.stdin, parent.stdout

        def run_and_die(point: str, code: str) -> None:
            print(json.dumps([point, code]), file=to_parent, flush=True)
            assert int(from_parent.readline()) == signal.SIGKILL, f"it never came to {point}"

        yield run_and_die
        to_parent.close()
        parent.wait(PATIENCE_S)


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
