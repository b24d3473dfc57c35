"""What all tools have in common: they say what comes, and nothing of them outlives them."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import reaper
from tests.store import ROOT
from tests.waiting import wait_for

pytestmark = pytest.mark.processes

TOOL = """
import subprocess, sys
from tests import tool

if "stuck" in sys.argv:
    tool.PATIENCE_S = 0.1
with tool.running("trial", "A trial of a second.") as telling:
    telling.begin("starting")
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    (telling.folder / "something").touch()
    try:
        print(telling.folder, flush=True)
        child.wait(0.1 if "end" in sys.argv else 600)
    except subprocess.TimeoutExpired:
        if "keep" in sys.argv:
            telling.keep()
    finally:
        telling.say("going home")
        if "stuck" in sys.argv:
            child.wait()
        child.kill()
        child.wait()
"""
STARTER = "import subprocess, sys; subprocess.run([sys.executable, *sys.argv[1:]])"
TOOLS = {
    "chaos": ["-m", "tests.chaos", "--seconds", "60"],
    "stress": ["-m", "tests.stress", "--seconds", "60", "--backends", "lru"],
    "bench": ["-m", "benchmarks", "--only", "coherence"],
    "demo": ["-m", "demo"],
    "mutants": ["-m", "tests.mutants", "--only", "lease"],
}


class Running:
    """A tool at work, with this folder for what it writes."""

    def __init__(self, parent: Path, *command: str) -> None:
        self.parent = parent
        self.process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(parent)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self, number: signal.Signals) -> str:
        """What it said from then on."""
        self.process.send_signal(number)
        return self.process.communicate(timeout=120)[0]

    def workers(self) -> set[int]:
        """The processes that it has started, or have been started by those."""
        return set().union(*(reaper.processes_in(folder) for folder in self.parent.glob("bookstore-*")))

    def is_gone(self) -> bool:
        return not list(self.parent.iterdir()) and not reaper.processes_in(self.parent) - {self.process.pid}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def run(*command: str) -> Running:
        started.append(Running(tmp_path, *command))
        return started[-1]

    yield run
    for running in started:
        running.process.kill()
        running.process.communicate()
    reaper.end_all_in(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_tool_in_good_order(start: Callable[..., Running], number: signal.Signals) -> None:
    running = start("-c", TOOL)
    assert re.fullmatch(r"\[ +\d+\.\d\] A trial of a second\.", running.line())
    assert running.line().endswith("] starting")
    folder = Path(running.line())
    assert folder.parent == running.parent
    told = running.end(number)
    assert running.process.returncode == 128 + number
    assert told.splitlines()[0].endswith("] going home"), "it leaves through the blocks that end things"
    assert told.splitlines()[-1] == f"{number.name}: interrupted; nothing of it is left."
    assert running.is_gone()


def test_a_tool_that_cannot_end_in_good_order_ends_by_force(start: Callable[..., Running]) -> None:
    running = start("-c", TOOL, "stuck")
    wait_for(running.workers, 60, "its child")
    running.end(signal.SIGTERM)
    assert running.process.returncode == 128 + signal.SIGTERM
    wait_for(running.is_gone, 60, "its end, and that of all that it has started")


@pytest.mark.parametrize("command", [["-c", TOOL], ["-c", STARTER, "-c", TOOL]], ids=["itself", "its starter"])
def test_a_tool_that_is_killed_or_whose_starter_is_leaves_nothing(
    start: Callable[..., Running], command: list[str]
) -> None:
    running = start(*command)
    wait_for(running.workers, 60, "its child")
    running.process.kill()
    wait_for(running.is_gone, 60, "its end, and that of all that it has started")


@pytest.mark.parametrize("is_kept", [False, True])
def test_a_tool_that_ends_leaves_what_is_to_be_kept(start: Callable[..., Running], is_kept: bool) -> None:
    running = start("-c", TOOL, "end", *(["keep"] if is_kept else []))
    told, _ = running.process.communicate(timeout=120)
    assert running.process.returncode == 0
    folder = Path(told.splitlines()[2])
    assert (folder / "something").exists() is is_kept
    assert not reaper.processes_in(running.parent)


@pytest.mark.parametrize("name", TOOLS)
def test_each_tool_says_what_comes_and_leaves_nothing_when_it_is_killed(
    start: Callable[..., Running], name: str
) -> None:
    running = start(*TOOLS[name])
    plan = running.line()
    assert "about" in plan or "less than a minute" in plan, "it says at once how long it takes"
    wait_for(running.workers, 120, "what it starts")
    running.process.kill()
    wait_for(running.is_gone, 120, "its end, and that of all that it has started")
