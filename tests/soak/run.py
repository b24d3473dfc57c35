"""Sends hostile requests to nodes of a store, and watches what memory they take."""

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from tests.soak import hostile
from tests.store import Store

NODES = ("front", "catalog-1", "order-1")
MOST_MB = 30.0
"""That a node may have grown by, since it was warm."""
WARM_ROUNDS = 6
"""Of all kinds: pools, threads and code that comes with the first request of its kind are no growth."""


class Soak:
    """One run; `warm_mb` and `now_mb` are what each node takes."""

    def __init__(
        self, store: Store, nodes: Sequence[str] = NODES, kinds: Sequence[str] = tuple(hostile.KINDS)
    ) -> None:
        self._store, self._nodes, self._kinds = store, nodes, kinds
        self._requests: Iterator[bytes] = hostile.requests(kinds)
        self.warm_mb: dict[str, float] = {}
        self.now_mb: dict[str, float] = {}
        self.sent = self.unanswered = 0

    def warm_up(self) -> None:
        for _ in range(WARM_ROUNDS):
            self._round()
        self.warm_mb = self._measured_mb()

    def run(self, is_over: Callable[[], bool]) -> None:
        """Rounds of requests of every kind, until that says so: at least one."""
        while not self.now_mb or not is_over():
            self._round()
            self.now_mb = self._measured_mb()

    def _round(self) -> None:
        for node in self._nodes:
            host, _, port = self._store.addresses[node].rpartition(":")
            for request in islice(self._requests, len(self._kinds)):
                self.sent += 1
                self.unanswered += not hostile.send((host, int(port)), request)

    def _measured_mb(self) -> dict[str, float]:
        return {node: resident_mb(self._store.pid(node)) for node in self._nodes}

    @property
    def growth_mb(self) -> dict[str, float]:
        return {node: round(mb - self.warm_mb[node], 1) for node, mb in self.now_mb.items()}

    def progress(self) -> str:
        grown = ", ".join(f"{node} {mb:+.1f} MB" for node, mb in self.growth_mb.items())
        return f"{self.sent} requests{f'; {grown}' if grown else ''}"


def resident_mb(pid: int) -> float:
    """(man 5 proc: the second number of statm is the resident set, in pages.)"""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2
