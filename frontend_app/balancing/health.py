"""Which replicas are in rotation: out at the first failed call, back after a passed check."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from bookstore_project.settings.topology import Node


@dataclass(frozen=True)
class NodeHealth:
    """What a front knows about a replica; times are the clock's seconds."""

    is_in_rotation: bool = True
    reason: str = ""
    """Why it is out; empty while it is in."""
    changed_at: float = 0.0
    seen_at: float | None = None
    """When it last answered well."""


class Health:
    """Thread-safe. Replicas begin in rotation: the first call to a dead one is retried on the other."""

    def __init__(
        self,
        nodes: Iterable[Node],
        *,
        clock: Callable[[], float] = time.monotonic,
        on_change: Callable[[Node, NodeHealth], None] = lambda node, health: None,
    ) -> None:
        self.clock = clock
        self._on_change = on_change
        self._lock = threading.Lock()
        self._of_node = {node.name: NodeHealth(changed_at=clock()) for node in nodes}

    def of(self, node: Node) -> NodeHealth:
        with self._lock:
            return self._of_node[node.name]

    def is_in_rotation(self, node: Node) -> bool:
        return self.of(node).is_in_rotation

    def failed(self, node: Node, reason: str) -> None:
        """A call or a check failed: out of the rotation at once."""
        with self._lock:
            before = self._of_node[node.name]
            after = replace(before, is_in_rotation=False, reason=reason, changed_at=self.clock())
            self._of_node[node.name] = after
        if before.is_in_rotation:
            self._on_change(node, after)

    def answered(self, node: Node) -> None:
        """A call was answered well. That alone brings nobody back: a check does."""
        with self._lock:
            self._of_node[node.name] = replace(self._of_node[node.name], seen_at=self.clock())

    def passed(self, node: Node, asked_at: float) -> None:
        """A check that was sent at `asked_at` passed; one sent before the last failure says nothing."""
        with self._lock:
            before = self._of_node[node.name]
            after = replace(before, seen_at=self.clock())
            returns = not before.is_in_rotation and asked_at >= before.changed_at
            if returns:
                after = replace(after, is_in_rotation=True, reason="", changed_at=self.clock())
            self._of_node[node.name] = after
        if returns:
            self._on_change(node, after)
