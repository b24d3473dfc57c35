"""Answers and errors that no fault excuses: a node says that it has a defect, to whomever."""

from collections.abc import Sequence

from tests.chaos.checker import Violation
from tests.simulation.watching import Watcher

DEFECT = "500"
TRACEBACK = "Traceback (most recent call last)"


class Defects(Watcher):
    """Of one run. What can't be done just now is refused with 503, or unknown, and says why."""

    def __init__(self) -> None:
        self.found: list[Violation] = []
        self._asked: dict[int, str] = {}
        """By call, what is still to be answered."""

    def message(self, at_ns: int, sender: str, receiver: str, call: int, what: str, arrives: Sequence[int]) -> None:
        if " " in what:  # A request has a method.
            self._asked[call] = what
            return
        asked = self._asked.pop(call, "")
        if what == DEFECT:
            self.found.append(Violation("a node answers 500", (f"{sender}, asked by {receiver}: {asked}",)))

    def log(self, at_ns: int, node: str, line: str) -> None:
        if TRACEBACK in line:
            self.found.append(Violation("a node meets an error that it doesn't know", (f"{node}: {line}",)))
