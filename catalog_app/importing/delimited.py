"""Records out of a CSV file, however dirty: one broken line costs that line, not the rest of the file.

RFC 4180, with commas, semicolons, tabs, bars, carets or tildes, whichever the header is made of. Quotes may be
escaped by a backslash, as MySQL and many scripts do it, in rows that can't be read otherwise. Single quotes count
where they enclose each name of the header; and where one cell holds the whole header, one may hold each row.
"""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TextIO

from catalog_app.importing.errors import ImportRefused, Remedy
from catalog_app.importing.lines import SHOWN_OF_BROKEN, Dialect, Lines, csv_reader, explain, next_record
from catalog_app.importing.records import MOST_COLUMNS, NAME_LENGTH, Record, Source, named
from catalog_app.importing.synonyms import count_known
from catalog_app.spreadsheets import cell_text

HEADER_WITHIN = 30
"""Lines among which the header is looked for, where a title and blank lines stand above it."""
_DELIMITERS = ",;\t|^~"
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\udc80-\udcff]")
_SEPARATOR = re.compile(r'\s*"?sep=(?P<mark>[^"\r\n])"?[^\w"]*', re.IGNORECASE)
"""What spreadsheets write, and read, as a first line: `sep=;`."""
_ENCLOSED = re.compile("'[^']*'")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def read_delimited(
    file: TextIO, name: str, wished: Sequence[str], fraction_read: Callable[[], float] = lambda: 0.0
) -> Source:
    """The source in a text that was opened without translation of line ends, and with `surrogateescape`.

    `wished` are columns that the header has to have. Raises ImportRefused, and UnicodeError also from the records.
    """
    lines = Lines(file.readline)
    header = _find_header(name, lines, wished)
    reader = _Reader(lines, len(header.cells), header.dialect)
    return Source(
        [cell_text(cell).strip()[:NAME_LENGTH] for cell in named(header.cells)],
        iter(reader),
        fraction_read,
        delimiter=header.dialect.wrapped or header.dialect.delimiter,
        header_line=header.line,
        encoding=file.encoding,
    )


class _Reader:
    """Records by the `csv` module, strictly: a quote left open swallows the next line and not the next thousand."""

    def __init__(self, lines: Lines, width: int, dialect: Dialect) -> None:
        self._lines = lines
        self._width = width
        self._dialect = dialect
        quote = dialect.quote
        self._blank = re.compile(rf"(?:\s|{re.escape(dialect.delimiter)}|{quote}{quote}(?!{quote}))*")
        self._csv = csv_reader(lines, dialect)

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
        record = next_record(self._lines, self._dialect, self._csv)
        assert record is not None, "the line before it was looked at"
        if record.problem:
            self._csv = csv_reader(self._lines, self._dialect)
        taken = self._lines.taken
        if self._dialect.wrapped:
            record = _unwrapped(record, self._dialect.wrapped)
        if len(record.cells) < self._width and not record.problem and not taken[-1].endswith(("\n", "\r")):
            # A program may leave blank cells out; but here it was the file that ended.
            why = f"{len(record.cells)} cells, the header has {self._width}, and the file is cut off here"
            return Record(record.line, ["".join(taken)[:SHOWN_OF_BROKEN]], why)
        if other := self._other_delimiter(record, taken):
            why = f"{len(record.cells)} cells, the header has {self._width}: as many as there are between {other!r}"
            return Record(record.line, ["".join(taken)[:SHOWN_OF_BROKEN]], why)
        escaped = f"\\{self._dialect.quote}"
        if self._dialect.wrapped or not any(escaped in line for line in (*taken, *self._lines.swallowed)):
            return record
        return record if self._is_whole(record, taken) else self._with_escapes(record) or record

    def _other_delimiter(self, record: Record, taken: Sequence[str]) -> str:
        """By which the lines of a record that is short are as many cells as the header; empty if there is none."""
        if record.problem or len(record.cells) >= self._width:
            return ""
        text = "".join(taken)
        for mark in _DELIMITERS:
            if mark != self._dialect.delimiter and text.count(mark) >= self._width - 1:
                with suppress(csv.Error):
                    rows = list(csv_reader(text.splitlines(keepends=True), replace(self._dialect, delimiter=mark)))
                    if [len(row) for row in rows] == [self._width]:
                        return mark
        return ""

    def _is_whole(self, record: Record, taken: Sequence[str]) -> bool:
        """Whether it has the header's width, without quotes where RFC 4180 has none."""
        if record.problem or len(record.cells) != self._width:
            return False
        quote, delimiter = self._dialect.quote, re.escape(self._dialect.delimiter)
        cell = rf"\s*{quote}(?:[^{quote}]|{quote}{quote})*{quote}|[^{quote}{delimiter}]*"
        return re.fullmatch(rf"(?:{cell})(?:{delimiter}(?:{cell}))*", "".join(taken)) is not None

    def _with_escapes(self, plain: Record) -> Record | None:
        """The record read with quotes escaped by a backslash, if it has the header's width then; else None."""
        lines = self._lines
        lines.give_back(lines.taken)
        before = list(lines.taken)
        lines.taken.clear()
        doubled = (_doubled(line, self._dialect.quote) for line in lines)
        escaped = next_record(lines, self._dialect, csv_reader(doubled, self._dialect))
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


