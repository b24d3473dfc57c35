"""A run that broke a promise, shrunk, drawn, and kept, so that it is carried out again by a test."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.simulation.diagram import Diagram
from tests.simulation.plan import Plan
from tests.simulation.processes import Stuck
from tests.simulation.shrinking import Shrinking, promises

if TYPE_CHECKING:
    from tests.simulation.report import Report
    from tests.simulation.runner import Runner

FOUND = Path(__file__).parent / "found"
LONGEST_NAME = 60


@dataclass(frozen=True)
class Find:
    """The smallest run that was found to break a promise, and which one."""

    plan: Plan
    promise: str
    broken: str = ""
    """The mutant that it was found with."""

    @property
    def name(self) -> str:
        words = (self.broken or self.promise).lower().replace("#", "")
        return "-".join("".join(letter if letter.isalnum() else " " for letter in words).split())[:LONGEST_NAME]

    def keep(self, folder: Path) -> Path:
        """Writes it down as `NAME.json`."""
        path = folder / f"{self.name}.json"
        self.plan.write(path, promise=self.promise, broken=self.broken)
        return path


def read(path: Path) -> Find:
    members = json.loads(path.read_text())
    return Find(Plan.read(path), members["promise"], members["broken"])


def shrunk(runner: "Runner", report: "Report", most: int, broken: str, tell: Callable[[str], object]) -> Find:
    """In `most` runs at most. The first promise that the run broke is the one that it still breaks."""
    promise = sorted(promises(report.violations[:1]))[0]

    def breaks(plan: Plan) -> bool:
        try:
            return promise in promises(runner.run(plan).violations)
        except Stuck:
            return False  # That is another fault, and not the one that is looked for.

    shrinking = Shrinking(report.plan, breaks, most, tell)
    plan = shrinking.carry_out()
    tell(f"{shrinking.runs} runs: {len(plan.wishes or ())} wishes and {len(plan.strikes or ())} faults are left")
    return Find(plan, promise, broken)


def drawn(runner: "Runner", find: Find) -> Diagram:
    """Carries it out once more."""
    diagram = Diagram()
    diagram.end(runner.run(find.plan, [diagram]).operations)
    return diagram
