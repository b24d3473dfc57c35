"""What the API's description shall say of a view, noted beside the view.

`drf_spectacular.utils.extend_schema` loads the generator at once, and with it Django's tools for tests: a sixth of
what a node loads when it starts, for a page that is seldom asked for. These notes are put down when it is.
"""

from collections.abc import Callable
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])

_noted: list[tuple[Callable[..., Any], dict[str, Any]]] = []


def described(**says: Any) -> Callable[[View], View]:
    """Decorates a view's method, or a view class, with what `extend_schema` takes."""

    def note(view: View) -> View:
        _noted.append((view, says))
        return view

    return note


def apply_notes() -> None:
    """To be called before a schema is generated."""
    from drf_spectacular.utils import extend_schema

    while _noted:  # In order: what is said of a method counts more than what is said of its class, afterwards.
        view, says = _noted[0]
        extend_schema(**says)(view)
        del _noted[0]
