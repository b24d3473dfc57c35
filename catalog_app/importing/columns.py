"""Which column of a file holds which field of a book."""

import re
from collections.abc import Mapping, Sequence

from catalog_app.importing.errors import ImportRefused
from catalog_app.importing.rows import Defaults
from catalog_app.importing.source import Source

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "title": ("title", "booktitle", "name", "originaltitle"),
    "authors": ("authors", "author", "authornames", "authorname", "bookauthor", "writer"),
    "isbn13": ("isbn13", "ean", "ean13"),
    "isbn": ("isbn", "isbn10"),
    "topic": ("topic", "genre", "category", "subject"),
    "price": ("price", "unitprice", "listprice", "retailprice"),
    "quantity": ("quantity", "stock", "qty", "copies"),
}
"""The fields that a file can fill, each with the column names that mean it, the likeliest first."""


def choose_columns(header: Sequence[str], wishes: Mapping[str, str]) -> dict[str, int]:
    """The place of each field's column: as wished for, else guessed from its name.

    `wishes` maps fields to column names; an empty name leaves the field out. Raises ImportRefused if a wish names no
    field or no column, if a column that is needed stands there twice, or if nothing can be the title.
    """
    for field in wishes:
        if field not in SYNONYMS:
            raise ImportRefused(f"There is no field {field!r} to fill; there are {', '.join(SYNONYMS)}.")
    chosen: dict[str, int] = {}
    for field, synonyms in SYNONYMS.items():
        place = _wished(header, field, wishes[field]) if field in wishes else _guessed(header, synonyms)
        if place is not None:
            chosen[field] = place
    if "title" not in chosen:
        raise ImportRefused(
            f"No column looks like the title: say which one is, with --map title=COLUMN. {_columns_of(header)}"
        )
    return chosen


def read_wishes(pairs: Sequence[str], topic_column: str | None = None) -> dict[str, str]:
    """`["title=name"]` → `{"title": "name"}`; raises ImportRefused for what isn't FIELD=COLUMN."""
    wishes: dict[str, str] = {}
    for pair in pairs:
        field, equals, column = pair.partition("=")
        if not equals:
            raise ImportRefused(f"--map {pair}: expected FIELD=COLUMN, such as title=original_title.")
        wishes[field.strip()] = column.strip()
    return wishes if topic_column is None else {**wishes, "topic": topic_column.strip()}


def describe_columns(source: Source, columns: Mapping[str, int], defaults: Defaults) -> str:
    """One line on what will be read from where, so that a wrong guess is seen at once."""
    told = [f"{field} from {source.header[place]!r}" for field, place in columns.items()]
    told += [
        f"{field} {getattr(defaults, field)}" for field in ("topic", "price", "quantity") if field not in columns
    ]
    return f"Importing {', '.join(told)}."


def _wished(header: Sequence[str], field: str, name: str) -> int | None:
    if not name:
        return None
    places = [place for place, column in enumerate(header) if column == name]
    places = places or [place for place, column in enumerate(header) if column.casefold() == name.casefold()]
    if not places:
        raise ImportRefused(f"There is no column {name!r} for {field}. {_columns_of(header)}")
    return _only(header, places)


def _guessed(header: Sequence[str], synonyms: Sequence[str]) -> int | None:
    plain = [_plain(column) for column in header]
    for synonym in synonyms:
        if places := [place for place, column in enumerate(plain) if column == synonym]:
            return _only(header, places)
    return None


def _only(header: Sequence[str], places: Sequence[int]) -> int:
    if len(places) > 1:
        names = ", ".join(repr(header[place]) for place in places)
        raise ImportRefused(f"Several columns might be meant: {names}. Rename one of them, or use --map.")
    return places[0]


def _plain(column: str) -> str:
    """`ISBN-13`, `isbn_13` and `Isbn13` are one."""
    return re.sub(r"[\W_]", "", column.casefold())


def _columns_of(header: Sequence[str]) -> str:
    return f"The columns are: {', '.join(header)}."
