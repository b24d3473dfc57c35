"""A seed decides a whole run: it is the same each time, and finds a protocol that is broken."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.warm import ROOT, environment, simulate
from tests.waiting import wait_for

pytestmark = [pytest.mark.processes, pytest.mark.large]
SHORT = ("--operations", "60")
NOT_OF_FILES = "kill,stop,slow,lose,double,delay,cut"
"""Faults with which a run is short: nobody has to come and repair anything."""
TIMES = "s of a processor"
"""Ends the one line of a report that isn't of the simulated time."""


def assert_found(mutant: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """By a seed soon: by which, and after what, is different with each change of the code."""
    found = simulate(*arguments, "--seeds", "12", "--broken", mutant)
    assert found.returncode == 1, found.stdout + found.stderr
    assert "VIOLATION: " in found.stdout
    return found


def told(run: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in run.stdout.splitlines() if not line.endswith(TIMES)]


def test_twenty_seeds_give_the_same_runs_to_the_last_answer_also_with_other_hashes() -> None:
    short = ("--seeds", "20", "--operations", "4", "--every", "150", "--faults", NOT_OF_FILES)
    first, second = (simulate(*short, hash_seed=seed) for seed in ("0", "1"))
    assert first.returncode == second.returncode == 0, first.stdout + second.stdout + first.stderr + second.stderr
    assert told(first) == told(second)
    digests = re.findall(r"^  digest (\w+)$", first.stdout, re.MULTILINE)
    assert len(set(digests)) == 20
    assert " kill" in first.stdout, "or nothing happened that is hard to repeat"


def test_a_power_cut_gives_the_same_run_too() -> None:
    """What it takes away are files in whose names stands which process wrote them."""
    kinds = "kill,stop,stall,slow,aim,clock,power,full,lose,double,delay,cut,files,pairs"
    first, second = (simulate("--seed", "6", *SHORT, "--faults", kinds, hash_seed=seed) for seed in ("0", "1"))
    assert first.returncode == 0, first.stdout + first.stderr
    assert " power" in first.stdout
    assert told(first) == told(second)


def test_a_broken_protocol_is_found_by_a_seed() -> None:
    found = assert_found("a push is confirmed and ignored", *SHORT, "--faults", "none")
    assert "a stale read" in found.stdout


def test_ctrl_c_ends_it_in_good_order(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    command = [sys.executable, "-m", "tests.simulation", "--operations", "100000", "--trace", str(trace)]
    alone = environment() | {"TMPDIR": str(tmp_path), "PYTHONDEVMODE": ""}  # That has Python itself say more.
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=alone, stdout=pipe, stderr=pipe, process_group=0) as run:
        wait_for(lambda: trace.exists() and trace.stat().st_size, what="a run that has begun")
        os.killpg(run.pid, signal.SIGINT)
        said, wrong = run.communicate()
    assert (run.returncode, wrong) == (128 + signal.SIGINT, b"")
    assert said.endswith(b"interrupted; nothing of it is left.\n")
    assert list(tmp_path.iterdir()) == [trace]
