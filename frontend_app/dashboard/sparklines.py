"""Small curves, as the points of an SVG polyline."""

from collections.abc import Sequence

WIDTH, HEIGHT = 120, 24
MARGIN = 2


def points(values: Sequence[float | None], top: float | None = None) -> str:
    """`x,y x,y ...` within WIDTH and HEIGHT; `top` is the value at the upper edge (by default the greatest one).

    Where a value is missing, the curve goes on from the last one.
    """
    known = [value for value in values if value is not None]
    highest = max(top or max(known, default=0), 1e-9)
    step = WIDTH / max(len(values) - 1, 1)
    last, drawn = 0.0, []
    for index, value in enumerate(values):
        last = last if value is None else value
        y = HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * min(last / highest, 1)
        drawn.append(f"{index * step:.1f},{y:.1f}")
    return " ".join(drawn)
