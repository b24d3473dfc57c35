"""Records out of a CSV file, however dirty: one broken line costs that line, not the rest of the file.

RFC 4180, with commas, semicolons, tabs or bars, whichever the header is made of; quotes may be escaped by a
backslash, as MySQL and many scripts do it, in rows that can't be read otherwise.
"""

import csv
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

from catalog_app.importing.errors import ImportRefused, Remedy
from catalog_app.importing.records import Record, Source
from catalog_app.importing.synonyms import count_known
from catalog_app.spreadsheets import cell_text

LINE_LIMIT = 1024 * 1024
"""Characters of the longest line that is read; a longer one is rejected without filling the memory."""
SHOWN_OF_BROKEN = 1000
"""Characters of a line that can't be taken apart, for the file of rejected rows."""
HEADER_WITHIN = 30
"""Lines among which the header is looked for, where a title and blank lines stand above it."""
_DELIMITERS = ",;\t|"
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\udc80-\udcff]")
_SEPARATOR = re.compile(r'\s*"?sep=(?P<mark>[^"\r\n])"?[^\w"]*', re.IGNORECASE)
"""What spreadsheets write, and read, as a first line: `sep=;`."""
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def read_delimited(
    file: TextIO, name: str, wished: Sequence[str], fraction_read: Callable[[], float] = lambda: 0.0
) -> Source:
    """The source in a text that was opened without translation of line ends, and with `surrogateescape`.

    `wished` are columns that the header has to have. Raises ImportRefused, and UnicodeError also from the records.
    """
    lines = _Lines(file.readline)
    header = _find_header(name, lines, wished)
    reader = _Reader(lines, len(header.cells), header.delimiter)
    return Source(
        [cell_text(cell).strip() for cell in header.cells],
        iter(reader),
        fraction_read,
        delimiter=header.delimiter,
        header_line=header.line,
        encoding=file.encoding,
    )


class _Lines:
    """An iterator over lines, to which lines can be given back; `taken` collects what it has handed out."""

    def __init__(self, readline: Callable[[int], str]) -> None:
        self._readline = readline
        self._ahead: deque[str] = deque()
        self.number = 0
        """Of the line handed out last."""
        self.taken: list[str] = []
        self.swallowed: list[str] = []
        """What a quote that was left open took of the lines after it, and what was given back."""

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

    def __init__(self, lines: _Lines, width: int, delimiter: str) -> None:
        self._lines = lines
        self._width = width
        self._delimiter = delimiter
        self._blank = re.compile(rf'(?:\s|{re.escape(delimiter)}|""(?!"))*')
        self._csv = _csv_reader(lines, delimiter)

    def __iter__(self) -> Iterator[Record]:
        for line in self._lines:
            if self._blank.fullmatch(line):
                self._lines.taken.clear()
                continue
            self._lines.give_back([line])
            record = self._next()
            if record.problem or any(cell.strip() for cell in record.cells):
                yield record

    def _next(self) -> Record:
        self._lines.taken.clear()
        record = _next_record(self._lines, self._delimiter, self._csv)
        assert record is not None, "the line before it was looked at"
        if record.problem:
            self._csv = _csv_reader(self._lines, self._delimiter)
        taken = self._lines.taken
        if len(record.cells) < self._width and not record.problem and not taken[-1].endswith(("\n", "\r")):
            # A program may leave blank cells out; but here it was the file that ended.
            why = f"{len(record.cells)} cells, the header has {self._width}, and the file is cut off here"
            return Record(record.line, ["".join(taken)[:SHOWN_OF_BROKEN]], why)
        if not any('\\"' in line for line in (*taken, *self._lines.swallowed)) or self._is_whole(record, taken):
            return record
        return self._with_escapes(record) or record

    def _is_whole(self, record: Record, taken: Sequence[str]) -> bool:
        """Whether it has the header's width, without quotes where RFC 4180 has none."""
        if record.problem or len(record.cells) != self._width:
            return False
        cell = rf'\s*"(?:[^"]|"")*"|[^"{re.escape(self._delimiter)}]*'
        return re.fullmatch(rf"(?:{cell})(?:{re.escape(self._delimiter)}(?:{cell}))*", "".join(taken)) is not None

    def _with_escapes(self, plain: Record) -> Record | None:
        """The record read with quotes escaped by a backslash, if it has the header's width then; else None."""
        lines = self._lines
        lines.give_back(lines.taken)
        before = list(lines.taken)
        lines.taken.clear()
        escaped = _next_record(lines, self._delimiter, _csv_reader(map(_doubled, lines), self._delimiter))
        if escaped is not None and not escaped.problem and len(escaped.cells) == self._width:
            cells = [cell.replace("\\\\", "\\") for cell in escaped.cells]
            others = {f"\\{mark}" for cell in escaped.cells for mark in _ESCAPE.findall(cell)} - {"\\\\"}
            why = f"quotes are escaped by a backslash here, and {', '.join(sorted(others))} may be two things"
            both = "quotes may be escaped by a backslash here, or not"
            is_plain_too = not plain.problem and len(plain.cells) == self._width
            problem = both if is_plain_too and plain.cells != cells else why if others else ""
            if not problem:
                return Record(plain.line, cells)
            return Record(plain.line, ["".join(lines.taken)[:SHOWN_OF_BROKEN]], problem)
        lines.give_back(lines.taken)
        lines.taken.clear()
        for _ in before:
            next(lines)
        return None


