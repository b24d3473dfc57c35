"""The other processes of tests: as much of their own as new interpreters, and as short-lived as those."""

import os
import select
import signal
import sys
from pathlib import Path

import pytest

from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.sqlite_pair.locks.mutex import writer_lock
from bookstore_project.replication.tests.support.replica_files import python
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.processes


def test_each_has_its_own_pid_and_says_how_it_ended() -> None:
    processes = [python("print(os.getpid())"), python("print(os.getpid(), int(input()) / 0)")]
    assert processes[1].poll() is None
    assert processes[0].communicate() == f"{processes[0].pid}\n"
    assert processes[1].communicate("1\n") == ""
    assert [process.returncode for process in processes] == [0, 1]
    assert len({os.getpid(), *(process.pid for process in processes)}) == 3


def test_its_locks_are_its_own_until_it_is_killed(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from bookstore_project.replication.sqlite_pair.locks.mutex import writer_lock\n"
        f"with writer_lock(Path({str(tmp_path)!r}), timeout_s=float('inf')): print('held', flush=True); input()"
    )
    with python(code) as holder:
        assert holder.stdout.readline() == "held\n"
        # Another one, which is forked meanwhile, holds nothing of it.
        assert python("print(len(os.listdir('/dev/fd')) - 1)").communicate() == "3\n"
        with pytest.raises(Unavailable), writer_lock(tmp_path, timeout_s=0):
            pass
        holder.kill()
        assert holder.wait(PATIENCE_S) == -signal.SIGKILL
        with writer_lock(tmp_path, timeout_s=float("inf")):
            pass


@pytest.mark.skipif(sys.platform != "linux", reason="who started a process is told by /proc")
def test_nothing_outlives_the_process_that_started_it() -> None:
    code = (
        "from bookstore_project.replication.tests.support.forks import Fork\n"
        "fork = Fork('print(os.getpid(), os.getppid(), flush=True); input()')\n"
        "print(fork.stdout.readline(), end='', flush=True); input()"
    )
    with python(code) as starter:
        forked, reporter = map(int, starter.stdout.readline().split())
        server = int(Path(f"/proc/{reporter}/stat").read_text().rpartition(")")[2].split()[1])
        ends = [os.pidfd_open(pid) for pid in (forked, reporter, server)]
        starter.kill()
        for end in ends:
            assert select.select([end], [], [], PATIENCE_S)[0]
            os.close(end)
