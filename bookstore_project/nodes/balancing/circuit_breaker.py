"""A circuit breaker for each replica: closed, open at the first failure, half-open after a passed check.

Half-open, it takes one request at a time, as a trial, until one has succeeded. Source of the pattern: M. Nygard,
Release It!, 2nd edition, chapter 5.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum, StrEnum

from bookstore_project.settings.topology import Node

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 8.0
"""For so long, at most, passed checks bring no replica back whose trials fail."""


class State(StrEnum):
    """Of a replica's breaker."""

    CLOSED = "closed"
    """In rotation."""
    OPEN = "open"
    HALF_OPEN = "half-open"


class Fault(Enum):
    """How a replica failed: what it would cost to ask it all the same, when no other answers."""

    ANSWERED = "said at once that it can't"
    GONE = "refused, or hung up"
    HUNG = "kept its caller waiting"


@dataclass(frozen=True)
class NodeHealth:
    """What a caller knows about a replica; times are the clock's seconds."""

    state: State = State.CLOSED
    reason: str = ""
    """Why it left the rotation; empty while it is in."""
    changed_at: float = 0.0
    """When the state last changed, or it last failed."""
    seen_at: float | None = None
    """When it last answered well."""
    fault: Fault | None = None
    pause_s: float = 0.0
    has_passed: bool = False
    """Whether it has passed a check since it failed, though its pause lasts."""
    is_on_trial: bool = False

    @property
    def is_in_rotation(self) -> bool:
        return self.state is State.CLOSED


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

    def failed(
        self,
        node: Node,
        reason: str,
        *,
        fault: Fault = Fault.GONE,
        began_at: float | None = None,
        is_trial: bool = False,
    ) -> None:
        """A call or a check that was sent at `began_at` failed: out of the rotation at once.

        One sent before the replica came back says nothing.
        """
        with self._lock:
            before = self._of_node[node.name]
            if began_at is not None and began_at < _back_since(before):
                return
            pause_s = before.pause_s
            if is_trial:
                pause_s = min(max(2 * pause_s, FIRST_PAUSE_S), LONGEST_PAUSE_S)
            after = NodeHealth(State.OPEN, reason, self.clock(), before.seen_at, fault, pause_s)
            self._of_node[node.name] = after
        if before.state is not State.OPEN:
            self._on_change(node, after)

    def answered(self, node: Node, began_at: float) -> None:
        """A call that was sent at `began_at`, was answered well: back in rotation, if that was after the failure."""
        with self._lock:
            before = self._of_node[node.name]
            after = replace(before, seen_at=self.clock())
            returns = not before.is_in_rotation and began_at >= before.changed_at
            if returns:
                after = NodeHealth(changed_at=self.clock(), seen_at=self.clock())
            self._of_node[node.name] = after
        if returns:
            self._on_change(node, after)

    def passed(self, node: Node, asked_at: float) -> None:
        """A check that was sent at `asked_at` passed; one sent before the last failure says nothing.

        The first one makes a replica half-open. In a quiet shop, where no request comes as a trial, the next one
        stands for it.
        """
        with self._lock:
            before = self._of_node[node.name]
            after = replace(before, seen_at=self.clock())
            if asked_at >= before.changed_at:
                after = self._after_check(after)
            self._of_node[node.name] = after
        if after.state is not before.state:
            self._on_change(node, after)

    def _after_check(self, known: NodeHealth) -> NodeHealth:
        now = self.clock()
        if known.state is State.OPEN:
            if now < known.changed_at + known.pause_s:
                return replace(known, has_passed=True)
            return replace(known, state=State.HALF_OPEN, changed_at=now, has_passed=True)
        if known.state is State.HALF_OPEN and not known.is_on_trial:
            return NodeHealth(changed_at=now, seen_at=now)
        return known

    def begin_trial(self, node: Node) -> bool:
        """Whether the caller's request is the trial; then it ends with `answered`, `failed` or `end_trial`."""
        with self._lock:
            known = self._of_node[node.name]
            if known.state is not State.HALF_OPEN or known.is_on_trial:
                return False
            self._of_node[node.name] = replace(known, is_on_trial=True)
            return True

    def end_trial(self, node: Node) -> None:
        """The trial told nothing: the next request may be one."""
        with self._lock:
            self._of_node[node.name] = replace(self._of_node[node.name], is_on_trial=False)


def _back_since(known: NodeHealth) -> float:
    """What was sent before that, and fails, met the replica as it was before it came back."""
    if known.state is not State.OPEN:
        return known.changed_at
    # It has passed a check, and only its pause keeps it out: whoever finds no other may ask it already.
    return known.seen_at if known.has_passed and known.seen_at is not None else float("-inf")
