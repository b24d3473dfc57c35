"""The percentile, one for all that measure."""

import math
from collections.abc import Iterable


def percentile(values: Iterable[float], part: float) -> float:
    """The least of them that this part of all doesn't exceed (nearest rank); 0 of none."""
    ordered = sorted(values)
    # Rounded: 0.07 of a hundred is the seventh, and as floats a little more than 7.
    return ordered[max(0, math.ceil(round(part * len(ordered), 6)) - 1)] if ordered else 0.0
