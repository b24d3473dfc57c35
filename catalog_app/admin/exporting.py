"""The list of books as a CSV file that a spreadsheet opens, and that an import takes back."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse

from bookstore_project.api.csv_files import csv_file
from catalog_app.models import Book
from catalog_app.spreadsheets import guarded

COLUMNS = ("id", "title", "authors", "isbn13", "topic", "price", "quantity", "version", "retired")


def export(books: QuerySet[Book]) -> FileResponse:
    """Inside of a gated read: the books of one moment."""
    rows = books.values_list(*COLUMNS).iterator()
    return csv_file(COLUMNS, (_cells(row) for row in rows), "books.csv")


def _cells(row: Iterable[Any]) -> list[str]:
    return [_cell(value) for value in row]


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return guarded("" if value is None else str(value))
