"""What the simulator tells of a run: to whoever looks on, and in its digest."""

import hashlib
from collections.abc import Sequence

from tests.simulation import primitives
from tests.simulation.processes import Process, Waiting
from tests.simulation.watching import Watcher

_KINDS = ("turn", "step", "note", "message", "log", "wish")


class Telling:
    """Times are of the simulated clock here; whoever looks on is told those since the store's beginning."""

    def __init__(self, watchers: Sequence[Watcher]) -> None:
        self._of = {kind: [one for one in watchers if _hears(one, kind)] for kind in _KINDS}
        """By what is told, those whom it interests."""
        self._hash = hashlib.blake2b(digest_size=16)

    @property
    def digest(self) -> str:
        """Of all turns and notes so far."""
        return self._hash.hexdigest()

    def turn(self, process: Process, now_ns: int, number: int, name: str, point: str) -> Waiting:
        """Gives the actor whose turn it was, standing at that point now."""
        at_ns = now_ns - primitives.EPOCH_NS
        self._hash.update(f"{at_ns} {process.name} {name} {point}".encode())
        actor = process.actors.get(number) or Waiting(number, name)  # It may have ended.
        for watcher in self._of["turn"]:
            watcher.turn(at_ns, process, actor, point)
        actor.point = point
        return actor

    def note(self, now_ns: int, what: str) -> None:
        at_ns = now_ns - primitives.EPOCH_NS
        self._hash.update(f"{at_ns} {what}".encode())
        for watcher in self._of["note"]:
            watcher.note(at_ns, what)

    def step(self, now_ns: int, process: Process, actor: int, name: str) -> None:
        for watcher in self._of["step"]:
            watcher.step(now_ns - primitives.EPOCH_NS, process, actor, name)

    def message(self, now_ns: int, sender: str, receiver: str, call: int, what: str, arrives: Sequence[int]) -> None:
        for watcher in self._of["message"]:
            watcher.message(now_ns - primitives.EPOCH_NS, sender, receiver, call, what, arrives)

    def log(self, now_ns: int, node: str, line: str) -> None:
        for watcher in self._of["log"]:
            watcher.log(now_ns - primitives.EPOCH_NS, node, line)

    def wish(self, now_ns: int, customer: str, what: str) -> None:
        for watcher in self._of["wish"]:
            watcher.wish(now_ns - primitives.EPOCH_NS, customer, what)


def _hears(watcher: Watcher, kind: str) -> bool:
    return getattr(type(watcher), kind) is not getattr(Watcher, kind)
