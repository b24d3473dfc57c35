"""Those who do something in a test, each in a thread of its own, and what stops one between two lines."""

import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

from django.db import connections

from tests.waiting import PATIENCE_S

T = TypeVar("T")


class Actor(threading.Thread):
    """A thread of a test: keeps what its work returned or raised, and closes its connections."""

    def __init__(self, work: Callable[[], T]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self.value: object = None
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self.value = self._work()
        except BaseException as error:  # Told by `result`.
            self.error = error
        finally:
            connections.close_all()

    def result(self, timeout_s: float = PATIENCE_S) -> object:
        """Waits for the end; what the work returned, or raises what it raised."""
        self.join(timeout_s)
        assert not self.is_alive(), f"not finished within {timeout_s:g} s"
        if self.error is not None:
            raise self.error
        return self.value


def all_at_once(works: Iterable[Callable[[], T]]) -> list[Actor]:
    """Runs each in a thread; returns when all have ended."""
    actors = [Actor(work) for work in works]
    for actor in actors:
        actor.join(PATIENCE_S)
        assert not actor.is_alive()
    return actors


class Pause:
    """A hook that stops the first actor which reaches its point until it is let go."""

    def __init__(self) -> None:
        self._reached, self._go_on, self._used = threading.Event(), threading.Event(), threading.Lock()

    def __call__(self) -> None:
        if not self._used.acquire(blocking=False):
            return
        self._reached.set()
        assert self._go_on.wait(PATIENCE_S), "nobody let the paused actor go on"

    def wait_until_reached(self) -> None:
        assert self._reached.wait(PATIENCE_S), "nobody came to this point"

    def let_go(self) -> None:
        self._go_on.set()
