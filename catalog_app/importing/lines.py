"""Lines of a text as records: what one line breaks, the next ones don't pay for."""

import csv
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from catalog_app.importing.records import Record

LINE_LIMIT = 1024 * 1024
"""Characters of the longest line that is read; a longer one is rejected without filling the memory."""
SHOWN_OF_BROKEN = 1000
"""Characters of a line that can't be taken apart, for the file of rejected rows."""


@dataclass(frozen=True)
class Dialect:
    """How a line is made of cells. `wrapped` is the delimiter within each first cell, if that is the whole row."""

    delimiter: str
    quote: str = '"'
    wrapped: str = ""


class Lines:
    """An iterator over lines, to which lines can be given back; `taken` collects what it has handed out."""

    def __init__(self, readline: Callable[[int], str]) -> None:
        self._readline = readline
        self._ahead: deque[str] = deque()
        self.number = 0
        """Of the line handed out last."""
        self.taken: list[str] = []
        self.swallowed: list[str] = []
        """What a quote that was left open took of the lines after it, and what was given back."""

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> str:
        line = self._ahead.popleft() if self._ahead else self._read()
        if not line:
            raise StopIteration
        self.number += 1
        self.taken.append(line)
        return line

    def give_back(self, lines: Sequence[str]) -> None:
        self._ahead.extendleft(reversed(lines))
        self.number -= len(lines)

    def _read(self) -> str:
        line = part = self._readline(LINE_LIMIT)
        while len(part) == LINE_LIMIT and part[-1] not in "\r\n":
            part = self._readline(LINE_LIMIT)
        return line


def csv_reader(lines: Iterable[str], dialect: Dialect) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True, skipinitialspace=True)


def next_record(lines: Lines, dialect: Dialect, reader: Iterator[list[str]] | None = None) -> Record | None:
    """The next record, perhaps a blank one; None at the end. Leaves its lines in `taken`."""
    line = lines.number + 1
    lines.swallowed = []
    try:
        cells = next(reader or csv_reader(lines, dialect))
    except StopIteration:
        return None
    except csv.Error as error:
        # The lines that an open quote has swallowed may be good rows.
        swallowed = lines.taken[1:]
        del lines.taken[1:]
        lines.give_back(swallowed)
        lines.swallowed = swallowed
        return Record(line, [lines.taken[0][:SHOWN_OF_BROKEN]], explain(error))
    if any(len(text) >= LINE_LIMIT for text in lines.taken):
        return Record(line, [lines.taken[0][:SHOWN_OF_BROKEN]], f"the line has more than {LINE_LIMIT} characters")
    return Record(line, cells)


def explain(error: csv.Error) -> str:
    text = str(error)
    if "field larger" in text:
        return f"a field has more than {csv.field_size_limit()} characters; a quote may be left open"
    if "end of data" in text:
        return "a quote is left open"
    return f"not CSV: {text}; a quote may be left open, or not doubled"
