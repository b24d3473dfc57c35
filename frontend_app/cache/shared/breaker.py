"""A circuit breaker: what failed is left alone for a while, and then tried once before it is relied on again.

The states and their names are Michael Nygard's (Release It!, "Circuit Breaker").
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

State = Literal["closed", "open", "half-open"]


@dataclass
class Breaker:
    """Closed: all calls go through. Open: none does. Half-open: one does, to find out. Thread-safe.

    One failure opens it: where the next best answer costs milliseconds, a second wait would be wasted. Only the
    trial of the half-open breaker closes it, so that a late success of a call from before it opened counts for
    nothing.
    """

    pause_s: float
    """How long it stays open before a trial may be made, in seconds."""
    on_change: Callable[[bool, str], None]
    """Told, outside the lock, whether it is closed now, and why it was opened."""
    clock: Callable[[], float] = time.monotonic
    reason: str = ""
    """Why it isn't closed; empty if it is."""
    openings: int = 0
    _state: State = "closed"
    _opened_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def state(self) -> State:
        return self._state

    @property
    def is_closed(self) -> bool:
        return self._state == "closed"

    def failed(self, reason: str) -> None:
        """Opens it, if it was closed: a call that went through failed."""
        with self._lock:
            if self._state != "closed":
                return
            self._open(reason)
            self.openings += 1
        self.on_change(False, reason)

    def begin_trial(self) -> bool:
        """Whether the caller, and nobody else, has to make a trial now, and to end it with `end_trial`."""
        if self._state != "open":
            return False
        with self._lock:
            if self._state != "open" or self.clock() < self._opened_at + self.pause_s:
                return False
            self._state = "half-open"
            return True

    def end_trial(self, failure: str | None) -> None:
        """Closes it if the trial succeeded (None), opens it for another pause otherwise."""
        with self._lock:
            if failure is not None:
                self._open(failure)
                return
            self._state, self.reason = "closed", ""
        self.on_change(True, "")

    def _open(self, reason: str) -> None:
        self._state, self.reason, self._opened_at = "open", reason, self.clock()
