"""A stopped process that holds a lock is killed; a slow one, and one that is continued in time, are left alone."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bookstore_project.replication import fencing
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.sqlite_pair.locks.mutex import Role, writer_lock
from bookstore_project.replication.tests.support.articles import price_of, reprice
from bookstore_project.replication.tests.support.forks import Fork
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, python, rows
from tests.waiting import PATIENCE_S, wait_for

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(sys.platform != "linux", reason="who holds a lock is told by /proc"),
]


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fencing, "FENCE_AFTER_S", 0.2)


@contextmanager
def holder(lock: Path) -> Iterator[Fork]:
    """Another process that holds the writer lock and does nothing."""
    code = (
        "import time; from pathlib import Path\n"
        "from bookstore_project.replication.sqlite_pair.locks.mutex import writer_lock\n"
        f"with writer_lock(Path({str(lock)!r}), timeout_s={PATIENCE_S}):\n"
        "    print('held', flush=True); input()"
    )
    with python(code) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def state_of(process: Fork) -> str:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def stop(process: Fork) -> None:
    process.send_signal(signal.SIGSTOP)
    wait_for(lambda: state_of(process) == "T")


def test_a_stopped_holder_is_killed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with holder(tmp_path) as process:
        stop(process)
        with writer_lock(tmp_path, timeout_s=PATIENCE_S) as mine:
            mine.assert_current()
        assert process.wait(PATIENCE_S) == -signal.SIGKILL
    assert f"process {process.pid} was stopped while it held the lock {tmp_path / 'mutex'}" in caplog.text


def test_a_slow_holder_is_left_alone(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        with pytest.raises(Unavailable), writer_lock(tmp_path, timeout_s=0.7):
            pass
        assert not fencing.fence(tmp_path / "mutex")
        assert process.poll() is None


def test_a_holder_that_is_continued_in_time_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with holder(tmp_path) as process:
        stop(process)
        monkeypatch.setattr("bookstore_project.replication.fencing.time.sleep", lambda seconds: _go_on(process))
        assert not fencing.fence(tmp_path / "mutex")
        assert process.poll() is None


def _go_on(process: Fork) -> None:
    process.send_signal(signal.SIGCONT)
    wait_for(lambda: state_of(process) != "T")


def test_a_stopped_process_that_holds_another_lock_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "another" / "mutex").mkdir(parents=True)
    with holder(tmp_path / "lock") as process:
        stop(process)
        assert not fencing.fence(tmp_path / "another" / "mutex")
        assert process.poll() is None


def test_a_process_of_another_user_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with holder(tmp_path) as process:
        stop(process)
        other = os.geteuid() + 1
        monkeypatch.setattr("bookstore_project.replication.fencing.os.geteuid", lambda: other)
        assert not fencing.fence(tmp_path / "mutex")
        assert process.poll() is None


def test_the_role_of_a_stopped_process_is_taken_over(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        role = Role(tmp_path / "mutex")
        assert not role.is_mine()
        stop(process)
        wait_for(role.is_mine)
        assert process.wait(PATIENCE_S) == -signal.SIGKILL


@pytest.mark.parametrize("point", ["begun", "before-commit", "committed-shelf-1", "committed", "invalidated"])
def test_a_writer_that_is_stopped_anywhere_holds_nobody_up(seven_articles: Path, point: str) -> None:
    code = (
        "import signal\n"
        f"points.hooks[{point!r}] = lambda: os.kill(os.getpid(), signal.SIGSTOP)\n"
        "from bookstore_project.replication.tests.support.articles import reprice; reprice()"
    )
    with python(code) as process:
        wait_for(lambda: state_of(process) == "T")
        reprice(2)
        assert process.wait(PATIENCE_S) == -signal.SIGKILL
    assert price_of(2, "shelf-1")[0] == price_of(2, "shelf-2")[0] == "5.00"
    (price,) = rows("shelf-1", "SELECT price FROM shelf_article WHERE id = 1")[0]
    assert price == (30 if point in ("begun", "before-commit") else 5)
    assert_copies_equal("shelf")
