"""What many runs have done together."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.report import Report


@dataclass
class Totals:
    """Of runs that were added, one after the other."""

    runs: int = 0
    operations: int = 0
    violations: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Of a fault that lasted, and one that struck meanwhile."""

    def add(self, report: "Report") -> None:
        self.runs += 1
        self.operations += len(report.operations)
        self.violations += len(report.violations)
        self.faults += report.struck
        self.pairs += report.pairs

    def lines(self) -> list[str]:
        return [
            f"{self.runs} runs, {self.operations} operations, {self.faults.total()} faults: {_counted(self.faults)}",
            f"  {self.pairs.total()} faults struck while another one lasted: "
            f"{_counted({f'{second} in {first}': count for (first, second), count in self.pairs.items()})}",
        ]


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "none"
