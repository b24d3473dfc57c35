"""A clock that is wrong for the programs of one machine."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import programs
from tests.hosts.clock import Clock, compiled

TELLS_TIME = "import sys, time\nfor _ in sys.stdin: print(time.time(), time.monotonic(), flush=True)"


@pytest.mark.processes
def test_a_program_that_runs_sees_at_once_that_its_clock_is_set_and_measures_as_before(tmp_path: Path) -> None:
    programs.require("gcc", "gcc")
    clock = Clock(compiled(tmp_path), tmp_path / "clock")
    with subprocess.Popen(
        [sys.executable, "-c", TELLS_TIME],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=clock.environment,
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        for by_s in (0, 3600, -3600, 0):
            clock.set(by_s)
            before = time.time(), time.monotonic()
            program.stdin.write("?\n")
            program.stdin.flush()
            said, measured = map(float, program.stdout.readline().split())
            assert before[0] <= said - by_s <= time.time()
            assert before[1] <= measured <= time.monotonic()
        program.stdin.close()
