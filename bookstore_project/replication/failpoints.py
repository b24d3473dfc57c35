"""Named points of the protocol, at which tests pause an actor or kill its process."""

from collections.abc import Callable

hooks: dict[str, Callable[[], object]] = {}
"""What to call at a point; empty outside tests."""


def reached(name: str) -> None:
    """The protocol is between two of its steps."""
    hook = hooks.get(name)
    if hook is not None:
        hook()
