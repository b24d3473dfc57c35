"""Objects of row images, and of rows that the log vouches for."""

import sqlite3
from collections.abc import Iterable
from functools import cache
from typing import Any, TypeVar

from django.db import connections, models

from bookstore_project.replication.log import entries
from bookstore_project.replication.log.images import Image, to_sqlite
from bookstore_project.replication.service import get_service, service_of_app

M = TypeVar("M", bound=models.Model)


def get_verified(model: type[M], key: object, alias: str) -> M | None:
    """Inside of a read: see `reads.get_verified`."""
    table = get_service(str(service_of_app(model._meta.app_label))).tables[model._meta.db_table]
    connection: sqlite3.Connection = connections[alias].connection
    value = model._meta.pk.get_db_prep_value(key, connections[alias])
    image = entries.read_verified(connection, table, value)
    return None if image is None else from_image(model, image, alias)


def rows(alias: str, statement: str) -> Iterable[tuple[Any, ...]]:
    """Inside of a read: see `reads.rows`."""
    connection: sqlite3.Connection = connections[alias].connection
    return connection.execute(statement)


def from_image(model: type[M], image: Image, alias: str) -> M:
    """The object that a row image shows, with each value converted as in a query on this alias."""
    names, columns, converted = _columns_of(model, alias)
    values = [value if type(value := image[column]) is not dict else to_sqlite(value) for column in columns]
    if converted:
        connection = connections[alias]
        for at, expression, converters in converted:
            for converter in converters:
                values[at] = converter(values[at], expression, connection)
    return model.from_db(alias, names, values)


@cache
def _columns_of(
    model: type[models.Model], alias: str
) -> tuple[list[str], list[str], list[tuple[int, Any, list[Any]]]]:
    """An object's attributes, their columns, and at which places values are converted, and how."""
    fields, converted = model._meta.concrete_fields, []
    for at, field in enumerate(fields):
        expression = field.get_col(model._meta.db_table)
        of_backend = connections[alias].ops.get_db_converters(expression)
        if converters := of_backend + field.get_db_converters(connections[alias]):
            converted.append((at, expression, converters))
    return [field.attname for field in fields], [str(field.column) for field in fields], converted
