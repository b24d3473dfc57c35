"""How long to wait before a process that died is started again."""

from collections.abc import Sequence

STEPS_S = (0.0, 0.25, 0.5, 1.0, 2.0, 5.0)
SETTLED_S = 5.0
"""A process that lived this long had started well: its end is a new story."""


class Backoff:
    """At once the first time, then longer and longer while the process keeps dying young."""

    def __init__(self, steps_s: Sequence[float] = STEPS_S, settled_s: float = SETTLED_S) -> None:
        self._steps_s = steps_s
        self._settled_s = settled_s
        self._deaths = 0

    def delay_s(self, lived_s: float) -> float:
        """Seconds to wait before the next start of a process that has just died, aged `lived_s`."""
        if lived_s >= self._settled_s:
            self._deaths = 0
        delay_s = self._steps_s[min(self._deaths, len(self._steps_s) - 1)]
        self._deaths += 1
        return delay_s
