"""The file of rejected rows: line, reason, and the row as it came, to be corrected and imported by itself.

It is UTF-8 with a byte order mark, and has the delimiter of the file: so the program that opens the one opens the
other. Cells are guarded as in an export, and numbers as long as an ISBN written as `="9780439023481"`: a spreadsheet
leaves both as they are, and an import reads them as they were.
"""

import csv
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

from bookstore_project.text.formulas import formula_guarded
from catalog_app.importing.errors import ImportRefused, Reason
from catalog_app.importing.records import Record, Source
from catalog_app.spreadsheets import cell_text

OWN_COLUMNS = ("line", "reason", "row as it came")
"""The third has the text of a row that can't be taken apart."""
STILL_WHOLE = f'its text is still in the column "{OWN_COLUMNS[2]}": write its cells into the other columns'
_NUMBER = re.compile("[0-9]{9,13}[0-9Xx]?")


def choose_path(source: Path, wish: Path | None) -> Path:
    """Where rejected rows go: as wished, else beside the file, else (read-only folder) into the current one.

    Raises ImportRefused if that is the file itself, or can't be written.
    """
    name = f"{source.stem}.rejected.csv"
    path = wish or source.with_name(name)
    if wish is None and not _is_writable(path):
        path = Path.cwd() / name
    if path.exists() and source.exists() and path.samefile(source):
        raise ImportRefused(f"{path} is the file to import: rejected rows would overwrite it.")
    if not _is_writable(path):
        raise ImportRefused(f"Rejected rows can't be written to {path}; name another file with --rejects.")
    return path


def _is_writable(path: Path) -> bool:
    if path.exists():
        return path.is_file() and os.access(path, os.W_OK)
    return path.parent.is_dir() and os.access(path.parent, os.W_OK)


class Rejects:
    """Writes rejected rows to a file, which is there only if there are any. A context manager."""

    def __init__(self, path: Path, source: Source) -> None:
        self.path = path
        self._header = source.header
        self._delimiter = source.delimiter
        self._file: IO[str] | None = None

    def __enter__(self) -> "Rejects":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, record: Record, reasons: Sequence[Reason]) -> None:
        file = self._file or self._begin()
        reason = "; ".join(map(str, reasons))
        own = [str(record.line), formula_guarded(reason.encode(errors="replace").decode())]
        if record.problem:
            self._write(file, [*own, formula_guarded(record.cells[0].rstrip("\r\n"))])
        else:
            self._write(file, [*own, "", *map(_written, record.cells)])
        file.flush()  # To be looked at while the import goes on, and whole if it is killed.

    def _begin(self) -> IO[str]:
        # Bytes that aren't of the encoding stay what they are, and are refused again.
        file = self._file = self.path.open("w", encoding="utf-8-sig", errors="surrogateescape", newline="")
        self._write(file, [*OWN_COLUMNS, *map(formula_guarded, self._header)])
        return file

    def _write(self, file: IO[str], cells: Sequence[str]) -> None:
        csv.writer(file, delimiter=self._delimiter, lineterminator="\n").writerow(cells)


def _written(cell: str) -> str:
    text = cell_text(cell)
    return f'="{text}"' if _NUMBER.fullmatch(text) else formula_guarded(text)


def without_own_columns(source: Source) -> Source:
    """Without what a file of rejected rows has besides; a row whose text nobody has taken apart is refused again."""
    if tuple(source.header[: len(OWN_COLUMNS)]) != OWN_COLUMNS:
        return source
    return replace(
        source, header=source.header[len(OWN_COLUMNS) :], records=(_without_own(record) for record in source.records)
    )


def _without_own(record: Record) -> Record:
    own, cells = record.cells[: len(OWN_COLUMNS)], record.cells[len(OWN_COLUMNS) :]
    if record.problem:
        return record
    if len(own) == len(OWN_COLUMNS) and own[2].strip() and not any(cell.strip() for cell in cells):
        return replace(record, cells=[cell_text(own[2])], problem=STILL_WHOLE)
    return replace(record, cells=cells)
