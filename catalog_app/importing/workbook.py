"""Records out of an Excel workbook (.xlsx), by openpyxl in its streaming mode.

The file comes from anybody, and is compressed XML: what it unpacks to is counted before it is parsed, and entities in
it are refused by defusedxml, which openpyxl uses where it is installed (https://openpyxl.readthedocs.io, "Security").
"""

import datetime
import re
import warnings
import zipfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO

from catalog_app.importing.delimited import HEADER_WITHIN
from catalog_app.importing.errors import ImportRefused, Remedy
from catalog_app.importing.records import MOST_COLUMNS, NAME_LENGTH, Record, Source
from catalog_app.importing.synonyms import count_known
from catalog_app.spreadsheets import COVERED

if TYPE_CHECKING:
    from openpyxl import Workbook

BLANK_ROWS = 10_000
"""On end: more of them are a sheet that was formatted down to its last row, and no table."""
_CHUNK_BYTES = 1024 * 1024
_TAG_BYTES = 64
"""Of a tag, enough to tell which it is."""
_ROW, _CELL, _STRING = rb"<(?:\w+:)?row[\s/>]", rb"<(?:\w+:)?c[\s/>]", rb"<(?:\w+:)?si[\s/>]"
_FORMULA = rb"<(?:\w+:)?f[\s/>]"
_MERGED = re.compile(
    rb"""<(?:\w+:)?mergeCell\s[^<>]*?\bref=["'](?P<area>[A-Z]{1,3}[0-9]{1,7}:[A-Z]{1,3}[0-9]{1,7})["']"""
)
MERGED_AREAS = 100_000
_ESCAPED = re.compile("_x(000[9AD])_")
_ZEROS = re.compile("0{2,}")
_SIGNIFICANT = ".15g"
"""Digits of a number that Excel itself shows and keeps (https://learn.microsoft.com, "Floating-point arithmetic")."""


@dataclass(frozen=True)
class Limits:
    """What a workbook may hold, unpacked."""

    size_bytes: int = 256 * 1024 * 1024
    small_part_bytes: int = 8 * 1024 * 1024
    """Of parts that are read whole: styles, names, relations."""
    parts: int = 2000
    rows: int = 1_048_576
    cells: int = 10_000_000
    texts: int = 2_000_000
    columns: int = MOST_COLUMNS


def _loader() -> Callable[..., "Workbook"]:
    """openpyxl's, imported with the first workbook: nodes that meet none start sooner, and take less memory."""
    from openpyxl import DEFUSEDXML, load_workbook

    assert DEFUSEDXML, "defusedxml is in requirements.txt: without it, entities in a workbook may fill the memory"
    # On styles and filters that it leaves out.
    warnings.filterwarnings("ignore", category=UserWarning, module="openpyxl")
    return load_workbook


def read_workbook(
    raw: BinaryIO, name: str, *, sheet: str = "", wished: Sequence[str] = (), limits: Limits | None = None
) -> Source:
    """The source in a sheet: as named, else the only visible one that has a header.

    Raises ImportRefused, also from the records, if the file is damaged, holds more than `limits`, or several sheets
    might be meant.
    """
    bounds = limits or Limits()
    load_workbook = _loader()
    try:
        with zipfile.ZipFile(raw) as package:
            has_formulas = _check(package, name, bounds)
        book = load_workbook(raw, read_only=True, data_only=True, keep_links=False)
        formulas = load_workbook(raw, read_only=True, keep_links=False) if has_formulas else None
        chosen, passed_over = _choose_sheet(book, name, sheet, wished)
    except ImportRefused:
        raise
    except Exception as error:  # A damaged file raises nearly anything from within zipfile, XML and openpyxl.
        raise ImportRefused(f"{name} is damaged, or no workbook that Excel would open.") from error
    sheet_of_values: Any = book[chosen.title]
    with zipfile.ZipFile(raw) as package:
        merged = _merged(package, sheet_of_values._worksheet_path, name)
    rows = _rows(sheet_of_values, formulas[chosen.title] if formulas else None)
    records = _records(_with_covered(rows, merged, len(chosen.header)), chosen, name, bounds)
    return Source(
        chosen.header,
        records,
        lambda: 0.0,
        header_line=chosen.line,
        sheet=chosen.title,
        passed_over=passed_over,
    )