def _doubled(line: str, quote: str) -> str:
    """Quotes doubled that were escaped by a backslash; a backslash before a backslash escapes nothing else."""
    return _ESCAPE.sub(lambda found: quote * 2 if found[1] == quote else found[0], line)


def _unwrapped(record: Record, delimiter: str) -> Record:
    """The row that stands in the first cell; the record itself if it isn't all that stands there."""
    if record.problem or not record.cells or any(cell.strip() for cell in record.cells[1:]):
        return record
    text = record.cells[0]
    try:
        rows = list(csv_reader(text.splitlines(keepends=True), Dialect(delimiter)))
    except csv.Error as error:
        return Record(record.line, [text[:SHOWN_OF_BROKEN]], explain(error))
    if len(rows) > 1:
        return Record(record.line, [text[:SHOWN_OF_BROKEN]], "several rows in one cell")
    return Record(record.line, rows[0] if rows else [])


@dataclass(frozen=True)
class _Header:
    cells: Sequence[str]
    dialect: Dialect
    line: int
    lines: int
    """How many it takes, with those above it."""
    known: int
    """How many of its names mean a field."""


def _find_header(name: str, lines: Lines, wished: Sequence[str]) -> _Header:
    """The first record that has a title, by the delimiter with which it has most names of fields; else the first."""
    first = next(lines, "")
    named = _SEPARATOR.fullmatch(first.strip("\r\n"))
    if first and not named:
        lines.give_back([first])
    _skip_blank(lines)
    marks = named["mark"] if named else _DELIMITERS
    headers = _candidates(lines, [Dialect(mark) for mark in marks], wished)
    if not headers:
        raise ImportRefused(f"{name} is empty: there is no header to go by.")
    best = max(headers, key=lambda header: (header.known, len(header.cells)))
    if not best.known:
        best = _unusual(lines, marks, wished) or best
    elif all(_ENCLOSED.fullmatch(cell.strip()) for cell in best.cells if cell.strip()):
        best = _candidate(lines, replace(best.dialect, quote="'"), wished) or best
    if not best.cells or any(_NOT_TEXT.search(cell) for cell in best.cells):
        raise ImportRefused(f"{name} doesn't begin with a header in that encoding, or is no table.", Remedy.ENCODING)
    for _ in range(best.lines):
        next(lines)
    return best


def _candidates(lines: Lines, dialects: Sequence[Dialect], wished: Sequence[str]) -> list[_Header]:
    found = [_candidate(lines, dialect, wished) for dialect in dialects]
    return [header for header in found if header is not None]


def _unusual(lines: Lines, marks: str, wished: Sequence[str]) -> _Header | None:
    """A header with single quotes, or of which a whole line is in the first cell; only one that has a title."""
    dialects = [Dialect(mark, quote="'") for mark in marks]
    dialects += [Dialect(mark, wrapped=inner) for mark in marks for inner in _DELIMITERS]
    headers = [
        header
        for header in _candidates(lines, dialects, wished)
        if header.known and not any('"' in cell for cell in header.cells)
    ]
    return max(
        headers,
        key=lambda header: (
            header.known,
            len(header.cells),
            header.dialect.wrapped in ("", header.dialect.delimiter),
        ),
        default=None,
    )


def _skip_blank(lines: Lines) -> None:
    for line in lines:
        if line.strip(f"{_DELIMITERS} \r\n"):
            lines.give_back([line])
            break
        lines.taken.clear()


def _candidate(lines: Lines, dialect: Dialect, wished: Sequence[str]) -> _Header | None:
    """The header in this dialect; afterwards nothing is read."""
    start = lines.number
    given: list[str] = []
    found: list[_Header] = []
    while not found or (lines.number - start < HEADER_WITHIN and not found[-1].known):
        lines.taken.clear()
        record = next_record(lines, dialect)
        given += lines.taken
        if record is None:
            break
        if dialect.wrapped:
            record = _unwrapped(record, dialect.wrapped)
        if record.problem or any(cell.strip() for cell in record.cells):
            cells = [] if record.problem else record.cells
            names = named(cells)
            names = names if len(names) <= MOST_COLUMNS else ()
            known = count_known([cell_text(cell).strip()[:NAME_LENGTH] for cell in names], wished)
            found.append(_Header(cells, dialect, record.line, lines.number - start, known))
    lines.give_back(given)
    if not found:
        return None
    return found[-1] if found[-1].known else found[0]
