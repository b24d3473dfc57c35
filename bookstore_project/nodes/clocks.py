"""How far other nodes' clocks are from this one's: a deadline is told in the time of whoever reads it (ADR 4)."""

WRONG_S = 1.0
"""What is less counts for nothing: NTP stays far below it."""


class Clocks:
    """By node, as its last answer said. For all threads."""

    def __init__(self) -> None:
        self._off_s: dict[str, float] = {}

    def hear(self, node: str, said: str | None, asked: float, answered: float) -> None:
        """What time it was there, by the header of an answer; and here, when it was asked for and came (all epoch
        seconds)."""
        try:
            earliest, latest = float(said or "") - answered, float(said or "") - asked
        except ValueError:
            return
        is_wrong = earliest > WRONG_S or latest < -WRONG_S
        self._off_s[node] = (earliest + latest) / 2 if is_wrong else 0.0

    def told(self, node: str, moment: float) -> float:
        """That moment of ours, in epoch seconds, as the node's clock shows it."""
        return moment + self._off_s.get(node, 0.0)
