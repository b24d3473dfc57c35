"""The whole run: python -m tests.both_engines, with pytest's arguments.

The tests on files, which are most, are shown while they run. Those that hold for every engine run on PostgreSQL
meanwhile (`tests/on_postgresql.py`), where tests of whole stores leave the processors idle; what they say comes last.
"""

import signal
import subprocess
import sys
import tempfile
from types import FrameType
from typing import IO

ON_FILES = ("-m", "pytest", "-n4", "--no-loadscope-reorder")
ON_POSTGRESQL = ("-m", "tests.on_postgresql", "-n2", "--no-loadscope-reorder")


def main(on_files: list[str], on_postgresql: list[str]) -> int:
    """The exit status of the run that failed, of the first one if both did. Each is a Python's arguments."""
    with tempfile.TemporaryFile() as said:
        runs: list[subprocess.Popen[bytes]] = []
        signal.signal(signal.SIGTERM, lambda number, _: ended(runs))
        signal.signal(signal.SIGINT, Interrupted(runs).again)
        for arguments, output in ((on_files, None), (on_postgresql, said)):
            runs.append(begun(arguments, output))
        statuses = [run.wait() for run in runs]
        said.seek(0)
        sys.stdout.buffer.write(said.read())
        sys.stdout.flush()
    return next((status if status > 0 else 128 - status for status in statuses if status), 0)


def begun(arguments: list[str], output: IO[bytes] | None) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, *arguments], stdin=subprocess.DEVNULL, stdout=output, stderr=output)


def ended(runs: "list[subprocess.Popen[bytes]]") -> None:
    for run in runs:
        run.terminate()


class Interrupted:
    """A terminal's Ctrl-C reaches both runs by itself: each tells what it has found. The next one ends them."""

    def __init__(self, runs: "list[subprocess.Popen[bytes]]") -> None:
        self._runs = runs
        self._is_again = False

    def again(self, number: int, frame: FrameType | None) -> None:
        if self._is_again:
            ended(self._runs)
        self._is_again = True
        sys.stdout.write("Interrupted: both runs come to their end. Once more ends them at once.\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main([*ON_FILES, *sys.argv[1:]], [*ON_POSTGRESQL, *sys.argv[1:]]))
