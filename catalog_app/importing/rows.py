"""A record's cells, cleaned and validated into a book's fields."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from bookstore_project.wire.errors import flatten
from bookstore_project.wire.representations import BookFields
from bookstore_project.wire.searchkeys import search_key
from bookstore_project.wire.text import canonical, unfit_in
from catalog_app.importing.errors import ImportRefused, RowRejected
from catalog_app.importing.isbn import Found, find_isbn13
from catalog_app.importing.source import Record
from catalog_app.spreadsheets import unguarded

_PRICE = re.compile(r"(?P<sign>-?)\s*[$€£]?\s*(?P<number>[0-9][0-9.,]*)\s*[$€£]?")
_UNDECODABLE = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True)
class Defaults:
    """What books get where the file doesn't say; `wished` are the fields for which someone asked for it."""

    topic: str
    price: Decimal
    quantity: int
    wished: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Row:
    """A valid row. `said` are the fields that the file (or an option) states, rather than a default."""

    line: int
    title: str
    authors: str
    isbn13: str | None
    topic: str
    price: Decimal
    quantity: int
    said: frozenset[str]
    found: Found

    @property
    def title_and_authors(self) -> tuple[str, str]:
        """What tells books without an ISBN apart: their search keys, not how they are spelled."""
        return search_key(self.title), search_key(self.authors)


class RowParser:
    """Makes rows of records, by the rules that the API has for a book."""

    def __init__(self, columns: Mapping[str, int], width: int, defaults: Defaults, *, strict_isbn: bool) -> None:
        self._columns = columns
        self._width = width
        self._strict_isbn = strict_isbn
        self._wished = defaults.wished
        self._defaults = {
            "topic": defaults.topic,
            "price": str(defaults.price),
            "quantity": str(defaults.quantity),
        }
        self._rules = BookFields()  # One for all rows: making its fields costs more than using them.

    def parse(self, record: Record) -> Row:
        """Raises RowRejected with every reason."""
        if record.problem:
            raise RowRejected([record.problem])
        if len(record.cells) != self._width:
            raise RowRejected([f"{len(record.cells)} fields, the header has {self._width}"])
        reasons = _text_problems(record)
        cells = {field: clean_text(unguarded(record.cells[place])) for field, place in self._columns.items()}
        reasons += [
            f"{field}: {problem}" for field in ("isbn13", "isbn") if (problem := unfit_in(cells.get(field, "")))
        ]
        found = find_isbn13(cells.get("isbn13", ""), cells.get("isbn", ""))
        if found.is_unsound and self._strict_isbn:
            given = " or ".join(filter(None, (cells.get("isbn13"), cells.get("isbn"))))
            reasons.append(f"isbn: no sound ISBN in {given}")
        try:
            values = self._rules.run_validation(self._values(cells, found))
        except serializers.ValidationError as error:
            reasons += [f"{field}: {' '.join(texts)}" for field, texts in flatten(error.detail).items()]
        if reasons:
            raise RowRejected(reasons)
        said = self._wished | {field for field, cell in cells.items() if cell}
        return Row(line=record.line, said=frozenset(said), found=found, **values)

    def _values(self, cells: Mapping[str, str], found: Found) -> dict[str, Any]:
        told = {field: cell for field, cell in cells.items() if cell or field not in self._defaults}
        values = {"title": "", "authors": "", **self._defaults, **told, "isbn13": found.isbn13}
        values.pop("isbn", None)
        values["price"] = plain_price(str(values["price"]))
        values["quantity"] = str(values["quantity"]).removesuffix(".0")
        return values


def make_defaults(topic: str | None, price: str | None, quantity: str | None) -> Defaults:
    """The defaults by option, checked by the same rules as a row; raises ImportRefused."""
    given = {"topic": topic, "price": price, "quantity": quantity}
    wished = {field: clean_text(text) for field, text in given.items() if text is not None}
    values = {"title": "any", "topic": "general", "price": "10.00", "quantity": "20", **wished}
    values["price"] = plain_price(values["price"])
    try:
        valid = BookFields().run_validation(values)
    except serializers.ValidationError as error:
        problems = [f"{field}: {' '.join(texts)}" for field, texts in flatten(error.detail).items()]
        raise ImportRefused("The default for " + " ".join(problems)) from error
    return Defaults(valid["topic"], valid["price"], valid["quantity"], frozenset(wished))


def clean_text(text: str) -> str:
    """The one form of a cell's text. One that can't be taken stays as it is: the rules of its field say so."""
    text = readable(text)
    return text if unfit_in(text) else canonical(text)


def readable(text: str) -> str:
    """Undecodable bytes as `\\xe9`, so that the text can be stored and shown."""
    if not _UNDECODABLE.search(text):
        return text
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")


def plain_price(text: str) -> str:
    """`$1,234.50`, `1.234,50` and `9,90` with a decimal point alone; anything else as it is.

    A comma before three digits (`1,234`) may be either: it stays, and is refused by the rules of a price.
    """
    match = _PRICE.fullmatch(text)
    if match is None:
        return text
    number = match["number"]
    for thousands, decimal in ((",", "."), (".", ",")):
        whole, point, cents = number.rpartition(decimal)
        grouped = re.fullmatch(rf"[0-9]{{1,3}}(?:\{thousands}[0-9]{{3}})+", whole)
        is_plain = decimal == "," and re.fullmatch("[0-9]+", whole) and re.fullmatch("[0-9]{1,2}", cents)
        if point and cents.isdecimal() and (grouped or is_plain):
            return f"{match['sign']}{whole.replace(thousands, '')}.{cents}"
    return match["sign"] + number


def _text_problems(record: Record) -> list[str]:
    problems: list[str] = []
    if bad := [readable(found[0]) for cell in record.cells if (found := _UNDECODABLE.search(cell))]:
        problems.append(f"bytes that aren't of the file's encoding: {', '.join(bad)}")
    return problems
