"""What a front did for the request at hand: which replicas it called, and what came of each call."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypedDict


class ShownStep(TypedDict):
    """A call to a replica, as it is shown."""

    node: str
    call: str
    result: str
    took_ms: float


@dataclass
class Step:
    """One call to a replica."""

    node: str
    call: str
    """The method and the address, fit to be shown."""
    result: str = ""
    """A status, or how it failed."""
    took_ms: float = 0.0

    def shown(self) -> ShownStep:
        return {"node": self.node, "call": self.call, "result": self.result, "took_ms": round(self.took_ms, 2)}


@dataclass
class Trace:
    """Of one request."""

    steps: list[Step] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)

    def source(self) -> dict[str, str | float]:
        """Where the data came from so far, for a page that has more than one answer in it, or none."""
        asked = ", ".join(dict.fromkeys(step.node for step in self.steps))
        return {"cache": "", "replica": asked, "took_ms": (time.perf_counter() - self.began) * 1000}

    @contextmanager
    def step(self, node: str, call: str) -> Iterator[Step]:
        step = Step(node, call)
        self.steps.append(step)
        began = time.perf_counter()
        try:
            yield step
        finally:
            step.took_ms = (time.perf_counter() - began) * 1000


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)


@contextmanager
def tracing() -> Iterator[Trace]:
    """Collects the steps of the block."""
    trace = Trace()
    token = _current.set(trace)
    try:
        yield trace
    finally:
        _current.reset(token)


def current_trace() -> Trace:
    """The request's trace; one that nobody reads outside of a request."""
    return _current.get() or Trace()
