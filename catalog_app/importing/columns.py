"""Which column of a file holds which field of a book."""

from collections.abc import Mapping, Sequence
from itertools import combinations

from catalog_app.importing.errors import ImportRefused, Remedy
from catalog_app.importing.records import Source
from catalog_app.importing.rows import Defaults
from catalog_app.importing.synonyms import (
    CURRENCY,
    SEVERAL,
    SYNONYMS,
    UNCLEAR,
    folded,
    is_numbered_author,
    plain,
    without_remark,
)

Columns = Mapping[str, tuple[int, ...]]
"""For each field that the file fills the places of its columns, of which only `more_authors` can have several."""


def choose_columns(
    header: Sequence[str], wishes: Mapping[str, str], given: frozenset[str] = frozenset()
) -> dict[str, tuple[int, ...]]:
    """The place of each field's column: as wished for, else guessed from its name.

    `wishes` maps fields to column names, or to `#3` for the third column; an empty one leaves the field out. For the
    fields in `given` there is a value that was asked for. Raises ImportRefused if a wish names no field or no column,
    if a column that is needed stands there twice, if a column may be meant for an ISBN that would be left out, or for
    a price or a stock that would be made up, if one column is wished for two fields, or would be both price and
    stock, or if nothing can be the title.
    """
    for field in wishes:
        if field not in SYNONYMS:
            raise ImportRefused(f"There is no field {field!r} to fill; there are {', '.join(SYNONYMS)}.")
    chosen: dict[str, tuple[int, ...]] = {}
    for field, synonyms in SYNONYMS.items():
        places = _wished(header, field, wishes[field]) if field in wishes else _guessed(header, field, synonyms)
        if places:
            chosen[field] = places
    if "price" not in chosen:
        chosen.pop(CURRENCY, None)
    _refuse_shared(header, chosen, wishes)
    if "title" not in chosen:
        raise ImportRefused(f"No column looks like the title. {_columns_of(header)}", Remedy.COLUMNS)
    known = {*chosen, *wishes, *given} | ({"isbn"} if "isbn13" in {*chosen, *wishes} else set())
    for field in sorted(UNCLEAR.keys() - known):
        _refuse_unclear(header, field, chosen)
    return _without_idle_names(chosen, wishes)


def read_wishes(pairs: Sequence[str], topic_column: str | None = None) -> dict[str, str]:
    """`["title=name"]` → `{"title": "name"}`; raises ImportRefused for what isn't FIELD=COLUMN."""
    wishes: dict[str, str] = {}
    for pair in pairs:
        field, equals, column = pair.partition("=")
        if not equals:
            raise ImportRefused(f"--map {pair}: expected FIELD=COLUMN, such as title=original_title.")
        wishes[field.strip()] = column.strip()
    return wishes if topic_column is None else {**wishes, "topic": topic_column.strip()}


def named_in(wishes: Mapping[str, str]) -> list[str]:
    """The columns that the header has to have for these wishes."""
    return [name for name in wishes.values() if name and not name.startswith("#")]


def describe_columns(source: Source, columns: Columns, defaults: Defaults) -> str:
    """One line on what will be read from where, so that a wrong guess is seen at once."""
    told = [
        f"{field} from {' and '.join(repr(source.header[place]) for place in places)}"
        f"{_passed_over(source.header, field, columns)}"
        for field, places in columns.items()
    ]
    told += [
        f"{field} {getattr(defaults, field)}" for field in ("topic", "price", "quantity") if field not in columns
    ]
    return f"Importing {', '.join(told)}."


def _passed_over(header: Sequence[str], field: str, columns: Columns) -> str:
    """The columns that might have been meant as well, of those that nothing is read from."""
    taken = {place for places in columns.values() for place in places}
    others = [
        repr(name)
        for place, name in enumerate(header)
        if place not in taken and {plain(name), plain(without_remark(name))} & set(SYNONYMS[field])
    ]
    return f" (not from {', '.join(others)})" if others else ""


def _wished(header: Sequence[str], field: str, name: str) -> tuple[int, ...]:
    if not name:
        return ()
    places = [place for place, column in enumerate(header) if column == name]
    places = places or [place for place, column in enumerate(header) if column.casefold() == name.casefold()]
    number = name.removeprefix("#")
    if not places and number != name and number.isascii() and number.isdecimal() and 0 < int(number) <= len(header):
        return (int(number) - 1,)
    if not places:
        raise ImportRefused(f"There is no column {name!r} for {field}. {_columns_of(header)}", Remedy.COLUMNS)
    return _only(header, places)


def _guessed(header: Sequence[str], field: str, synonyms: Sequence[str]) -> tuple[int, ...]:
    """By the whole name, else without what stands behind it: rather `price` than `price (EUR)`."""
    for names in ([plain(column) for column in header], [plain(without_remark(column)) for column in header]):
        if field == SEVERAL:
            return tuple(
                place for place, name in enumerate(names) if name in synonyms or is_numbered_author(header[place])
            )
        for synonym in synonyms:
            if places := [place for place, name in enumerate(names) if name == synonym]:
                # What isn't kept is no reason to ask.
                return (places[0],) if field == CURRENCY else _only(header, places)
    return ()


def _only(header: Sequence[str], places: Sequence[int]) -> tuple[int, ...]:
    if len(places) > 1:
        names = ", ".join(f"{header[place]!r} (column {place + 1})" for place in places)
        raise ImportRefused(f"Several columns might be meant: {names}.", Remedy.COLUMNS)
    return (places[0],)


def _refuse_shared(header: Sequence[str], chosen: Columns, wishes: Mapping[str, str]) -> None:
    """A guess may share a column with a wish (a topic with the authors), but no cell is both a price and a stock."""
    for field, other in combinations(chosen, 2):
        shared = set(chosen[field]) & set(chosen[other])
        if shared and ({field, other} <= wishes.keys() or {field, other} == {"price", "quantity"}):
            raise ImportRefused(f"Column {header[min(shared)]!r} can't be both {field} and {other}.", Remedy.COLUMNS)


def _refuse_unclear(header: Sequence[str], field: str, chosen: Columns) -> None:
    meant, other = UNCLEAR[field]
    taken = {place for places in chosen.values() for place in places}
    unclear = [
        repr(column)
        for place, column in enumerate(header)
        if place not in taken
        and meant.search(folded(column).replace("_", " "))
        and not other.search(folded(column).replace("_", " "))
    ]
    if unclear:
        raise ImportRefused(f"Is one of these columns the {field}: {', '.join(unclear)}?", Remedy.COLUMNS)


def _without_idle_names(chosen: dict[str, tuple[int, ...]], wishes: Mapping[str, str]) -> dict[str, tuple[int, ...]]:
    """First and last names are authors only if no column has whole ones, and never what is the title already."""
    if "author_last" not in chosen or ("authors" in chosen and "author_last" not in wishes):
        return {field: places for field, places in chosen.items() if not field.startswith("author_")}
    return chosen


def _columns_of(header: Sequence[str]) -> str:
    return f"The columns are: {', '.join(header)}."
