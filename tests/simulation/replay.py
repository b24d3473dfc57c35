"""A run step by step, in plain words."""

import json
from collections.abc import Callable, Sequence

from tests.chaos.history import Asked, Kind
from tests.simulation.plan import Wish
from tests.simulation.processes import Process, Waiting
from tests.simulation.watching import Watcher

MS = 1_000_000
WAITS = {
    "begin": "begins",
    "end": "ends",
    "sleep": "sleeps",
    "locked": "waits for a lock that another has",
    "lock": "is about to take a lock",
    "loop": "its event loop has nothing to do",
    "call": "waits for an answer",
    "join": "waits for a thread's end",
    "flock": "is about to lock a file",
    "phase": "waits for the store to be whole",
}
"""What an actor does at a point that isn't a step of the protocol."""
FAULTS = {
    "kill": "a process is killed, wherever its actors are",
    "stop": "a process is stopped",
    "slow": "the actor whose turn it was has to wait",
    "aim": "whoever next comes to that step is struck there",
    "lose": "messages are lost",
    "double": "messages arrive twice",
    "delay": "messages are late",
    "cut": "nothing comes from one node to another",
}


def asked_for(asked: Asked) -> str:
    """What a customer wants, in a few words."""
    books = ", ".join(f"{copies} x book {book}" for book, copies in asked.lines)
    return {
        Kind.READ: f"reads book {asked.book}",
        Kind.LIST: f"lists {asked.topic}",
        Kind.SELL: f"buys {books}",
        Kind.RESTOCK: f"adds {asked.copies} x book {asked.book}",
        Kind.EDIT: f"edits book {asked.book}: {asked.price}",
        Kind.CANCEL: f"cancels {books} of order {asked.order[:8]}",
    }[asked.kind]


def wished(what: str) -> str:
    """What a customer asks for, or has been told, as the simulator hears it."""
    return asked_for(Wish.unpacked(json.loads(what)).asked) if what.startswith("{") else f"has been told: {what}"


class Replay(Watcher):
    """Writes a line for each turn, message, fault and line of a log, with its simulated time."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._turns = 0

    def turn(self, at_ns: int, process: Process, actor: Waiting, point: str) -> None:
        self._turns += 1
        where = WAITS.get(point) or f"has come to `{point}`"
        whole = actor.name if actor.name != "main" else "main thread"
        self._line(at_ns, process.name, f"{whole}: {where}")

    def note(self, at_ns: int, what: str) -> None:
        word, _, name = what.partition(" ")
        if word == "fault":
            kind, _, more = name.partition(": ")
            self._line(at_ns, "FAULT", f"{FAULTS.get(kind, kind)}: {more}")
        else:
            said = {"start": "begins", "kill": "is killed", "stop": "is stopped", "continue": "goes on"}
            self._line(at_ns, name, f"the process {said.get(word, f'is {word}')}")

    def message(self, at_ns: int, sender: str, receiver: str, call: int, what: str, arrives: Sequence[int]) -> None:
        after = " and after ".join(f"{delay / MS:.1f} ms" for delay in arrives)
        fate = f"arrives after {after}" if after else "is lost"
        self._line(at_ns, sender, f"-> {receiver}: {what}  ({fate})")

    def log(self, at_ns: int, node: str, line: str) -> None:
        self._line(at_ns, node, f"logs: {line}")

    def wish(self, at_ns: int, customer: str, what: str) -> None:
        self._line(at_ns, customer, wished(what))

    def _line(self, at_ns: int, who: str, what: str) -> None:
        self._write(f"{self._turns:7} {at_ns / MS:12.3f} ms  {who:10} {what}")
