"""What came of a run, and how it is told."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.chaos.checker import Violation
from tests.chaos.history import Operation
from tests.simulation.customers import MIXES
from tests.simulation.plan import Plan

TOLD = 5
"""Of a run's violations: the first ones. What follows is mostly the same again."""


@dataclass
class Report:
    """What came of a run."""

    plan: Plan
    """Spelled out."""
    digest: str = ""
    turns: int = 0
    operations: Sequence[Operation] = ()
    struck: Counter[str] = field(default_factory=Counter)
    """Faults by kind."""
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Of faults that met: the kind of the one that lasted, and of the one that struck."""
    violations: list[Violation] = field(default_factory=list)
    simulated_s: float = 0.0


def mix_of(plan: Plan) -> str:
    return plan.mix or random.Random(f"{plan.seed}/mix").choice(list(MIXES))


def describe(report: Report) -> list[str]:
    """The report, as lines."""
    kinds: dict[str, int] = {}
    for operation in report.operations:
        name = f"{operation.asked.kind} {operation.outcome}"
        kinds[name] = kinds.get(name, 0) + 1
    lines = [
        f"seed {report.plan.seed}: {len(report.operations)} operations in {report.simulated_s:.1f} simulated seconds,"
        f" {report.turns} turns, {mix_of(report.plan)} mix",
        f"  {', '.join(f'{count} {name}' for name, count in sorted(kinds.items()))}",
        f"  faults: {', '.join(f'{count} {name}' for name, count in sorted(report.struck.items())) or 'none'}",
    ]
    lines += [f"  VIOLATION: {found}" for found in report.violations[:TOLD]]
    if (more := len(report.violations) - TOLD) > 0:
        lines.append(f"  and {more} more")
    return [*lines, f"  digest {report.digest}"]
