"""What the cluster page needs to say its figures."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import template
from django.template import Context

from frontend_app.dashboard import sparklines
from frontend_app.picture import words
from frontend_app.picture.looks import Look
from frontend_app.picture.scene import Scene

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


@register.inclusion_tag("frontend_app/word.html")
def word(name: str, label: str = "") -> dict[str, str]:
    """A special word that says what it means when it is pointed at, or has the focus. `label`: as it stands there."""
    return {"label": label or name, "means": words.WORDS[name], "id": word_id(name)}


@register.simple_tag
def all_words() -> list[tuple[str, str, str]]:
    """Each with its meaning, and what its meaning is found by."""
    return [(name, means, word_id(name)) for name, means in words.WORDS.items()]


@register.filter
def word_id(name: str) -> str:
    return f"means-{name.replace(' ', '-')}"


@register.filter
def means(name: str) -> str:
    return words.WORDS[name]


@register.simple_tag(takes_context=True)
def look(context: Context, kind: str, name: object = "") -> Look:
    """How a part of the picture looks: `{% look "node:" "catalog-1" as shown %}`."""
    scene: Scene = context["scene"]
    return scene.look(f"{kind}{name}")


@register.filter
def has_word(shown: Look, one: str) -> bool:
    return one in shown.word.split()
