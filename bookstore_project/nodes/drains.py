"""Drained nodes: somebody has taken them out of the rotation, and nothing else is wrong with them.

A drained front says that it isn't ready: whatever stands before several fronts leads to the others.

A mark for each, where every node sees it: it outlives them all.
"""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from bookstore_project.api import problems
from bookstore_project.clock import Clock
from bookstore_project.nodes.marks import Marks, marks_in
from bookstore_project.settings import topology
from bookstore_project.settings.topology import Node

LOOK_EVERY_S = 0.5


class Drains:
    """Who is drained, as the marks said at most LOOK_EVERY_S ago. Thread-safe.

    Marks that can't be read leave it at what they said last.
    """

    def __init__(
        self,
        *,
        clock: Clock = time.monotonic,
        on_change: Callable[[str, bool], None] = lambda name, is_drained: None,
    ) -> None:
        self._clock = clock
        self._on_change = on_change
        self._lock = threading.Lock()
        self._marks: Mapping[str, str] = {}
        self._looked_at: float | None = None

    def is_drained(self, node: Node) -> bool:
        if self._looked_at is None or self._clock() >= self._looked_at + LOOK_EVERY_S:
            self.look()
        return node.name in self._marks

    def reason(self, node: Node) -> str:
        """What the mark says: by whom, and when; empty without one."""
        return self._marks.get(node.name, "") if self.is_drained(node) else ""

    def look(self) -> None:
        """Reads the marks now."""
        with self._lock:
            before, self._marks, self._looked_at = self._marks, self._read(), self._clock()
            changed = before.keys() ^ self._marks.keys()
        for name in sorted(changed):
            self._on_change(name, name not in before)

    def _read(self) -> Mapping[str, str]:
        try:
            return {name: text or "drained" for name, text in _marks(topology.DRAINED_DIR).texts().items()}
        except OSError:
            return self._marks


@cache
def _marks(folder: Path) -> Marks:
    return marks_in(folder)


def drain(node: Node, *, by: str, is_answering: Callable[[Node], bool], is_forced: bool = False) -> None:
    """Marks a node: it finishes what it has, and gets no new requests while another node of its kind answers.

    Raises Conflict if no other one would be left that is neither drained nor, by `is_answering`, out (unless
    `is_forced`), Unavailable if the mark can't be made.
    """
    others = [other for other in topology.replicas(node.service) if other != node]
    if not is_forced and not any(is_answering(other) for other in others if not is_marked(other)):
        raise _last(node)
    was_marked = is_marked(node)
    _mark(node, by)
    # Two who drain one replica each, at the same moment, have passed the first look both.
    if not is_forced and all(is_marked(other) for other in others):
        if not was_marked:
            undrain(node)
        raise _last(node)


def undrain(node: Node) -> None:
    """Takes the mark away, if there is one. Raises Unavailable if it can't be removed."""
    try:
        _marks(topology.DRAINED_DIR).remove(node.name)
    except OSError as error:
        raise problems.Unavailable(f"The mark of {node.name} can't be removed: {error.strerror}.") from error


def is_marked(node: Node) -> bool:
    """Raises Unavailable if that can't be told."""
    try:
        return _marks(topology.DRAINED_DIR).has(node.name)
    except OSError as error:
        raise problems.Unavailable(f"Who is drained can't be told: {error.strerror}.") from error


def _mark(node: Node, by: str) -> None:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        _marks(topology.DRAINED_DIR).put(node.name, f"drained by {by} at {at}")
    except OSError as error:
        raise problems.Unavailable(f"{node.name} can't be marked: {error.strerror}.") from error


def _last(node: Node) -> problems.Conflict:
    return problems.Conflict(
        f"No other {kind(node)} is in rotation: {node.name} is the last. Nothing was changed; "
        "`force` drains it all the same."
    )


def kind(node: Node) -> str:
    """In words."""
    return "front" if node.service == topology.FRONT else f"{node.service} replica"
