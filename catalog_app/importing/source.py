"""Records out of a CSV file, however dirty: one broken line costs that line, not the rest of the file.

RFC 4180, with commas, semicolons or tabs, whichever the header is made of.
"""

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from catalog_app.importing.errors import ImportRefused

LINE_LIMIT = 1024 * 1024
"""Characters of the longest line that is read; a longer one is rejected without filling the memory."""
SHOWN_OF_BROKEN = 1000
"""Characters of a line that can't be taken apart, for the file of rejected rows."""
_DELIMITERS = ",;\t"
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\udc80-\udcff]")


@dataclass(frozen=True)
class Record:
    """A row as it stands in the file: `line` is the number of the line that it begins on.

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


@contextmanager
def open_source(path: Path, encoding: str = "") -> Iterator[Source]:
    """Opens a file and reads its header. Without `encoding` it is UTF-8, with or without a byte order mark.

    Bytes that aren't of the encoding come out as lone surrogates (PEP 383). Raises ImportRefused, also from the
    records, if the file can't be read, is empty, or is no text.
    """
    try:
        with path.open("rb") as raw, read_source(raw, str(path), path.stat().st_size, encoding) as source:
            yield source
    except OSError as error:
        if error.filename is None or Path(error.filename) != path:
            raise  # Not about this file: the block has a trouble of its own.
        raise ImportRefused(f"{path} can't be read: {error.strerror}.") from error


@contextmanager
def read_source(raw: BinaryIO, name: str, size_bytes: int, encoding: str = "") -> Iterator[Source]:
    """The same of what is open already; `name` is what messages call it. Closes it."""
    try:
        with io.TextIOWrapper(raw, _codec(encoding), errors="surrogateescape", newline="") as file:
            lines = _Lines(file.readline)
            reader = _Reader(lines, *_read_header(name, lines))
            yield Source(
                [cell.strip() for cell in reader.header],
                iter(reader),
                lambda: min(1.0, raw.tell() / size_bytes) if size_bytes else 1.0,
            )
    except UnicodeError as error:
        raise ImportRefused(f"{name} isn't in the encoding {encoding or 'UTF-8'}: {error}.") from error


def _codec(name: str) -> str:
    try:
        codec = codecs.lookup(name or "utf-8")
        "".encode(codec.name)  # Refuses the likes of base64, which aren't text.
    except LookupError as error:
        raise ImportRefused(f"There is no encoding {name!r}; try utf-8, cp1252 or utf-16.") from error
    return "utf-8-sig" if codec.name == "utf-8" else codec.name


class _Lines:
    """An iterator over lines, to which lines can be given back; `taken` collects what it has handed out."""

    def __init__(self, readline: Callable[[int], str]) -> None:
        self._readline = readline
        self._ahead: deque[str] = deque()
        self.number = 0
        """Of the line handed out last."""
        self.taken: list[str] = []

    def __iter__(self) -> "_Lines":
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


class _Reader:
    """Records by the `csv` module, strictly: a quote left open swallows the next line and not the next thousand."""

    def __init__(self, lines: _Lines, header: Sequence[str], delimiter: str) -> None:
        self._lines = lines
        self._delimiter = delimiter
        self.header = header

    def __iter__(self) -> Iterator[Record]:
        while (record := _next_record(self._lines, self._delimiter)) is not None:
            if record.problem or any(cell.strip() for cell in record.cells):
                yield record


def _next_record(lines: _Lines, delimiter: str) -> Record | None:
    """The next record, perhaps a blank one; None at the end."""
    lines.taken.clear()
    line = lines.number + 1
    try:
        cells = next(csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True))
    except StopIteration:
        return None
    except csv.Error as error:
        # The lines that an open quote has swallowed may be good rows.
        swallowed = lines.taken[1:]
        del lines.taken[1:]
        lines.give_back(swallowed)
        return Record(line, [lines.taken[0][:SHOWN_OF_BROKEN]], _explain(error))
    if any(len(text) >= LINE_LIMIT for text in lines.taken):
        return Record(line, [lines.taken[0][:SHOWN_OF_BROKEN]], f"the line has more than {LINE_LIMIT} characters")
    return Record(line, cells)


def _explain(error: csv.Error) -> str:
    text = str(error)
    if "field larger" in text:
        return f"a field has more than {csv.field_size_limit()} characters; a quote may be left open"
    if "end of data" in text:
        return "a quote is left open"
    return f"not CSV: {text}; a quote may be left open, or not doubled"


def _read_header(name: str, lines: _Lines) -> tuple[Sequence[str], str]:
    """The column names, and the delimiter that makes the most of them."""
    best: Record | None = None
    delimiter = ""
    for candidate in _DELIMITERS:
        record = _first_record(lines, candidate)
        if record is None:
            raise ImportRefused(f"{name} is empty: there is no header to go by.")
        if best is None or (best.problem and not record.problem) or len(record.cells) > len(best.cells):
            best, delimiter = record, candidate
        lines.give_back(lines.taken)
    _first_record(lines, delimiter)
    assert best is not None
    if best.problem or any(_NOT_TEXT.search(cell) for cell in best.cells):
        raise ImportRefused(
            f"{name} doesn't begin with a CSV header in that encoding. A spreadsheet has to be saved as CSV first; "
            "text in another encoding needs --encoding, such as cp1252 or utf-16."
        )
    return best.cells, delimiter


def _first_record(lines: _Lines, delimiter: str) -> Record | None:
    while (record := _next_record(lines, delimiter)) is not None:
        if record.problem or any(cell.strip() for cell in record.cells):
            return record
    return None
