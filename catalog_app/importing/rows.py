"""A record's cells, cleaned and validated into a book's fields."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

from rest_framework import serializers

from bookstore_project.api.errors import flatten
from bookstore_project.api.representations import BookFields
from bookstore_project.text.canonical import DASHES, UnfitText, canonical
from bookstore_project.text.search_keys import search_key
from catalog_app.importing.amounts import read_count, read_price
from catalog_app.importing.currencies import common, currency_named
from catalog_app.importing.errors import ImportRefused, Reason, RowRejected, Unreadable
from catalog_app.importing.field_rules import FieldRules
from catalog_app.importing.isbn import Found, find_isbn13
from catalog_app.importing.nonbooks import why_no_book
from catalog_app.importing.records import Record
from catalog_app.importing.synonyms import CURRENCY, currency_of, plain
from catalog_app.spreadsheets import COVERED, LOST, cell_text, is_encoded_twice, is_no_value, without_references

SHOWN_OF_CELL = 80
"""Characters of a cell that stand beside the reason why it is refused."""
_UNDECODABLE = re.compile("[\udc80-\udcff]+")
_OTHER_ENCODINGS = {"Windows-1252": "cp1252", "Mac Roman": "mac_roman", "Shift-JIS": "cp932"}
_JAPANESE = re.compile("[\u3041-\u30ff\u4e00-\u9fff]{2}")
_NUMERIC = re.compile(rf"[0-9.,'’\s€$£{DASHES}]+")
HAVE_DEFAULTS = frozenset(("topic", "price", "quantity"))
"""The fields that a new book gets where the file doesn't say."""
_PARTS_OF_AUTHORS = frozenset({"authors", "more_authors", "author_first", "author_last"})


@dataclass(frozen=True)
class Defaults:
    """What books get where the file doesn't say; `wished` are the fields for which someone asked for it."""

    topic: str
    price: Decimal
    quantity: int
    wished: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Row:
    """A valid row. `said` are the fields that the file (or an option) states, rather than a default.

    `notes` are what was left out of it, `currency` is what stood beside its price, or in a column of its own.
    """

    line: int
    title: str
    authors: str
    isbn13: str | None
    topic: str
    price: Decimal
    quantity: int
    said: frozenset[str]
    found: Found
    notes: tuple[Reason, ...] = ()
    currency: str = ""
    number: str = ""
    """The id that an export of the store gives its book: another id, another book of that store."""

    @cached_property
    def identity(self) -> tuple[str, str]:
        """What makes it the same book as another, where ISBNs don't say."""
        return identity_of(self.title, self.authors)


def identity_of(title: str, authors: str) -> tuple[str, str]:
    """The same for two books that are one, however they are accented, capitalized or punctuated."""
    return search_key(title), search_key(authors)


@dataclass
class _Reading:
    """A record while it is read: the text of each field's cells, and what is wrong with them."""

    cells: Mapping[str, Sequence[tuple[str, str]]]
    """For each field the names of its columns, with what stands there."""
    reasons: list[Reason] = field(default_factory=list)

    def refuse(self, name: str, why: str) -> None:
        column, cell = next((each for each in self.cells.get(name, ()) if each[1]), ("", ""))
        self.reasons.append(Reason(why if column else f"{name}: {why}", column, shortened(cell)))

    def text(self, name: str) -> str:
        return next((cell for _, cell in self.cells.get(name, ())), "")

    def texts(self, name: str) -> list[str]:
        return [cell for _, cell in self.cells.get(name, ()) if cell]


