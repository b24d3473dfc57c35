"""Strict turns over the replicas of one service, and whom to ask when those in rotation don't answer."""

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from bookstore_project.nodes.balancing.circuit_breaker import BreakerStatus, Fault, ReplicaBreakers, State
from bookstore_project.settings.topology import Node

_IN_ROTATION, _UNTRIED, _DRAINED, _DOUBTED, _REFUSING, _GONE = range(1, 7)
"""Ranks: the lowest is asked."""


@dataclass(frozen=True)
class Turn:
    """Whom to ask."""

    node: Node
    is_trial: bool = False
    needs_probe: bool = False
    """Whether to find out first, quickly, if it is there at all."""
    is_last_resort: bool = False
    """Whether it was known to be out of rotation."""


class RoundRobin:
    """Hands out replicas in turn.

    Strict: with all in rotation, any N calls in a row meet N different replicas, whatever threads make them.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        breakers: ReplicaBreakers,
        is_drained: Callable[[Node], bool] = lambda node: False,
    ) -> None:
        self.nodes = list(nodes)
        self._breakers = breakers
        self._is_drained = is_drained
        self._lock = threading.Lock()
        self._next = 0

    def next(self, tried: Collection[Node] = (), *, may_be_trial: bool = True) -> Turn | None:
        """Whom to ask who isn't in `tried`; None if asking anybody would be a waste of time.

        A request's first call advances the turn by one. Replicas that were drained are asked when no other is in
        rotation; after them those that are out, as a last resort, where that costs next to nothing: not those that
        kept their last caller waiting, which only checks meet. With `may_be_trial=False` a half-open replica is
        asked only if none is in rotation.
        """
        with self._lock:
            found = self._first(tried, may_be_trial)
            if found is None:
                return None
            rank, node = found
            if not tried:
                self._next = (self.nodes.index(node) + 1) % len(self.nodes)
            return Turn(node, self._breakers.begin_trial(node), rank == _GONE, is_last_resort=rank >= _DOUBTED)

    def upcoming(self) -> Node | None:
        """Whom a new request would ask first, were it made now; takes no turn."""
        with self._lock:
            found = self._first((), may_be_trial=True)
            return found[1] if found else None

    def _first(self, tried: Collection[Node], may_be_trial: bool) -> tuple[int, Node] | None:
        """The lowest rank, and the first in order that has it."""
        in_order = [node for node in self._in_order() if node not in tried]
        ranked = [(rank, node) for node in in_order if (rank := self._rank(node, may_be_trial))]
        return min(ranked, key=lambda each: each[0]) if ranked else None

    def _in_order(self) -> Sequence[Node]:
        """Whom to ask first among those that are equally well: the whole of the rule. The lock is held."""
        return self.nodes[self._next :] + self.nodes[: self._next]

    def _rank(self, node: Node, may_be_trial: bool) -> int | None:
        known = self._breakers.of(node)
        if known.state is State.CLOSED or (known.state is State.HALF_OPEN and not known.is_on_trial):
            if self._is_drained(node):
                return _DRAINED
            return _IN_ROTATION if may_be_trial or known.state is State.CLOSED else _UNTRIED
        return _rank_of_last_resort(known)


def _rank_of_last_resort(known: BreakerStatus) -> int | None:
    if known.has_passed:
        return _DOUBTED
    return {Fault.ANSWERED: _REFUSING, Fault.GONE: _GONE}.get(known.fault or Fault.GONE)
