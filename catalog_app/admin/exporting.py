"""The list of books as a CSV file that a spreadsheet opens, and that an import takes back."""

import csv
import io
import tempfile
from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse

from catalog_app.models import Book
from catalog_app.spreadsheets import guarded

COLUMNS = ("id", "title", "authors", "isbn13", "topic", "price", "quantity", "version", "retired")
IN_MEMORY_BYTES = 1024 * 1024
"""Of a file that is being made; a larger one is on the disk meanwhile."""


def export(books: QuerySet[Book]) -> FileResponse:
    """Inside of a gated read, which is over when this returns: the books of one moment, sent in pieces afterwards.

    A file of its own in between, so that a slow download neither keeps a snapshot open nor ends in half a list.
    """
    spool = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115  (the response closes it)
    # With a byte order mark: without it, spreadsheets take UTF-8 for the code page of the machine.
    text = io.TextIOWrapper(spool, "utf-8-sig", errors="backslashreplace", newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(_cells(row) for row in books.values_list(*COLUMNS).iterator())
    text.detach()
    spool.seek(0)
    return FileResponse(spool, as_attachment=True, filename="books.csv", content_type="text/csv; charset=utf-8")


def _cells(row: Iterable[Any]) -> list[str]:
    return [_cell(value) for value in row]


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return guarded("" if value is None else str(value))
