"""Indexes of words, declared by apps and kept by the engine: REPLICATION["TEXT_INDEXES"] names them.

They are derived from rows, beside them and in the same transaction, and are no part of what is replicated: each copy
keeps its own. What an engine makes of a declaration is its own affair.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bookstore_project.replication.conf import replication_settings

if TYPE_CHECKING:
    from bookstore_project.replication.service import Table


@dataclass(frozen=True)
class TextIndex:
    """Of some columns of a model, which hold search keys: words in one spelling, with spaces between them."""

    name: str
    """Its own among all; letters and underscores."""
    model: str
    """`app_label.Model`, whose primary key is a number."""
    columns: tuple[str, ...]
    finds: Literal["words", "parts"]
    """Whole words and what they begin with, by column; or any three characters or more, wherever they stand."""


@dataclass(frozen=True)
class Term:
    """A word to be looked for; or, in its place, all of the words of `apart`, or one of `others`."""

    text: str
    is_prefix: bool = False
    apart: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


Part = tuple[str, ...]
"""The ways in which a part of a text may be written: a text that holds one of them holds it."""


@dataclass(frozen=True)
class Similar:
    """A word that rows have, in how many, and how far it is from one that none has."""

    text: str
    rows: int
    distance: float


def indexes_of(tables: "Mapping[str, Table]") -> "list[tuple[TextIndex, Table]]":
    """Those declared for these tables; of tables as they once were, those whose columns they had."""
    by_model = {table.model._meta.label: table for table in tables.values()}
    return [
        (index, by_model[index.model])
        for index in replication_settings.text_indexes
        if index.model in by_model and set(index.columns) <= set(by_model[index.model].columns)
    ]
