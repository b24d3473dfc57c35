"""What every kind of file is read as: column names, and records with the line that they begin on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

MOST_COLUMNS = 1000
"""A header with more of them is none: what is made of columns, as choices on a page, would be endless."""
NAME_LENGTH = 200
"""Characters of a column's name that are looked at."""


@dataclass(frozen=True)
class Record:
    """A row as it stands in the file: `line` is the number of the line (in a workbook the row) that it begins on.

    `problem` says why it can't be taken apart; `cells` then holds the beginning of its text.
    """

    line: int
    cells: Sequence[str]
    problem: str = ""


@dataclass(frozen=True)
class Source:
    """An open file: its column names, its records, and how much of it is read (0 to 1)."""

    header: Sequence[str]
    records: Iterator[Record]
    fraction_read: Callable[[], float]
    delimiter: str = ","
    header_line: int = 1
    encoding: str = "utf-8"
    unheeded: str = ""
    """The encoding that was wished for, if the file shows that it has another one."""
    sheet: str = ""
    passed_over: str = ""
    """The sheets that weren't chosen."""

    @property
    def description(self) -> str:
        """A line on where the table was found, if that isn't simply the beginning of a UTF-8 file."""
        told = (
            [f"sheet {self.sheet!r}{f' (not {self.passed_over})' if self.passed_over else ''}"] if self.sheet else []
        )
        told += [f"the header in line {self.header_line}"] if self.header_line > 1 else []
        if self.unheeded or not self.encoding.startswith("utf-8"):
            told.append(f"the encoding {self.encoding.removesuffix('-sig').upper()}")
            told[-1] += f" (not {self.unheeded.upper()})" if self.unheeded else ""
        return f"Found {', '.join(told)}." if told else ""


def named(cells: Sequence[str]) -> Sequence[str]:
    """A header. Where it is longer than any that is read, without the nameless columns at its end."""
    if len(cells) <= MOST_COLUMNS:
        return cells
    last = next((place for place in range(len(cells), 0, -1) if cells[place - 1].strip()), 0)
    return cells[:last]
