"""Opens a file to import, whatever kind of file it is."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from catalog_app.importing.delimited import read_delimited
from catalog_app.importing.errors import ImportRefused, Remedy
from catalog_app.importing.formats import encoding_of, is_workbook
from catalog_app.importing.records import MOST_COLUMNS, Record, Source
from catalog_app.importing.workbook import Limits, read_workbook

__all__ = ["Record", "Source", "open_source", "read_source"]


@contextmanager
def open_source(path: Path, encoding: str = "", *, sheet: str = "", wished: Sequence[str] = ()) -> Iterator[Source]:
    """Opens a file and reads its header: a CSV file, or an Excel workbook.

    Without `encoding` it is found out (UTF-8 and UTF-16, by byte order mark or without); with one, too, if the file
    shows that it isn't that. `wished` are columns that the header has to have. Raises ImportRefused, also from the
    records, if the file can't be read, is empty, or is neither.
    """
    try:
        with (
            path.open("rb") as raw,
            read_source(raw, str(path), path.stat().st_size, encoding, sheet=sheet, wished=wished) as source,
        ):
            yield source
    except OSError as error:
        if error.filename is None or Path(error.filename) != path:
            raise  # Not about this file: the block has a trouble of its own.
        raise ImportRefused(f"{path} can't be read: {error.strerror}.") from error


@contextmanager
def read_source(
    raw: BinaryIO,
    name: str,
    size_bytes: int,
    encoding: str = "",
    *,
    sheet: str = "",
    wished: Sequence[str] = (),
    limits: Limits | None = None,
) -> Iterator[Source]:
    """The same of what is open already; `name` is what messages call it, `limits` bound a workbook. Closes it."""
    with raw:
        if not raw.seekable():
            raise ImportRefused(f"{name} is no file: save it first.")
        if is_workbook(raw, name):
            yield _checked(read_workbook(raw, name, sheet=sheet, wished=wished, limits=limits), name)
            return
        found = encoding_of(raw, encoding)
        try:
            with io.TextIOWrapper(raw, found.codec, errors=found.errors, newline="") as file:
                source = read_delimited(
                    file, name, wished, lambda: min(1.0, raw.tell() / size_bytes) if size_bytes else 1.0
                )
                yield _checked(replace(source, unheeded=found.unheeded), name)
        except UnicodeError as error:
            label = encoding or found.codec.upper()
            raise ImportRefused(f"{name} isn't in the encoding {label}: {error}.", Remedy.ENCODING) from error


def _checked(source: Source, name: str) -> Source:
    width = len(source.header)
    if width > MOST_COLUMNS:
        raise ImportRefused(f"{name} has {width:,} columns, and at most {MOST_COLUMNS:,} are read: delete some.")
    return source