def _doubled(line: str) -> str:
    """Quotes doubled that were escaped by a backslash; a backslash before a backslash escapes nothing else."""
    return _ESCAPE.sub(lambda found: '""' if found[1] == '"' else found[0], line)


def _csv_reader(lines: Iterator[str], delimiter: str) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)


def _next_record(lines: _Lines, delimiter: str, reader: Iterator[list[str]] | None = None) -> Record | None:
    """The next record, perhaps a blank one; None at the end. Leaves its lines in `taken`."""
    line = lines.number + 1
    lines.swallowed = []
    try:
        cells = next(reader or _csv_reader(lines, delimiter))
    except StopIteration:
        return None
    except csv.Error as error:
        # The lines that an open quote has swallowed may be good rows.
        swallowed = lines.taken[1:]
        del lines.taken[1:]
        lines.give_back(swallowed)
        lines.swallowed = swallowed
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


@dataclass(frozen=True)
class _Header:
    cells: Sequence[str]
    delimiter: str
    line: int
    lines: int
    """How many it takes, with those above it."""
    known: int
    """How many of its names mean a field."""


def _find_header(name: str, lines: _Lines, wished: Sequence[str]) -> _Header:
    """The first record that has a title, by the delimiter with which it has most names of fields; else the first."""
    first = next(lines, "")
    named = _SEPARATOR.fullmatch(first.strip("\r\n"))
    if first and not named:
        lines.give_back([first])
    _skip_blank(lines)
    found = [_candidate(lines, delimiter, wished) for delimiter in (named["mark"] if named else _DELIMITERS)]
    headers = [header for header in found if header is not None]
    if not headers:
        raise ImportRefused(f"{name} is empty: there is no header to go by.")
    best = max(headers, key=lambda header: (header.known, len(header.cells)))
    if not best.cells or any(_NOT_TEXT.search(cell) for cell in best.cells):
        raise ImportRefused(f"{name} doesn't begin with a header in that encoding, or is no table.", Remedy.ENCODING)
    for _ in range(best.lines):
        next(lines)
    return best


def _skip_blank(lines: _Lines) -> None:
    for line in lines:
        if line.strip(f"{_DELIMITERS} \r\n"):
            lines.give_back([line])
            break
        lines.taken.clear()


def _candidate(lines: _Lines, delimiter: str, wished: Sequence[str]) -> _Header | None:
    """The header by this delimiter; afterwards nothing is read."""
    start = lines.number
    given: list[str] = []
    found: list[_Header] = []
    while not found or (lines.number - start < HEADER_WITHIN and not found[-1].known):
        lines.taken.clear()
        record = _next_record(lines, delimiter)
        given += lines.taken
        if record is None:
            break
        if record.problem or any(cell.strip() for cell in record.cells):
            cells = [] if record.problem else record.cells
            known = count_known([cell_text(cell).strip() for cell in cells], wished)
            found.append(_Header(cells, delimiter, record.line, lines.number - start, known))
    lines.give_back(given)
    if not found:
        return None
    return found[-1] if found[-1].known else found[0]
