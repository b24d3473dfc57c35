"""The writer lock: one at a time among threads and processes, in turn, and free when its holder dies."""

from pathlib import Path

import pytest

from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.folder_locks import lock, try_lock
from bookstore_project.replication.sqlite_pair.locks.mutex import writer_lock
from bookstore_project.replication.tests.support.replica_files import python
from tests.actors import Actor, all_at_once
from tests.waiting import PATIENCE_S, wait_for


def test_threads_exclude_one_another(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        for _ in range(20):
            with writer_lock(tmp_path, timeout_s=PATIENCE_S):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    for actor in all_at_once([work] * 6):
        actor.result()
    assert max(most) == 1
    assert len(most) == 6 * 20


@pytest.mark.processes
def test_processes_exclude_one_another_and_a_dead_one_lets_go(tmp_path: Path) -> None:
    held = tmp_path / "held"
    code = (
        "import time; from pathlib import Path\n"
        "from bookstore_project.replication.sqlite_pair.locks.mutex import writer_lock\n"
        f"with writer_lock(Path({str(tmp_path / 'lock')!r}), timeout_s={PATIENCE_S}):\n"
        f"    Path({str(held)!r}).touch(); time.sleep(60)"
    )
    with python(code) as holder:
        wait_for(held.exists)
        with pytest.raises(Unavailable, match="holds the lock"), writer_lock(tmp_path / "lock", timeout_s=0.05):
            pass
        holder.kill()
        with writer_lock(tmp_path / "lock", timeout_s=PATIENCE_S) as mine:
            assert mine.is_current()


def test_a_waiter_gets_its_turn_against_a_greedy_one(tmp_path: Path) -> None:
    """Whoever lets go and comes back at once queues behind the one that waits."""
    got_it: list[str] = []

    def patient() -> None:
        with writer_lock(tmp_path, timeout_s=PATIENCE_S):
            got_it.append("patient")

    waiter: Actor | None = None
    rounds = 0
    while "patient" not in got_it:
        with writer_lock(tmp_path, timeout_s=PATIENCE_S):
            waiter = waiter or Actor(patient)
            rounds += 1
            # Long enough for the waiter to stand at the mutex.
            wait_for(lambda: _is_waiting(tmp_path) or got_it)
    assert waiter is not None
    waiter.result()
    assert rounds <= 3


def _is_waiting(directory: Path) -> bool:
    with try_lock(directory / "turnstile") as is_free:
        return not is_free


def test_who_waits_too_long_is_told_and_leaves_the_turnstile_free(tmp_path: Path) -> None:
    with writer_lock(tmp_path, timeout_s=PATIENCE_S):
        with pytest.raises(Unavailable, match="nothing was changed"), writer_lock(tmp_path, timeout_s=0.02):
            pass
        assert not _is_waiting(tmp_path)
    with writer_lock(tmp_path, timeout_s=1):
        pass


def test_a_lock_replaced_while_it_was_held_is_noticed(tmp_path: Path) -> None:
    with writer_lock(tmp_path, timeout_s=PATIENCE_S) as mine:
        mine.assert_current()
        (tmp_path / "mutex").rename(tmp_path / "elsewhere")
        with pytest.raises(Unavailable, match="was replaced"):
            mine.assert_current()
        with writer_lock(tmp_path, timeout_s=1) as theirs:
            theirs.assert_current()
            with pytest.raises(Unavailable, match="was replaced"):
                mine.assert_current()


def test_try_lock_waits_for_nobody(tmp_path: Path) -> None:
    with try_lock(tmp_path / "role") as first, try_lock(tmp_path / "role") as second:
        assert (first, second) == (True, False)
    with try_lock(tmp_path / "role") as again:
        assert again


def test_a_short_lock_gives_up_in_time(tmp_path: Path) -> None:
    with (
        lock(tmp_path / "short", 1),
        pytest.raises(Unavailable),
        lock(tmp_path / "short", 0.01),
    ):
        pass
