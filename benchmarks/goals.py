"""What figures are to reach, and whether they do."""

from collections.abc import Mapping
from dataclasses import dataclass

Figures = Mapping[str, Mapping[str, float]]
TOLERANCE = 0.8
"""A figure that reaches less than this part of its goal is a failure: below that, it isn't the machine's noise."""


@dataclass(frozen=True)
class Goal:
    """Of one figure, which is found by the two names under which it was measured."""

    name: str
    title: str
    figure: str
    goal: float
    is_most: bool = False
    """Whether the figure should be at most so much; otherwise, at least."""
    is_of_before: bool = False
    """Whether it is about the figure now ÷ the one of before."""

    def value(self, now: Figures, before: Figures) -> float | None:
        """None if it wasn't measured."""
        measured = now.get(self.title, {}).get(self.figure)
        if not self.is_of_before or measured is None:
            return measured
        old = before.get(self.title, {}).get(self.figure)
        return measured / old if old else None

    def reached(self, value: float) -> float:
        """Which part of the goal this is; 1 or more is enough."""
        return self.goal / max(value, 1e-9) if self.is_most else value / self.goal


def _purchase(whose: str, goal: float) -> Goal:
    title = f"purchase ÷ the usual way, {whose}"
    return Goal(title, title, "ratio", goal)


def _time(whose: str, goal: float) -> Goal:
    name, title = f"processor time of a purchase, {whose} ÷ before", f"purchase ÷ the usual way, {whose}"
    return Goal(name, title, "ours, processor ms a request", goal, is_most=True, is_of_before=True)


def _wait(whose: str) -> tuple[Goal, Goal]:
    title = f"{whose}, of many books"
    return (
        Goal(f"{title}, p50, ms", title, "p50, ms", 20, is_most=True),
        Goal(f"{title}, p99, ms", title, "p99, ms", 80, is_most=True),
    )


def _staff(kind: str) -> Goal:
    title, figure = "the admin, of many books", f"slowest {kind}, ms"
    return Goal(f"{title}, {figure}", title, figure, 300, is_most=True)


CROWD = "64 clients on two fronts"
GOALS = (
    _purchase("1 client", 1.0),
    _purchase("16 clients", 2.0),
    _purchase(CROWD, 2.0),
    Goal(f"… p99 ÷ median, {CROWD}", f"purchase ÷ the usual way, {CROWD}", "p99 ÷ median", 6, is_most=True),
    _time("16 clients", 0.35),
    _time("1 client", 0.6),
    Goal("replicated sale ÷ plain loop", "replicated sale ÷ plain loop over two files", "ratio of speeds", 0.35),
    Goal("6 writers ÷ 1 writer", "6 writers ÷ 1 writer", "ratio", 1.5),
    Goal("sale with a front ÷ without", "sale with one front ÷ with none", "ratio of speeds", 0.85),
    Goal("miss ÷ direct read", "miss ÷ read at the catalog", "ratio", 0.7),
    Goal("hit ÷ bare application", "hit ÷ bare application", "ratio", 0.88),
    Goal("hit, many books ÷ 100", "hit, many books ÷ 100", "ratio", 0.95),
    Goal("miss, many books ÷ 100", "miss, many books ÷ 100", "ratio", 0.9),
    Goal("purchase, many books ÷ 100", "purchase, many books ÷ 100", "ratio", 0.9),
    Goal("import, books/s", "import of books", "books/s", 5000),
    *_wait("topic page"),
    *_wait("page 10,000"),
    *_wait("find, several words"),
    *_wait("find, a beginning"),
    *_wait("find, the beginning of an ISBN"),
    *_wait("find, with a typo"),
    *(_staff(kind) for kind in ("list", "search", "filter")),
    Goal("largest process, of many books, MB", "largest process, of many books", "MB", 150, is_most=True),
    Goal(
        "purchases during a repair ÷ before",
        "verified copy of 1,000,000 ledger rows",
        "purchases/s meanwhile ÷ before",
        0.7,
    ),
    Goal(
        "reads during a repair ÷ before", "verified copy of 1,000,000 ledger rows", "reads/s meanwhile ÷ before", 0.7
    ),
    Goal("idle store, % of a core", "idle store", "% of a core", 1.0, is_most=True),
    Goal("start to ready, warm, s", "from `make run` to ready", "again, s", 2.0, is_most=True),
)


def table(now: Figures, before: Figures) -> list[str]:
    """A line for each goal whose figure was measured; nothing if none was."""
    lines = []
    for goal in GOALS:
        value = goal.value(now, before)
        if value is None:
            continue
        old = None if goal.is_of_before else goal.value(before, {})
        sign = "≤" if goal.is_most else "≥"
        mark = "" if goal.reached(value) >= 1 else "  near" if goal.reached(value) >= TOLERANCE else "  MISSED"
        shown = "" if old is None else f"{old:.2f}"
        lines.append(f"  {goal.name:<60}{shown:>8}{value:>8.2f}  {sign} {goal.goal:.2f}{mark}")
    return [f"  {'goals':<60}{'before':>8}{'now':>8}  goal", *lines] if lines else []


def missed(now: Figures, before: Figures) -> list[Goal]:
    """Those of which less than 0.8 is reached."""
    values = [(goal, goal.value(now, before)) for goal in GOALS]
    return [goal for goal, value in values if value is not None and goal.reached(value) < TOLERANCE]


def exit_status(now: Figures, before: Figures, *, is_quick: bool) -> int:
    """1 if a goal is missed. A quick run doesn't judge: it is too short to."""
    return 1 if missed(now, before) and not is_quick else 0
