"""A retry budget: retries come out of what requests put in, so that an outage doesn't double the load.

Source: Site Reliability Engineering (Beyer et al., O'Reilly 2016), chapter 21; Finagle's RetryBudget.
"""

import threading
import time

from bookstore_project.clock import Clock

RATIO = 0.2
"""Retries for each request, in the long run."""
RESERVE = 128
"""Retries that may be made at once: more than a node has requests under way, whose replica may die under them."""
PER_S = 2.0
"""Retries that a quiet shop has in each second, whatever its requests."""


class RetryBudget:
    """A token bucket. Thread-safe."""

    def __init__(
        self,
        *,
        ratio: float = RATIO,
        reserve: float = RESERVE,
        per_s: float = PER_S,
        clock: Clock = time.monotonic,
    ) -> None:
        self._ratio = ratio
        self._reserve = reserve
        self._per_s = per_s
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens = float(reserve)
        self._filled_at = clock()
        self.spent = 0
        """Retries so far."""
        self.refused = 0
        """Retries that weren't made, because the budget was spent."""

    @property
    def tokens(self) -> float:
        """How many retries could be made now."""
        with self._lock:
            self._fill(0.0)
            return self._tokens

    def deposit(self) -> None:
        """A request came."""
        with self._lock:
            self._fill(self._ratio)

    def spend(self) -> bool:
        """Whether one more call may be made for a request."""
        with self._lock:
            self._fill(0.0)
            if self._tokens < 1:
                self.refused += 1
                return False
            self._tokens -= 1
            self.spent += 1
            return True

    def _fill(self, more: float) -> None:
        now = self._clock()
        self._tokens = min(self._reserve, self._tokens + more + (now - self._filled_at) * self._per_s)
        self._filled_at = now
