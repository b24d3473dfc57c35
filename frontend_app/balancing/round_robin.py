"""Strict turns over the replicas of one service."""

import threading
from collections.abc import Callable, Sequence

from bookstore_project.settings.topology import Node


class RoundRobin:
    """Hands out replicas in turn, those in rotation first.

    Strict: with all in rotation, any N calls in a row meet N different replicas, whatever threads make them.
    """

    def __init__(self, nodes: Sequence[Node], is_in_rotation: Callable[[Node], bool]) -> None:
        self.nodes = list(nodes)
        self._is_in_rotation = is_in_rotation
        self._lock = threading.Lock()
        self._next = 0

    def order(self) -> list[Node]:
        """Whom to ask, and whom after that; advances the turn by one.

        Replicas out of rotation come last: when no other answers, trying one fails fast and may succeed.
        """
        with self._lock:
            ring = self.nodes[self._next :] + self.nodes[: self._next]
            inside = [node for node in ring if self._is_in_rotation(node)]
            outside = [node for node in ring if node not in inside]
            order = inside + outside
            self._next = (self.nodes.index(order[0]) + 1) % len(self.nodes)
            return order
