"""Rows as queries give them, and objects of row images, which PostgreSQL makes with `to_jsonb`."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from itertools import count
from typing import Any, TypeVar
from uuid import UUID

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from bookstore_project.replication.log.images import Image
from bookstore_project.replication.postgresql.backend.base import wrapper

M = TypeVar("M", bound=models.Model)
_cursors = count()


def rows(alias: str, statement: str) -> Iterator[tuple[Any, ...]]:
    """Inside of a read: see `reads.rows`. The server keeps what isn't fetched yet."""
    database = wrapper(alias)
    with database.wrap_database_errors, database.raw.cursor(f"rows_{next(_cursors)}") as cursor:
        for row in cursor.execute(statement.encode()):
            yield tuple(map(_as_in_a_file, row))


def run(connection: BaseDatabaseWrapper, statement: str, values: Sequence[Any]) -> Any:
    """See `interface.Engine.run`."""
    cursor = connection.cursor()
    cursor.execute(statement, values)
    return cursor


def _as_in_a_file(value: Any) -> Any:
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, datetime):
        return str(value.astimezone(UTC).replace(tzinfo=None))
    return value


def get_row(model: type[M], key: object, alias: str) -> M | None:
    """As `filter(pk=key).first()`, without compiling SQL each time: others wait for the writer lock."""
    database = wrapper(alias)
    value = model._meta.pk.get_db_prep_value(key, database)
    with database.wrap_database_errors:
        row = database.raw.execute(_select_statement(model).encode(), (value,)).fetchone()
    return None if row is None else object_of(model, row, alias)


def object_of(model: type[M], row: Sequence[Any], alias: str) -> M:
    """Of the values of `columns_of`, as the database gives them."""
    database, values = wrapper(alias), list(row)
    for at, expression, converters in _converters(model, alias):
        for converter in converters:
            values[at] = converter(values[at], expression, database)
    return model.from_db(alias, [field.attname for field in model._meta.concrete_fields], values)


@cache
def _select_statement(model: type[models.Model]) -> str:
    key = quoted(model._meta.pk.column)
    return f"SELECT {columns_of(model)} FROM {quoted(model._meta.db_table)} WHERE {key} = %s"


@cache
def columns_of(model: type[models.Model]) -> str:
    return ", ".join(quoted(field.column) for field in model._meta.concrete_fields)


def quoted(name: object) -> str:
    return sql.Identifier(str(name)).as_string()


@cache
def _converters(model: type[models.Model], alias: str) -> list[tuple[int, Any, list[Any]]]:
    """Of those fields whose values Django converts."""
    database, found = wrapper(alias), []
    for at, field in enumerate(model._meta.concrete_fields):
        expression = field.get_col(model._meta.db_table)
        converters = database.ops.get_db_converters(expression) + field.get_db_converters(database)
        if converters:
            found.append((at, expression, converters))
    return found


def from_image(model: type[M], image: Image, alias: str) -> M:
    """The object that a row image shows, with each value as in a query on this alias."""
    fields = model._meta.concrete_fields
    known = [field for field in fields if field.column in image]
    values = [_value(field, image[str(field.column)]) for field in known]
    return model.from_db(alias, [field.attname for field in known], values)


def _value(field: "models.Field[Any, Any]", shown: Any) -> Any:
    if shown is None or isinstance(field, models.JSONField):
        return shown
    if isinstance(field, models.BinaryField):
        return bytes.fromhex(shown.removeprefix("\\x"))
    if isinstance(field, models.DecimalField):
        return Decimal(str(shown)).quantize(Decimal(1).scaleb(-field.decimal_places))
    return field.to_python(shown)
