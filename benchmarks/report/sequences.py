"""An interleaving as a drawing: who does what, one step after the other, from top to bottom."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.report import style
from benchmarks.report.section import Plot

LINE_IN = 0.33
GAP = 0.12
"""Between an arrow's ends and the lives that it joins."""


@dataclass(frozen=True)
class Step:
    """From one actor to another, or what one does by itself (`to` is left out)."""

    who: str
    what: str
    to: str = ""
    is_fault: bool = False


def steps_of(text: str) -> list[Step]:
    """A line for each: `who > to: what`, or `who: what` of what one does by itself; `!` before it: a fault."""
    steps = []
    for line in text.strip().splitlines():
        who, _, what = line.strip().removeprefix("! ").partition(": ")
        actor, _, to = who.partition(" > ")
        steps.append(Step(actor, what, to, is_fault=line.strip().startswith("!")))
    return steps


def draw(name: str, title: str, caption: str, actors: Sequence[str], steps: Sequence[Step]) -> Plot:
    """Faults are drawn with another colour, a broken line, and a cross."""
    figure, (axis,) = style.figure(height_in=1.1 + LINE_IN * len(steps))
    place = {actor: number for number, actor in enumerate(actors)}
    axis.set(xlim=(-0.55, len(actors) - 0.45), ylim=(len(steps) + 0.6, -1.1), title=title)
    axis.axis("off")
    for actor, x in place.items():
        axis.text(x, -0.6, actor, ha="center", va="center", fontweight="bold")
        axis.plot([x, x], [-0.2, len(steps) + 0.4], color=style.FAINT, linewidth=1)
    for y, step in enumerate(steps):
        colour = style.COLOURS[3] if step.is_fault else style.COLOURS[0]
        start = place[step.who]
        if step.to:
            end = place[step.to]
            gap = GAP if end > start else -GAP
            arrow = {"arrowstyle": "->", "color": colour, "linestyle": "--" if step.is_fault else "-"}
            axis.annotate("", (end - gap / 3, y + 0.45), (start + gap / 3, y + 0.45), arrowprops=arrow)
            axis.text((start + end) / 2, y + 0.3, step.what, ha="center", va="bottom", fontsize=8.5, color=style.INK)
        else:
            axis.plot(
                start, y + 0.3, "X" if step.is_fault else "o", color=colour, markersize=7 if step.is_fault else 5
            )
            last = start == len(actors) - 1
            axis.text(
                start + (-GAP if last else GAP),
                y + 0.3,
                step.what,
                ha="right" if last else "left",
                va="center",
                fontsize=8.5,
                color=style.INK,
            )
    return Plot(name, caption, figure)