class RowParser:
    """Makes rows of records, by the rules that the API has for a book."""

    def __init__(
        self, columns: Mapping[str, tuple[int, ...]], header: Sequence[str], defaults: Defaults, *, strict_isbn: bool
    ) -> None:
        self._columns = columns
        self._header = header
        self._named = max((place + 1 for place, name in enumerate(header) if name), default=0)
        """Up to the last column that has a name."""
        self._strict_isbn = strict_isbn
        self._wished = defaults.wished
        self._defaults = {
            "topic": defaults.topic,
            "price": str(defaults.price),
            "quantity": str(defaults.quantity),
        }
        self._of_books = {name: places for name, places in columns.items() if name != CURRENCY}
        """A row that has nothing but a currency is none."""
        self._places = sorted(place for places in self._of_books.values() for place in places)
        self._price_column = header[columns["price"][0]] if "price" in columns else ""
        self._currency = currency_of(self._price_column)
        self._rules = FieldRules()
        self._plain_header = [plain(name) for name in header]

    def parse(self, record: Record) -> Row | None:
        """None if none of the columns that count has anything in it. Raises RowRejected with every reason."""
        if record.problem:
            raise RowRejected([Reason(record.problem)])
        cells = self._fitted(record)
        if not any(cells[place].strip() for place in self._places):
            return None
        self._refuse_what_is_no_book(cells)
        reading = self._read(cells)
        self._refuse_shifted(record, reading)
        values = self._values(reading)
        try:
            found = find_isbn13(reading.text("isbn13"), reading.text("isbn"), reading.text("sku"))
        except Unreadable as error:
            reading.refuse("isbn13" if reading.text("isbn13") else "isbn", str(error))
            found = Found(None)
        notes, currency = self._notes(reading, found), self._currency_in(reading)
        try:
            valid = self._rules.valid({**values, "isbn13": found.isbn13})
        except serializers.ValidationError as error:
            self._refuse_invalid(reading, flatten(error.detail))
        if reading.reasons:
            raise RowRejected(reading.reasons)
        said = self._wished | {_field_of(name) for name in self._columns if reading.texts(name)}
        return Row(
            line=record.line,
            said=frozenset(said),
            found=found,
            notes=notes,
            currency=currency,
            **valid,
        )

    def isbn13_of(self, record: Record) -> str | None:
        """What is known of the book of a record that is no row: its ISBN-13, if it can be read."""
        first = {name: places[0] for name, places in self._columns.items()}
        texts = [
            cell_text(record.cells[first[name]]) if first.get(name, len(record.cells)) < len(record.cells) else ""
            for name in ("isbn13", "isbn", "sku")
        ]
        with suppress(Unreadable):
            return find_isbn13(*texts).isbn13
        return None

    def _fitted(self, record: Record) -> list[str]:
        """The cells, as many as the header has names: a program may leave blank ones out at the end, or add one.

        What stands beyond the last column that has a name may be a decimal comma's second half.
        """
        width, cells = len(self._header), list(record.cells)
        if any(cell.strip() for cell in cells[self._named :]):
            count = f"{len(cells)} cells, the header has {self._named}"
            raise RowRejected([Reason(f"{count}: is one that should be in quotes taken apart?")])
        return [*cells[:width], *[""] * (width - len(cells))]

    def _refuse_what_is_no_book(self, cells: Sequence[str]) -> None:
        if all(plain(cells[place]) == self._plain_header[place] for place in self._places):
            raise RowRejected([Reason("the header once more")])
        if why := why_no_book(cells, self._of_books):
            place = self._columns["title"][0]
            raise RowRejected([Reason(why, self._header[place], shortened(cells[place].strip()))])

    def _read(self, cells: Sequence[str]) -> _Reading:
        reading = _Reading({})
        reading.cells = {
            name: [(self._header[place], self._text(cells[place], place, reading)) for place in places]
            for name, places in self._columns.items()
        }
        return reading

    def _text(self, cell: str, place: int, reading: _Reading) -> str:
        """What a cell says, in the canonical form of a text; what can't be one is refused, and blank then."""
        text = cell_text(cell)
        why = ""
        if bad := _UNDECODABLE.search(text):
            why = _explain_bytes(text, bad[0])
        elif LOST in text:
            why = f"a character was lost before ({LOST})"
        elif text == COVERED:
            why = "merged with another cell: is what stands there meant for this row, too?"
        elif is_no_value(text):
            why = "the cell has no value that can be taken; write it as text"
        elif is_encoded_twice(text):
            once = without_references(text)
            why = f"encoded twice: may be {shortened(once)} or {shortened(without_references(once))}"
        if not why:
            try:
                return canonical(without_references(text))
            except UnfitText as error:
                why = str(error).removesuffix(".")
        reading.reasons.append(Reason(why, self._header[place], shortened(readable(text))))
        return ""

    def _refuse_shifted(self, record: Record, reading: _Reading) -> None:
        """A row that is short may lack a cell in its middle: numbers stand where words belong then."""
        if len(record.cells) < len(self._header):
            for name in ("authors", "topic"):
                if (text := reading.text(name)) and _NUMERIC.fullmatch(text):
                    reading.refuse(
                        name, f"{len(record.cells)} cells, the header has {len(self._header)}: which is missing?"
                    )

    def _values(self, reading: _Reading) -> dict[str, Any]:
        values: dict[str, Any] = {
            "title": reading.text("title"),
            "authors": _joined_authors(reading),
            **self._defaults,
        }
        if topic := reading.text("topic"):
            values["topic"] = topic
        for name, read in (("price", lambda text: read_price(text).amount), ("quantity", read_count)):
            if text := reading.text(name).removeprefix("'"):
                try:
                    values[name] = read(text)
                except Unreadable as error:
                    reading.refuse(name, str(error))
        return values

    def _currency_in(self, reading: _Reading) -> str:
        """What the price is in, if that is told; one that is told to be in two is refused."""
        text = reading.text("price").removeprefix("'")
        try:
            currency = read_price(text).currency if text else ""
        except Unreadable:
            return ""  # Refused for that already.
        beside = [(column, currency_named(cell)) for column, cell in reading.cells.get(CURRENCY, ())]
        for column, told in [(self._price_column, self._currency), *beside] if text else []:
            try:
                currency = common([currency, told])
            except Unreadable:
                where = "the column's name" if column == self._price_column else f'column "{column}"'
                reading.refuse("price", f"{where} says {told}, and the cell {currency}")
        return currency

    def _notes(self, reading: _Reading, found: Found) -> tuple[Reason, ...]:
        given = [each for name in ("isbn13", "isbn") for each in reading.cells.get(name, ()) if each[1]]
        if not found.is_unsound:
            return ()
        column, cell = given[0]
        if self._strict_isbn:
            reading.reasons.append(Reason("no sound ISBN", column, shortened(cell)))
        return (Reason("no sound ISBN: left out", column, shortened(cell)),)

    def _refuse_invalid(self, reading: _Reading, errors: Mapping[str, Sequence[str]]) -> None:
        blamed = {reason.column for reason in reading.reasons}
        for name, texts in errors.items():
            columns = {column for column, _ in reading.cells.get(name, ())}
            if not columns & blamed:
                reading.refuse(name, " ".join(texts).removesuffix("."))


