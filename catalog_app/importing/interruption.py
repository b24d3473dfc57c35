"""Ctrl-C between two batches and not within one: the batch that is being written is finished first."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Interruption:
    """While it is entered, the first SIGINT or SIGTERM is noted, for `check` and `pause` to raise KeyboardInterrupt.

    A second one works at once, as if nobody had caught it: a transaction that it breaks is rolled back, or settled
    by the next one.
    """

    def __init__(self) -> None:
        self._noted = threading.Event()
        self._former: dict[int, Any] = {}
        self.signal_number: int = signal.SIGINT

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._former[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._restore()

    def check(self) -> None:
        if self._noted.is_set():
            raise KeyboardInterrupt

    def pause(self, seconds: float) -> None:
        """Sleeps, unless interrupted."""
        self._noted.wait(seconds)
        self.check()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal_number = number
        self._noted.set()
        self._restore()

    def _restore(self) -> None:
        while self._former:
            number, former = self._former.popitem()
            signal.signal(number, former)
