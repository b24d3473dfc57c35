"""What a run has met: which step was made while another actor stood after which, and which fault struck there."""

from collections import Counter
from collections.abc import Iterable

from tests.simulation.processes import Process, Waiting
from tests.simulation.watching import Watcher

Pair = tuple[str, str]
"""Where an actor stood, and the step that another made then, or the fault that struck."""
RESTING = ("end", "loop", "sleep")
"""Points at which an actor isn't in the middle of anything."""
FAULT = "fault "


def service_of(node: str) -> str:
    return node.partition("-")[0]


class Coverage(Watcher):
    """Of one run."""

    def __init__(self) -> None:
        self.met: dict[Pair, int] = {}
        """By pair, the turn at which it was met first."""
        self._turns = 0
        self._standing: dict[tuple[str, int], str] = {}
        """By node and number of the actor: the step that it has made, and nothing after it."""

    def turn(self, at_ns: int, process: Process, actor: Waiting, point: str) -> None:
        self._turns += 1
        if point in RESTING:
            self._standing.pop((process.name, actor.number), None)

    def step(self, at_ns: int, process: Process, actor: int, name: str) -> None:
        me = process.name, actor
        step = f"{service_of(process.name)} {name}"
        for (node, other), stands in self._standing.items():
            if (node, other) != me:
                self._meet(stands if node != process.name else f"same {stands}", step)
        self._standing[me] = step

    def note(self, at_ns: int, what: str) -> None:
        word, _, about = what.partition(" ")
        if word == "fault":
            for stands in self._standing.values():
                self._meet(stands, FAULT + about.partition(":")[0].partition(" on ")[0])
        elif word == "kill":
            for actor in [actor for actor in self._standing if actor[0] == about]:
                del self._standing[actor]

    def _meet(self, stands: str, what: str) -> None:
        self.met.setdefault((stands, what), self._turns)


def described(met: Iterable[Pair]) -> list[str]:
    """All that was met, counted."""
    pairs = set(met)
    faults = Counter(what.removeprefix(FAULT) for _, what in pairs if what.startswith(FAULT))
    steps = {what for _, what in pairs if not what.startswith(FAULT)}
    struck = ", ".join(f"{count} with {kind}" for kind, count in sorted(faults.items())) or "none"
    return [
        f"coverage: {len(pairs) - faults.total()} pairs of a place and a step that another makes meanwhile "
        f"({len(steps)} steps)",
        f"  {faults.total()} pairs of a place and a fault that strikes there: {struck}",
    ]
