"""Two runs of tests at once: what they say, their exit status, and how they end."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.store import ROOT
from tests.waiting import wait_for

pytestmark = pytest.mark.processes

BOTH = "import sys; from tests.both_engines import main; sys.exit(main(['-c', sys.argv[1]], ['-c', sys.argv[2]]))"
SAYS = "print('{}')"
FAILS = "import sys; sys.exit({})"
WAITS = "import os, pathlib, signal; {} pathlib.Path('{}').write_text(str(os.getpid())); {}"
FOREVER = ("", "signal.pause()")
FOR_AN_INTERRUPT = (
    "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT]);",
    "signal.sigwait([signal.SIGINT]); print('told')",
)
"""What is done before it has begun, and how it waits; an interrupt that comes between the two isn't lost."""


def run(on_files: str, on_postgresql: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", BOTH, on_files, on_postgresql]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)


@pytest.mark.parametrize(
    ("on_files", "on_postgresql", "status"),
    [
        (SAYS.format("files"), SAYS.format("server"), 0),
        (FAILS.format(1), SAYS.format("server"), 1),
        (SAYS.format("files"), FAILS.format(2), 2),
        (FAILS.format(1), FAILS.format(2), 1),
        ("import os; os.kill(os.getpid(), 9)", SAYS.format("server"), 137),
    ],
)
def test_it_fails_if_one_of_them_does(on_files: str, on_postgresql: str, status: int) -> None:
    running = run(on_files, on_postgresql)
    running.communicate()
    assert running.returncode == status


def test_what_the_second_one_says_comes_last(tmp_path: Path) -> None:
    meeting = tmp_path / "meeting"
    os.mkfifo(meeting)
    begin = f"import pathlib; meeting = pathlib.Path('{meeting}');"
    waits_for_the_other = f"{begin} meeting.read_text(); print('files')"
    running = run(waits_for_the_other, f"{begin} print('server', flush=True); meeting.write_text('.')")
    assert running.communicate()[0] == "files\nserver\n"


def both_wait(folder: Path, waits: tuple[str, str] = FOREVER) -> "subprocess.Popen[str]":
    """Two runs that wait for a signal, and have begun to."""
    names = [folder / "files", folder / "server"]
    running = run(*(WAITS.format(waits[0], name, waits[1]) for name in names))
    wait_for(lambda: all(name.exists() and name.read_text() for name in names), what="both runs")
    return running


def test_whoever_ends_it_ends_both(tmp_path: Path) -> None:
    running = both_wait(tmp_path)
    running.terminate()
    running.communicate()
    assert running.returncode == 128 + signal.SIGTERM


def test_a_terminals_interrupt_is_left_to_both_runs(tmp_path: Path) -> None:
    running = both_wait(tmp_path, FOR_AN_INTERRUPT)
    os.killpg(running.pid, signal.SIGINT)
    said = running.communicate()[0]
    assert said.count("told") == 2, said  # not by lines: three processes write to one pipe
    assert running.returncode == 0


def test_who_interrupts_it_twice_ends_both(tmp_path: Path) -> None:
    running = both_wait(tmp_path)
    assert running.stdout is not None
    running.send_signal(signal.SIGINT)
    assert running.stdout.readline().startswith("Interrupted")
    running.send_signal(signal.SIGINT)
    running.communicate()
    assert running.returncode == 128 + signal.SIGTERM
