"""What was asked and what was answered, each with its moment on the machine's one monotonic clock.

Every actor writes a file of its own, a line when it asks and a line when it is answered: one that is killed in
between leaves its operation open, as it is.
"""

import json
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

NEVER = float("inf")
OUT_OF_STOCK = "out_of_stock"
SHORT = "short of books"
"""Begins the note of a basket that was refused for want of stock; the books that are short follow."""


class Kind(StrEnum):
    READ = "read"
    LIST = "list"
    """The books of a topic."""
    SELL = "sell"
    RESTOCK = "restock"
    EDIT = "edit"
    CANCEL = "cancel"
    """Copies of an order come back."""


class Outcome(StrEnum):
    OK = "ok"
    REFUSED = "refused"
    """It has surely not been done, and never will be."""
    OPEN = "open"
    """Nobody knows: it may have been done, may be done later, or never."""


@dataclass(frozen=True)
class State:
    """A book as one version shows it."""

    version: int
    quantity: int
    price: str


@dataclass(frozen=True)
class Asked:
    """What an operation asks for. `tag` names it: of a sale, the order's id, of a cancellation, its own."""

    kind: Kind
    book: int
    tag: str = ""
    copies: int = 0
    """To sell or to add."""
    price: str = ""
    """Of an edit; no two edits ask for the same."""
    quantity: int | None = None
    """Of an edit that corrects the stock, too."""
    topic: str = ""
    """To list, or of an edit that moves the book there."""
    key: str = ""
    """The idempotency key, of a sale or a cancellation through the public interface."""
    basket: tuple[tuple[int, int], ...] = ()
    """All lines of a sale or a cancellation of several books, each as book and copies; `book` and `copies` are one of
    them."""
    order: str = ""
    """Whose copies are cancelled."""

    @property
    def lines(self) -> tuple[tuple[int, int], ...]:
        """Of a sale or a cancellation: its books, each with the copies asked for."""
        return self.basket or ((self.book, self.copies),)


@dataclass(frozen=True)
class Operation:
    """One operation of one actor. `state` is what its answer shows, `note` says more: a code, or the whole answer."""

    actor: str
    asked: Asked
    invoked: float
    responded: float = NEVER
    outcome: Outcome = Outcome.OPEN
    state: State | None = None
    via: str = ""
    """The replica that answered."""
    note: str = ""

    @property
    def is_write(self) -> bool:
        return self.asked.kind not in (Kind.READ, Kind.LIST)

    def __str__(self) -> str:
        asked = {name: value for name, value in asdict(self.asked).items() if value not in ("", 0, None, ())}
        state = f" {self.state}" if self.state else ""
        return (
            f"{self.actor} [{self.invoked:.6f}, {self.responded:.6f}] {asked} -> {self.outcome}{state}"
            f" {self.via} {self.note[:200]}".rstrip()
        )


class Recorder:
    """One actor's pen. Not for two threads."""

    def __init__(self, folder: Path, actor: str) -> None:
        self.actor = actor
        path = folder / f"{actor}.jsonl"
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def ask(self, asked: Asked) -> None:
        """What is asked from now on."""
        self._write({"asked": vars(asked), "invoked": time.monotonic()})

    def answer(
        self, outcome: Outcome, *, state: State | None = None, via: str = "", note: str = "", at: float = 0
    ) -> None:
        """What came of it."""
        answered: dict[str, Any] = {"responded": at or time.monotonic(), "outcome": outcome, "via": via, "note": note}
        self._write(answered | {"state": vars(state) if state else None})

    def killed_at(self, point: str) -> None:
        """The actor's last words."""
        self._write({"killed_at": point})

    def close(self) -> None:
        os.close(self._descriptor)

    def _write(self, members: dict[str, Any]) -> None:
        os.write(self._descriptor, json.dumps(members).encode() + b"\n")


def read_history(folder: Path) -> tuple[list[Operation], list[str]]:
    """All actors' operations by invocation, and the points at which actors killed themselves.

    A sale or a cancellation of several books is one operation for each of them. Actors may still be writing: a line
    counts once it is whole.
    """
    operations: list[Operation] = []
    points: list[str] = []
    for path in sorted(folder.glob("*.jsonl")):
        for operation in _read_party(path.stem, path.read_text().rpartition("\n")[0].splitlines(), points):
            operations.extend(by_book(operation))
    return sorted(operations, key=lambda operation: operation.invoked), points


def by_book(operation: Operation) -> Iterator[Operation]:
    """A sale or a cancellation of several books as one of each; everything else as it is."""
    if not operation.asked.basket:
        yield operation
        return
    short = operation.note.removeprefix(SHORT).split() if operation.note.startswith(SHORT) else []
    for book, copies in operation.asked.basket:
        note = OUT_OF_STOCK if str(book) in short else operation.note
        yield replace(operation, asked=replace(operation.asked, book=book, copies=copies), note=note)


def _read_party(actor: str, lines: Iterable[str], points: list[str]) -> Iterable[Operation]:
    pending: Operation | None = None
    for line in lines:
        members = json.loads(line)
        if "killed_at" in members:
            points.append(members["killed_at"])
        elif "asked" in members:
            asked = members["asked"]
            basket = tuple((book, copies) for book, copies in asked["basket"])
            asked |= {"kind": Kind(asked["kind"]), "basket": basket}
            pending = Operation(actor, Asked(**asked), members["invoked"])
        elif pending is not None:
            yield _answered(pending, members)
            pending = None
    if pending is not None:
        yield pending


def _answered(asked: Operation, members: dict[str, Any]) -> Operation:
    state = State(**members["state"]) if members["state"] else None
    outcome = Outcome(members["outcome"])
    # An open operation has no end: it may still be done.
    responded = NEVER if outcome is Outcome.OPEN else members["responded"]
    return Operation(
        asked.actor, asked.asked, asked.invoked, responded, outcome, state, members["via"], members["note"]
    )