def make_defaults(topic: str | None, price: str | None, quantity: str | None) -> Defaults:
    """The defaults by option, checked by the same rules as a row; raises ImportRefused."""
    given = {"topic": topic, "price": price, "quantity": quantity}
    wished = {name: text for name, text in given.items() if text is not None}
    values = {"title": "any", "topic": "general", "price": "10.00", "quantity": "20", **wished}
    try:
        values["topic"] = canonical(values["topic"])
        for name, read in (("price", lambda text: read_price(text).amount), ("quantity", read_count)):
            try:
                values[name] = read(values[name])
            except Unreadable as error:
                raise ImportRefused(f"The default for {name}: {values[name]!r}: {error}.") from error
        valid = BookFields().run_validation(values)
    except UnfitText as error:
        raise ImportRefused(f"The default for topic: {error}") from error
    except serializers.ValidationError as error:
        problems = [f"{name}: {' '.join(texts)}" for name, texts in flatten(error.detail).items()]
        raise ImportRefused("The default for " + " ".join(problems)) from error
    return Defaults(valid["topic"], valid["price"], valid["quantity"], frozenset(wished))


def readable(text: str) -> str:
    """Undecodable bytes as `\\xe9`, so that the text can be stored and shown."""
    if not _UNDECODABLE.search(text):
        return text
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")


def shortened(text: str) -> str:
    """A cell as one line of bounded length, in which nothing is obeyed by a terminal or turns the text around it."""
    line = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in " ".join(readable(text).split()))
    return line if len(line) <= SHOWN_OF_CELL else f"{line[: SHOWN_OF_CELL - 1]}…"


def _field_of(name: str) -> str:
    return "authors" if name in _PARTS_OF_AUTHORS else name


def _joined_authors(reading: _Reading) -> str:
    """All authors of a row. `Austen, Jane` is one of them, so that something else has to stand between two."""
    first = reading.text("authors") or " ".join([*reading.texts("author_first"), *reading.texts("author_last")])
    more = [part.strip() for cell in reading.texts("more_authors") for part in cell.split("|") if part.strip()]
    between = "; " if "," in first or ";" in first else ", "
    return between.join(filter(None, [first, *more]))


def _explain_bytes(text: str, bad: str) -> str:
    """What the bytes would be in the encodings that are usual; which one it is, bytes don't say."""
    read = {}
    for name, codec in _OTHER_ENCODINGS.items():
        with suppress(UnicodeError):
            read[name] = " ".join(text.encode(errors="surrogateescape").decode(codec).split())
    if not _JAPANESE.search(read.get("Shift-JIS", "")):
        read.pop("Shift-JIS", None)
    told = ", ".join(f"{shortened(likely)} in {name}" for name, likely in read.items() if likely.isprintable())
    return f"bytes that aren't of the file's encoding: {readable(bad)}{f'; it would be {told}' if told else ''}"
