"""Whether two places have the same rows."""

from collections.abc import Callable, Iterable
from itertools import zip_longest

from bookstore_project.replication.transfer.places import Model, Place, Row, fields_of, key_of

Tell = Callable[[], None]
STRIDE = 500
"""Rows between two reports."""


def difference(ours: Place, theirs: Place, model: Model, tell: Tell) -> str:
    """The first row, by its key, that isn't the same in both, in words; empty if there is none."""
    return _difference(model, ours.rows(model), theirs.rows(model), tell)


def difference_of(ours: Place, theirs: Place, model: Model, keys: list[object], tell: Tell) -> str:
    """The same of those that have these keys, and of how many rows there are at all."""
    if found := _difference(model, ours.rows_of(model, keys), theirs.rows_of(model, keys), tell):
        return found
    numbers = ours.count(model), theirs.count(model)
    return f"{model._meta.db_table} has {numbers[0]} rows, and {numbers[1]}" if numbers[0] != numbers[1] else ""


def _difference(model: Model, ours: Iterable[Row], theirs: Iterable[Row], tell: Tell) -> str:
    for number, (our, their) in enumerate(zip_longest(ours, theirs), start=1):
        if our != their:
            return _told(model, our, their)
        if number % STRIDE == 0:
            tell()
    return ""


def _told(model: Model, our: Row | None, their: Row | None) -> str:
    name = model._meta.db_table
    if our is None or their is None:
        row = our or their
        assert row is not None
        return f"row {key_of(model, row)} of {name} is in one place only"
    names = [field.name for field in fields_of(model)]
    differing = [each for each, one, other in zip(names, our, their, strict=True) if one != other]
    return f"row {key_of(model, our)} of {name} differs in {', '.join(differing)}"
