"""For data migrations: values of many rows worked out anew from other columns of theirs, in batches."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from bookstore_project.text.search_keys import search_key

BATCH = 1000

Change = Callable[[Sequence[Any]], Mapping[str, Any]]
"""From the values read of a row to those to be written, by column; the same columns for each row, or none."""


def fill_keys(editor: BaseDatabaseSchemaEditor, model: type[models.Model], texts: Mapping[str, str]) -> None:
    """Fills columns of search keys; `texts` names the column of each one's text."""
    rewrite(editor, model, list(texts.values()), lambda row: dict(zip(texts, map(search_key, row), strict=True)))


def rewrite(
    editor: BaseDatabaseSchemaEditor, model: type[models.Model], columns: Sequence[str], change: Change
) -> None:
    """Gives `change` the values of each row, and writes what it gives back, if anything.

    With plain SQL: the ORM would take minutes for the ledger of a large shop.
    """
    quote = editor.quote_name
    table, key = quote(model._meta.db_table), quote(str(model._meta.pk.column))
    read = f"SELECT {key}, {', '.join(map(quote, columns))} FROM {table}"
    with editor.connection.cursor() as cursor:
        cursor.execute(f"{read} ORDER BY {key} LIMIT {BATCH}")
        while rows := cursor.fetchall():
            for row in rows:
                if values := change(row[1:]):
                    assignments = ", ".join(f"{quote(column)} = %s" for column in values)
                    cursor.execute(f"UPDATE {table} SET {assignments} WHERE {key} = %s", [*values.values(), row[0]])
            cursor.execute(f"{read} WHERE {key} > %s ORDER BY {key} LIMIT {BATCH}", [rows[-1][0]])
