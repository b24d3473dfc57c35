"""Who looks on while a run goes on, and changes nothing of it."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.processes import Process, Waiting


class Watcher:
    """Is told what happens; times are nanoseconds since the store's beginning."""

    def turn(self, at_ns: int, process: "Process", actor: "Waiting", point: str) -> None:
        """That actor has run up to that point. Until others are told, `actor.point` is where it went on from."""

    def step(self, at_ns: int, process: "Process", actor: int, name: str) -> None:
        """The actor of that number has made that step of the protocol; told after the turn in which it did."""

    def note(self, at_ns: int, what: str) -> None:
        """A process began or ended, or a fault struck."""

    def message(self, at_ns: int, sender: str, receiver: str, call: int, what: str, arrives: Sequence[int]) -> None:
        """It was sent. A request and its answer have one number, `call`.

        `arrives`: after how many nanoseconds, each time that it does.
        """

    def log(self, at_ns: int, node: str, line: str) -> None:
        """The node's log has that line."""

    def wish(self, at_ns: int, customer: str, what: str) -> None:
        """That customer asks, or has been told, so much, as JSON."""


class Trace(Watcher):
    """Each turn, fault and log line, as a line."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def turn(self, at_ns: int, process: "Process", actor: "Waiting", point: str) -> None:
        self._write(f"{at_ns} {process.name} {actor.name} {point}")

    def note(self, at_ns: int, what: str) -> None:
        self._write(f"{at_ns} {what}")

    def log(self, at_ns: int, node: str, line: str) -> None:
        self._write(f"    {node}: {line}")
