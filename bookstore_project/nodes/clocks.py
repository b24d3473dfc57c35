"""How far other nodes' clocks are from this one's: a deadline is told in the time of whoever reads it (ADR 4)."""

import math

WRONG_S = 1.0
"""What is less counts for nothing: NTP stays far below it."""


class Clocks:
    """By node, as its answers said. For all threads."""

    def __init__(self) -> None:
        self._off_s: dict[str, float] = {}

    def hear(self, node: str, said: str | None, asked: float, answered: float) -> None:
        """What time it was there, by the header of an answer; and here, when it was asked for and came (all epoch
        seconds).

        What it says agrees with a range: of an answer that was long under way, with a wide one. What was known stays
        as long as it is in there. Else the least counts: a deadline may be told too early, but not too late.
        """
        try:
            least, most = float(said or "") - answered, float(said or "") - asked
        except ValueError:
            return
        if not math.isfinite(least) or _agrees(self._off_s.get(node, 0.0), least, most):
            return
        self._off_s[node] = 0.0 if _agrees(0.0, least, most) else least

    def told(self, node: str, moment: float) -> float:
        """That moment of ours, in epoch seconds, as the node's clock shows it."""
        return moment + self._off_s.get(node, 0.0)


def _agrees(off_s: float, least: float, most: float) -> bool:
    return least - WRONG_S <= off_s <= most + WRONG_S
