"""Circuit breakers: closed, open at the first failure, half-open after a passed check, or after a pause.

Half-open, one takes one call at a time, as a trial, until one has succeeded. Source of the pattern: M. Nygard,
Release It!, 2nd edition, chapter 5.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from functools import partial

from bookstore_project.clock import Clock
from bookstore_project.settings.topology import Node

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 8.0
"""For so long, at most, passed checks bring no replica back whose trials fail."""


class State(StrEnum):
    """Of a breaker."""

    CLOSED = "closed"
    """All calls go through: a replica is in rotation, a cache is used."""
    OPEN = "open"
    HALF_OPEN = "half-open"


class Fault(Enum):
    """How a replica failed: what it would cost to ask it all the same, when no other answers."""

    ANSWERED = "said at once that it can't"
    GONE = "refused, or hung up"
    HUNG = "kept its caller waiting"


@dataclass(frozen=True)
class BreakerStatus:
    """What a caller knows about what it calls; times are the clock's seconds."""

    state: State = State.CLOSED
    reason: str = ""
    """Why it was left; empty while it is closed."""
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
    def is_closed(self) -> bool:
        return self.state is State.CLOSED


class CircuitBreaker:
    """For one thing that is called. Thread-safe. Begins closed: that calls fail is found out by a call.

    Neither a success nor a failure of a call from before it changed counts: whoever reports one says when it began.
    """

    def __init__(
        self,
        *,
        clock: Clock = time.monotonic,
        on_change: Callable[[BreakerStatus], None] = lambda status: None,
        least_pause_s: float = 0.0,
        longest_pause_s: float = LONGEST_PAUSE_S,
    ) -> None:
        self.status = BreakerStatus(changed_at=clock())
        """Replaced as a whole: reading it needs no lock."""
        self.openings = 0
        """How often it ceased to be closed."""
        self.clock = clock
        self._on_change = on_change
        self._least_pause_s, self._longest_pause_s = least_pause_s, longest_pause_s
        self._lock = threading.Lock()

    def failed(
        self,
        reason: str,
        *,
        fault: Fault = Fault.GONE,
        began_at: float | None = None,
        is_trial: bool = False,
    ) -> None:
        """A call or a check that was sent at `began_at` failed: open at once.

        One sent before it came back says nothing.
        """
        with self._lock:
            before = self.status
            if began_at is not None and began_at < _back_since(before):
                return
            pause_s = max(before.pause_s, self._least_pause_s)
            if is_trial:
                pause_s = min(max(2 * pause_s, FIRST_PAUSE_S), self._longest_pause_s)
            self.openings += before.is_closed
            self.status = after = BreakerStatus(State.OPEN, reason, self.clock(), before.seen_at, fault, pause_s)
        if before.state is not State.OPEN:
            self._on_change(after)

    def answered(self, began_at: float) -> None:
        """A call that was sent at `began_at` was answered well: closed, if that was after the failure."""
        with self._lock:
            before = self.status
            after = replace(before, seen_at=self.clock())
            returns = not before.is_closed and began_at >= before.changed_at
            if returns:
                after = BreakerStatus(changed_at=self.clock(), seen_at=self.clock())
            self.status = after
        if returns:
            self._on_change(after)

    def passed(self, asked_at: float) -> None:
        """A check that was sent at `asked_at` passed; one sent before the last failure says nothing.

        The first one makes it half-open. In a quiet shop, where no request comes as a trial, the next one stands
        for it.
        """
        with self._lock:
            before = self.status
            after = replace(before, seen_at=self.clock())
            if asked_at >= before.changed_at:
                after = self._after_check(after)
            self.status = after
        if after.state is not before.state:
            self._on_change(after)

    def _after_check(self, known: BreakerStatus) -> BreakerStatus:
        now = self.clock()
        if known.state is State.OPEN:
            if now < known.changed_at + known.pause_s:
                return replace(known, has_passed=True)
            return replace(known, state=State.HALF_OPEN, changed_at=now, has_passed=True)
        if known.state is State.HALF_OPEN and not known.is_on_trial:
            return BreakerStatus(changed_at=now, seen_at=now)
        return known

    def begin_trial(self, *, is_checked: bool = True) -> bool:
        """Whether the caller's call is the trial; then it ends with `answered`, `failed` or `end_trial`.

        Where nobody checks, the end of the pause stands for a passed check.
        """
        with self._lock:
            known = self.status
            if not is_checked and known.state is State.OPEN and self.clock() >= known.changed_at + known.pause_s:
                known = replace(known, state=State.HALF_OPEN)
            if known.state is not State.HALF_OPEN or known.is_on_trial:
                return False
            self.status = replace(known, is_on_trial=True)
            return True

    def end_trial(self) -> None:
        """The trial told nothing: the next call may be one."""
        with self._lock:
            self.status = replace(self.status, is_on_trial=False)


class ReplicaBreakers:
    """The breakers of replicas, which begin in rotation: the first call to a dead one is retried on the other."""

    def __init__(
        self,
        nodes: Iterable[Node],
        *,
        clock: Clock = time.monotonic,
        on_change: Callable[[Node, BreakerStatus], None] = lambda node, status: None,
    ) -> None:
        self.clock = clock
        self._on_change = on_change
        self._wakes: dict[str, threading.Event] = {}
        self._of_node = {
            node.name: CircuitBreaker(clock=clock, on_change=partial(self._changed, node)) for node in nodes
        }

    def of(self, node: Node) -> BreakerStatus:
        return self._of_node[node.name].status

    def wake_of(self, node: Node) -> threading.Event:
        """Set whenever the replica has left the rotation; whoever checks it waits for that, and clears it."""
        return self._wakes.setdefault(node.name, threading.Event())

    def _changed(self, node: Node, status: BreakerStatus) -> None:
        if not status.is_closed:
            self.wake_of(node).set()
        self._on_change(node, status)

    def is_in_rotation(self, node: Node) -> bool:
        return self.of(node).is_closed

    def failed(
        self,
        node: Node,
        reason: str,
        *,
        fault: Fault = Fault.GONE,
        began_at: float | None = None,
        is_trial: bool = False,
    ) -> None:
        self._of_node[node.name].failed(reason, fault=fault, began_at=began_at, is_trial=is_trial)

    def answered(self, node: Node, began_at: float) -> None:
        self._of_node[node.name].answered(began_at)

    def passed(self, node: Node, asked_at: float) -> None:
        self._of_node[node.name].passed(asked_at)

    def begin_trial(self, node: Node) -> bool:
        return self._of_node[node.name].begin_trial()

    def end_trial(self, node: Node) -> None:
        self._of_node[node.name].end_trial()


def _back_since(known: BreakerStatus) -> float:
    """What was sent before that, and fails, met the replica as it was before it came back."""
    if known.state is not State.OPEN:
        return known.changed_at
    # It has passed a check, and only its pause keeps it out: whoever finds no other may ask it already.
    return known.seen_at if known.has_passed and known.seen_at is not None else float("-inf")
