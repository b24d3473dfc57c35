"""Which catalog replica is asked first: in turn, but one that failed a moment ago comes last."""

import itertools
import threading
import time
from collections.abc import Callable

from bookstore_project.settings.topology import Node

MEMORY_S = 2.0
"""How long a failure counts: a hung replica costs one call its time limit in as many seconds, and no more."""


class Turns:
    """Thread-safe. Every replica is always in the order: who is doubted is asked when nobody else answers."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, memory_s: float = MEMORY_S) -> None:
        self._clock = clock
        self._memory_s = memory_s
        self._count = itertools.count()
        self._lock = threading.Lock()
        self._doubted_until: dict[str, float] = {}

    def order(self, nodes: list[Node]) -> list[Node]:
        """The nodes in the order in which to ask them."""
        turn = next(self._count) % len(nodes)
        with self._lock:
            found = sorted(nodes[turn:] + nodes[:turn], key=self._is_doubted)
            if found[0].name in self._doubted_until:
                # This call finds out whether it is back; until it has, nobody else need wait for that.
                self._doubted_until[found[0].name] = self._clock() + self._memory_s
        return found

    def failed(self, node: Node) -> None:
        with self._lock:
            self._doubted_until[node.name] = self._clock() + self._memory_s

    def answered(self, node: Node) -> None:
        with self._lock:
            self._doubted_until.pop(node.name, None)

    def _is_doubted(self, node: Node) -> bool:
        return self._clock() < self._doubted_until.get(node.name, float("-inf"))
