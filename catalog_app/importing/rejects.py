"""The file of rejected rows: line, reason, and the row as it came, to be corrected and imported by itself."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from catalog_app.importing.errors import ImportRefused
from catalog_app.importing.rows import readable
from catalog_app.importing.source import Record

OWN_COLUMNS = ("line", "reason")


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
    """Writes rejected rows to a file in UTF-8, which is there only if there are any. A context manager."""

    def __init__(self, path: Path, header: Sequence[str]) -> None:
        self.path = path
        self._header = header
        self._file: IO[str] | None = None

    def __enter__(self) -> "Rejects":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, record: Record, reason: str) -> None:
        if self._file is None:
            self._file = self.path.open("w", encoding="utf-8", newline="")
            self._write([*OWN_COLUMNS, *self._header])
        self._write([record.line, reason, *map(readable, record.cells)])
        self._file.flush()  # To be looked at while the import goes on, and whole if it is killed.

    def _write(self, cells: Sequence[Any]) -> None:
        csv.writer(self._file, lineterminator="\n").writerow(cells)  # type: ignore[arg-type]
