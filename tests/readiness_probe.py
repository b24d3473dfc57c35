"""Whether the machine keeps up: no deadline can be kept where a process that has nothing to do answers late."""

import threading
import time
from collections.abc import Sequence
from typing import Self

from tests.store import Store

SLOW_S = 0.25
"""Whoever needs longer to say that it is ready may miss a deadline: the shortest in the store is twice that."""
REMEMBERED_S = 10.0
"""A replica that missed a deadline is out of the rotation for so long, at most."""
PAUSE_S = 0.02


class ReadinessProbe(threading.Thread):
    """Asks nodes, all the time, whether they are ready: of a service to which nothing is done meanwhile."""

    def __init__(self, store: Store, nodes: Sequence[str]) -> None:
        super().__init__()
        self.nodes = nodes
        self._store = store
        self._slow: list[tuple[float, float]] = []
        self._asked_at = float("inf")
        """When the question was asked that isn't answered yet."""
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()

    def run(self) -> None:
        while not self._ended.wait(PAUSE_S):
            for node in self.nodes:
                self._asked_at = began = time.monotonic()
                self._store.is_ready(node)
                if time.monotonic() > began + SLOW_S:
                    self._slow.append((began, time.monotonic()))
                self._asked_at = float("inf")

    def hold_up(self, began: float) -> None:
        """The test itself has kept everybody waiting from then until now, as a slow machine would."""
        if time.monotonic() > began + SLOW_S:
            self._slow.append((began, time.monotonic()))

    def explains(self, began: float, ended: float) -> bool:
        """Whether a node was slow between those moments, or so shortly before them that it is remembered."""
        is_slow_now = self._asked_at + SLOW_S < ended
        return is_slow_now or any(start <= ended and end >= began - REMEMBERED_S for start, end in self._slow)