def _check(package: zipfile.ZipFile, name: str, limits: Limits) -> bool:
    """Counts what the parts unpack to; whether a sheet has formulas. zipfile reads no more than a part declares."""
    parts = package.infolist()
    size = sum(part.file_size for part in parts)
    is_large = size > limits.size_bytes or len(parts) > limits.parts
    counts = dict.fromkeys((_ROW, _CELL, _STRING, _FORMULA), 0)
    for part in parts if not is_large else []:
        # A sheet may have any name.
        counted = _count(package, part, counts)
        is_table = counted[_ROW] or counted[_STRING]
        is_small = part.file_size <= limits.small_part_bytes or not part.filename.endswith((".xml", ".rels"))
        is_large = is_large or counted[_ROW] > limits.rows or not (is_table or is_small)
        counts = {pattern: number + counted[pattern] for pattern, number in counts.items()}
    if is_large or counts[_CELL] > limits.cells or counts[_STRING] > limits.texts:
        raise ImportRefused(
            f"{name} holds more than {limits.rows:,} rows, or unpacks to more than can be read. "
            "Blank rows that are only formatted count, too: copy the table to a new workbook.",
            Remedy.SIZE,
        )
    return counts[_FORMULA] > 0


def _count(package: zipfile.ZipFile, part: zipfile.ZipInfo, patterns: Iterable[bytes]) -> dict[bytes, int]:
    """How often each occurs; a tag that lies across two chunks is kept for the second."""
    compiled = {pattern: re.compile(pattern) for pattern in patterns}
    counts = dict.fromkeys(compiled, 0)
    rest = b""
    with package.open(part) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            text = rest + chunk
            cut = max(text.rfind(b"<"), 0)
            for pattern, regex in compiled.items():
                counts[pattern] += len(regex.findall(text, 0, cut))
            rest = text[cut : cut + _TAG_BYTES]
    for pattern, regex in compiled.items():
        counts[pattern] += len(regex.findall(rest))
    return counts


Area = tuple[int, int, int, int]
"""First row, last row, first column, last column; rows from 1, columns from 0."""


def _merged(package: zipfile.ZipFile, part: str, name: str) -> list[Area]:
    """The merged areas of a sheet, by their first rows: openpyxl's streaming mode doesn't tell them."""
    from openpyxl.utils.cell import range_boundaries

    areas: list[Area] = []
    rest = b""
    with package.open(part) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            text = rest + chunk
            rest = text[max(text.rfind(b"<"), 0) :]
            for found in _MERGED.finditer(text, 0, len(text) - len(rest)):
                left, top, right, bottom = (number or 0 for number in range_boundaries(found["area"].decode()))
                areas.append((top, bottom, left - 1, right - 1))
            if len(areas) > MERGED_AREAS:
                raise ImportRefused(f"{name} has more than {MERGED_AREAS:,} merged areas: undo them.", Remedy.SIZE)
    return sorted(areas)


def _with_covered(
    rows: Iterator[tuple[int, list[str]]], areas: Sequence[Area], width: int
) -> Iterator[tuple[int, list[str]]]:
    """The rows, with what other cells cover marked as such where a row has anything else."""
    coming = deque(areas)
    here: list[Area] = []
    for line, cells in rows:
        here = [area for area in here if area[1] >= line]
        while coming and coming[0][0] <= line:
            here.append(coming.popleft())
        yield line, _covered(line, cells, here, width) if cells and here else cells


def _covered(line: int, cells: Sequence[str], areas: Sequence[Area], width: int) -> list[str]:
    told = [*cells, *[""] * (width - len(cells))]
    for first_row, _, first, last in areas:
        for place in range(first + (line == first_row), min(last, width - 1) + 1):
            if not told[place].strip():
                told[place] = COVERED
    return told


@dataclass(frozen=True)
class _Sheet:
    title: str
    header: Sequence[str]
    line: int
    known: int


