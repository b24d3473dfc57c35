"""By which way the change at hand came, and who makes it: for what keeps a record of changes.

Web pages and the API say it for their requests. Whoever says nothing works at the machine itself, in a shell or with
a command, under an account of the operating system.
"""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache

PAGE, API, IMPORT, SHELL, STORE = "page", "api", "import", "shell", "store"
"""The ways: a page of the admin, the API, a file, the machine itself, what the store does by itself."""


@dataclass(frozen=True)
class Origin:
    """A way, and the name of an account, of the shop's staff or (in a shell) of the operating system."""

    way: str
    actor: str


_current: ContextVar[Origin | None] = ContextVar("origin", default=None)


def current() -> Origin:
    """Of the change at hand."""
    return _current.get() or Origin(SHELL, _account())


@contextmanager
def made_by(actor: str | None = None, *, way: str | None = None) -> Iterator[None]:
    """For the block; what isn't said stays as it was around it."""
    around = current()
    token = _current.set(Origin(way or around.way, around.actor if actor is None else actor))
    try:
        yield
    finally:
        _current.reset(token)


def begin(actor: str, way: str) -> None:
    """From here on, up to the end of the surrounding `made_by`."""
    _current.set(Origin(way, actor))


@cache
def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # An account without a name, as in a container.
        return ""
