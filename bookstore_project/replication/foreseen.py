"""What a change says beforehand of the rows that it will look at and make.

An engine whose rows are in another process fetches that for all members of a group at once, and sends what they write
together: each answer that is waited for costs more than what is asked. To two files it makes no difference.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from django.db import models

T = TypeVar("T")
Model = type[models.Model]
Row = tuple[Model, object]
"""By its primary key."""
Value = tuple[Model, str, object]
"""Of a field, by its name."""


@dataclass(frozen=True)
class Foreseen(Generic[T]):
    """A change that `transaction.run` takes. What it says may be wrong; then it is only slower.

    What it writes by `rows.insert` and `rows.update` may be carried out later, though before anything that it asks:
    so it doesn't count on an error that one of them raises.
    """

    change: Callable[[], T]
    rows: Sequence[Row] = ()
    """Those of `get_verified`."""
    values: Sequence[Value] = ()
    """Those of `rows.exists`."""
    new: Mapping[Model, int] = field(default_factory=dict)
    """How many rows it inserts by `rows.insert` whose numbers the database chooses."""

    def __call__(self) -> T:
        return self.change()


def field_of(model: Model, name: str) -> "models.Field[Any, Any]":
    """One that is a column."""
    found = model._meta.get_field(name)
    assert isinstance(found, models.Field)
    return found


class Foresight(Protocol):
    """What was fetched beforehand for the change that runs, and where its writes wait for those of others."""

    def exists(self, asked: Sequence[Value]) -> bool | None:
        """Whether there is a row with one of these values; None if that has to be asked."""

    def number(self, model: Model) -> int | None:
        """The primary key of the next new row; None if the database has to be asked."""

    def insert(self, instance: models.Model, statement: str, values: Sequence[Any]) -> None:
        """Has the statement carried out, which inserts it."""

    def update(self, instance: models.Model, names: Sequence[str], statement: str, values: Sequence[Any]) -> None:
        """Has the statement carried out, which writes these fields; WriteRefused comes later if there is no row."""