def _choose_sheet(book: Any, name: str, wish: str, wished: Sequence[str]) -> tuple[_Sheet, str]:
    sheets = [sheet for sheet in book.worksheets if hasattr(sheet, "reset_dimensions")]
    titles = [sheet.title for sheet in sheets]
    if wish:
        meant = [sheet for sheet in sheets if sheet.title.casefold() == wish.casefold()]
        if not meant:
            raise ImportRefused(f"There is no sheet {wish!r}. The sheets are: {', '.join(titles)}.", Remedy.SHEET)
    else:
        meant = [sheet for sheet in sheets if sheet.sheet_state == "visible"]
    found = [header for sheet in meant if (header := _header_of(sheet, wished)) is not None]
    if not found:
        hidden = " but hidden ones" if not wish and len(meant) < len(sheets) else ""
        raise ImportRefused(f"{name} is empty: there is no sheet with a header to go by{hidden}.", Remedy.SHEET)
    known = [header for header in found if header.known] or found
    if len(known) > 1:
        names = ", ".join(repr(header.title) for header in known)
        raise ImportRefused(f"Several sheets might be meant: {names}.", Remedy.SHEET)
    others = [repr(title) for title in titles if title != known[0].title]
    return known[0], ", ".join(others)


def _header_of(sheet: Any, wished: Sequence[str]) -> _Sheet | None:
    """The first row that has a title, of the first that aren't blank; else the first of those."""
    first = None
    looked_at = 0
    for line, cells in _rows(sheet, None):
        if line > BLANK_ROWS or looked_at >= HEADER_WITHIN:
            break
        if not any(cells):
            continue
        looked_at += 1
        header = [cell.strip()[:NAME_LENGTH] for cell in cells]
        found = _Sheet(sheet.title, header, line, count_known(header, wished))
        if found.known:
            return found
        first = first or found
    return first


def _rows(values: Any, formulas: Any | None) -> Iterator[tuple[int, list[str]]]:
    """The rows with their numbers, blank ones too, without blank cells at their ends."""
    values.reset_dimensions()  # What a file says of its own size may be anything.
    written: Iterator[Any] = iter(())
    if formulas is not None:
        formulas.reset_dimensions()
        written = formulas.iter_rows()
    for line, row in enumerate(values.iter_rows(), start=1):
        beside = next(written, ())
        cells = [_text(cell, beside[place] if place < len(beside) else None) for place, cell in enumerate(row)]
        while cells and not cells[-1].strip():
            cells.pop()
        yield line, cells


def _records(rows: Iterator[tuple[int, list[str]]], sheet: _Sheet, name: str, limits: Limits) -> Iterator[Record]:
    blank = 0
    width = len(sheet.header)
    try:
        for line, cells in rows:
            if line <= sheet.line:
                continue
            if not cells:
                blank += 1
                if blank > BLANK_ROWS:
                    raise ImportRefused(
                        f"{name} has more than {BLANK_ROWS:,} blank rows before row {line:,}: delete them.",
                        Remedy.SIZE,
                    )
                continue
            blank = 0
            if len(cells) > limits.columns:
                yield Record(line, cells[:1], f"more than {limits.columns} columns")
                continue
            # A sheet has no rows that are short: what is blank at an end isn't written.
            yield Record(line, [*cells, *[""] * (width - len(cells))])
    except ImportRefused:
        raise
    except Exception as error:  # As in read_workbook.
        raise ImportRefused(f"{name} is damaged: it can't be read to its end.") from error


def _text(cell: Any, written: Any | None) -> str:
    """What a cell shows, as a CSV file would have it; what is no text and no number is marked as such."""
    value = cell.value
    if value is None:
        formula = getattr(written, "value", None)
        return "" if formula is None or written is None or written.data_type != "f" else f"#FORMULA! {formula}"
    if isinstance(value, bool):
        return f"#BOOLEAN! {str(value).upper()}"
    if isinstance(value, int | float):
        return _number(value, cell.number_format or "")
    if isinstance(value, datetime.datetime | datetime.date | datetime.time | datetime.timedelta):
        return f"#DATE! {value}"
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), str(value))


def _number(value: float, number_format: str) -> str:
    """As digits: 9780000000002 and not 9.78E+12, with the zeros that a format such as `0000000000` puts before."""
    if isinstance(value, float):
        text = format(value, _SIGNIFICANT)
        if "e" in text:
            text = format(Decimal(text), "f")  # A float's own would end after six decimals.
    else:
        text = str(value)
    if "%" in number_format:
        return f"{format(value * 100, _SIGNIFICANT)}%"
    return text.zfill(len(number_format)) if _ZEROS.fullmatch(number_format) else text
