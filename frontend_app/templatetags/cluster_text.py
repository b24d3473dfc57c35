"""What the cluster page needs to say its figures."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import template

from frontend_app.dashboard import sparklines

register = template.Library()


@register.filter
def hit_ratio(cache: Mapping[str, Any]) -> str:
    """Of all reads that could have been hits, since the front began."""
    asked = cache["hits"] + cache["misses"]
    return f"{cache['hits'] / asked:.1%}" if asked else "unknown: nothing was asked for yet"


@register.inclusion_tag("frontend_app/curve.html")
def curve(values: Sequence[int], label: str) -> dict[str, Any]:
    """A small curve, whose greatest value is at the upper edge."""
    return _drawn(sparklines.points(values), f"{label}, at most {max(values, default=0)}")


@register.inclusion_tag("frontend_app/curve.html")
def ratio_curve(values: Sequence[float | None], label: str) -> dict[str, Any]:
    """A small curve of shares of one, which is the upper edge."""
    return _drawn(sparklines.points(values, top=1.0), label)


def _drawn(points: str, label: str) -> dict[str, Any]:
    return {"points": points, "label": label, "width": sparklines.WIDTH, "height": sparklines.HEIGHT}
