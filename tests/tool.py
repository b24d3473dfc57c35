"""How our tools run: they say what they will do, and how far they are; whatever ends them, nothing of it is left."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from bookstore_project.nodes.ticking import Ticker, nothing_more
from tests import reaper, run_folder
from tests.run_folder import RunFolder

PATIENCE_S = 10.0
"""How long an interrupted tool may take to end what it has started: then that is killed, and soon the tool."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal to stop: it leaves through the blocks that end what was started."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.status = 128 + number


class Tool:
    """A run of a tool."""

    def __init__(self, folder: RunFolder, write: Callable[[str], object], *, has_clock: bool) -> None:
        self._folder, self._write, self._has_clock = folder, write, has_clock
        self._began = time.monotonic()
        self._guard = threading.Lock()
        self.ticker = Ticker(self._line)

    @property
    def folder(self) -> Path:
        """Where it writes. Removed at the end, with all that still works in it."""
        return self._folder.path

    def say(self, line: str) -> None:
        self._line(line)
        self.ticker.heard()

    def begin(self, what: str, progress: Callable[[], str] = nothing_more) -> None:
        """Says which part comes now; while it lasts, how far it is (`progress`), every five seconds or more often."""
        self.ticker.doing(what, progress)
        self.say(what)

    def keep(self) -> None:
        """The folder stays, for somebody to look into."""
        self._folder.keep()

    def _line(self, text: str) -> None:
        with self._guard:
            self._write(f"[{time.monotonic() - self._began:6.1f}] {text}" if self._has_clock else text)


@contextmanager
def running(
    kind: str, plan: str, *, write: Callable[[str], object] | None = None, has_clock: bool = True
) -> Iterator[Tool]:
    """A tool's run, from its first word, `plan`, to its last. `has_clock`: lines tell the seconds since then.

    SIGINT, SIGTERM and SIGHUP end it with the exit status 128 + the signal's number.
    """
    interruption = _Interruption()
    for number in SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
            signal.signal(number, interruption.come)
    said = write or print_line
    try:
        with run_folder.opened(kind) as folder:
            tool = Tool(folder, said, has_clock=has_clock)
            interruption.watch(folder.path)
            tool.say(plan)
            with tool.ticker:
                yield tool
    except Interrupted as error:
        said(f"{error}: interrupted; nothing of it is left.")
        sys.exit(error.status)


def print_line(text: str) -> None:
    print(text, flush=True)


class _Interruption:
    """Comes once: what ends the run may take its time, but not for ever."""

    def __init__(self) -> None:
        self._has_come = threading.Event()
        self._status = 0

    def come(self, number: int, frame: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        self._status = 128 + number
        self._has_come.set()
        raise Interrupted(number)

    def watch(self, folder: Path) -> None:
        threading.Thread(target=self._hurry, args=(folder,), name="patience", daemon=True).start()

    def _hurry(self, folder: Path) -> None:
        self._has_come.wait()
        time.sleep(PATIENCE_S)
        reaper.end_all_in(folder)
        time.sleep(PATIENCE_S)
        os._exit(self._status)  # The folder's reaper does the rest.
