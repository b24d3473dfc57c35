"""Why a file, one row of it, or one cell isn't imported."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass


class Remedy(enum.Enum):
    """What would help. The command names its options, the page its fields."""

    NONE = enum.auto()
    COLUMNS = enum.auto()
    ENCODING = enum.auto()
    SHEET = enum.auto()
    SIZE = enum.auto()


class ImportRefused(Exception):
    """The whole import can't begin or can't go on; the message is a sentence for the one who started it."""

    def __init__(self, message: str, remedy: Remedy = Remedy.NONE) -> None:
        super().__init__(message)
        self.remedy = remedy


class Unreadable(ValueError):
    """A cell that can be read in two ways, or in none; the message says which."""


@dataclass(frozen=True)
class Reason:
    """Why a row is refused. `column` and `cell` are as the file has them, empty if it is about the whole row."""

    why: str
    column: str = ""
    cell: str = ""

    def __str__(self) -> str:
        return f'column "{self.column}", cell "{self.cell}": {self.why}' if self.column else self.why


class RowRepeated(Exception):
    """One row says what the one of that line has said; nothing is lost without it."""

    def __init__(self, line: int) -> None:
        super().__init__(f"the book of line {line} again")


class RowRejected(Exception):
    """One row isn't imported; the others are. `reasons` has all of them."""

    def __init__(self, reasons: Sequence[Reason]) -> None:
        super().__init__("; ".join(map(str, reasons)))
        self.reasons = reasons
