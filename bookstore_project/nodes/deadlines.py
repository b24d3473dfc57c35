"""Until when the caller of the request at hand waits. Epoch seconds: docs/adr/0004-deadlines-are-wall-clock.md"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from bookstore_project.api import headers, problems

HOP_MARGIN_S = 0.05
"""So much earlier than its caller a node is to be done: its answer has to travel, and to be passed on."""

_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_current: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def until(deadline: float | None) -> Iterator[None]:
    """For the block, the caller waits until then; None: it didn't say."""
    token = _current.set(deadline)
    try:
        yield
    finally:
        _current.reset(token)


def begin(deadline: float | None) -> None:
    """From here on, up to the end of the surrounding `until`."""
    _current.set(deadline)


def current() -> float | None:
    return _current.get()


def left_s() -> float:
    """Seconds until the caller stops waiting, 0 if it has, infinite if it didn't say."""
    deadline = _current.get()
    return float("inf") if deadline is None else max(0.0, deadline - time.time())


def assert_time_left() -> None:
    """Before any work: raises Unavailable if nobody waits for it any more."""
    if left_s() <= 0:
        raise problems.Unavailable("This request came after its deadline; nothing was done.")


def assert_not_after(deadline: float | None, nothing_was: str = "changed") -> None:
    """Under the lock: what comes after its own deadline (epoch seconds) raises Unavailable; None: it has none.

    Nobody waits for it any more, and whoever asked may have been told that it wasn't done.
    """
    if deadline is not None and time.time() > deadline:
        raise problems.Unavailable(f"This attempt came after its deadline; nothing was {nothing_was}.")


def parse_timeout_s(text: str) -> float:
    """The value of X-Request-Timeout; raises Invalid unless it is a positive decimal number of seconds."""
    if not is_timeout(text):
        raise problems.Invalid({headers.REQUEST_TIMEOUT: ["Expected seconds, more than 0, such as 2.5."]})
    return float(text)


def is_timeout(text: str) -> bool:
    return bool(_SECONDS.fullmatch(text)) and float(text) > 0
