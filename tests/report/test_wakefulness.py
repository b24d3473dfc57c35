"""What keeps processors awake takes nothing from anybody, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.report.wakefulness import processors_awake
from tests.store import ROOT
from tests.waiting import wait_for

pytestmark = pytest.mark.processes


def is_running(pid: int) -> bool:
    """A zombie isn't: whoever started it is gone, and whoever has it now may look later."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_each_processor_has_a_process_that_gives_way_to_all_others() -> None:
    with processors_awake() as spinning:
        assert len(spinning) == len(os.sched_getaffinity(0))
        wait_for(lambda: {*map(os.sched_getscheduler, spinning)} == {os.SCHED_IDLE}, what="the lowest class")
        assert {processor for pid in spinning for processor in os.sched_getaffinity(pid)} == os.sched_getaffinity(0)
    assert not any(map(is_running, spinning))


def test_they_end_with_whoever_is_killed_meanwhile() -> None:
    program = (
        "import signal; from benchmarks.report.wakefulness import processors_awake; awake = processors_awake();"
        "print(*awake.__enter__(), flush=True); signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        spinning = [int(pid) for pid in killed.stdout.readline().split()]
        assert spinning
        killed.send_signal(signal.SIGKILL)
    wait_for(lambda: not any(map(is_running, spinning)), what="their end")
