"""Numbers of rows, declared by apps and kept by the engine: REPLICATION["ROW_COUNTS"] names them.

They are derived from rows, as text indexes are: beside them, in the same transaction, and no part of what is
replicated. So a list can say how long it is without reading what it doesn't show.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bookstore_project.replication.conf import replication_settings

if TYPE_CHECKING:
    from bookstore_project.replication.service import Table


@dataclass(frozen=True)
class RowCount:
    """Of a model's rows, by the values of some columns, which are never NULL."""

    name: str
    """Its own among all; letters and underscores."""
    model: str
    """`app_label.Model`."""
    by: tuple[str, ...]
    """Columns that change seldom: each change of one costs as much as two more rows."""


@dataclass(frozen=True)
class Counted:
    """How many rows have these values in the columns of `by`; at least one has."""

    values: tuple[Any, ...]
    rows: int


def counts_of(tables: "Mapping[str, Table]") -> "list[tuple[RowCount, Table]]":
    """Those declared for these tables; of tables as they once were, those whose columns they had."""
    by_model = {table.model._meta.label: table for table in tables.values()}
    return [
        (count, by_model[count.model])
        for count in replication_settings.row_counts
        if count.model in by_model and set(count.by) <= set(by_model[count.model].columns)
    ]
