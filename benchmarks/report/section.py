"""What a part of the report hands over: words, drawings, tables, and the raw figures behind them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

if TYPE_CHECKING:  # It uses what is here.
    from benchmarks.report.stores import Stores


@dataclass(frozen=True)
class Plot:
    """`name` is its file's; `caption` says what is to be seen, also to who can't see it."""

    name: str
    caption: str
    figure: Figure


@dataclass(frozen=True)
class Table:
    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    """A cell that begins with https:// holds links."""


@dataclass
class Cost:
    """Processor time of a kind of load: the generator's own, and that of the store that was measured."""

    what: str
    requests: int = 0
    seconds: float = 0.0
    """How long the load lasted."""
    own_s: float = 0.0
    store_s: float = 0.0

    @property
    def part(self) -> float:
        """The generator's, of the store's."""
        return self.own_s / self.store_s if self.store_s else float("inf")

    @property
    def of_a_core(self) -> float:
        """What the generator took of one."""
        return self.own_s / self.seconds if self.seconds else float("inf")


@dataclass
class Section:
    title: str
    question: str
    """The course's."""
    shows: str = ""
    limits: str = ""
    """What it doesn't show."""
    plots: list[Plot] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    raw: dict[str, Sequence[Mapping[str, object]]] = field(default_factory=dict)
    """Rows of CSV files, by the files' names without `.csv`."""
    costs: list[Cost] = field(default_factory=list)


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    rounds: int
    seconds: float
    """Of one load."""
    seed: int
    ratings: Path | None
    is_quick: bool


@dataclass(frozen=True)
class Part:
    name: str
    full_s: float
    """About how long it takes on a quiet machine."""
    quick_s: float
    measure: "Callable[[Stores, Effort, Callable[[str], None]], Section]"
    """Gets whom to tell what it does now."""

    def seconds(self, *, is_quick: bool) -> float:
        return self.quick_s if is_quick else self.full_s
