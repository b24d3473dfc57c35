"""Objects of row images, and of rows that the log vouches for."""

import sqlite3
from collections.abc import Iterable
from functools import cache
from typing import Any, TypeVar

from django.db import connections, models

from bookstore_project.replication.log import entries, images
from bookstore_project.replication.log.images import Image, to_sqlite
from bookstore_project.replication.service import get_service, service_of_app

M = TypeVar("M", bound=models.Model)


def get_verified(model: type[M], key: object, alias: str) -> M | None:
    """Inside of a read: see `reads.get_verified`."""
    table = get_service(str(service_of_app(model._meta.app_label))).tables[model._meta.db_table]
    connection: sqlite3.Connection = connections[alias].connection
    value = model._meta.pk.get_db_prep_value(key, connections[alias])
    image = images.read_image(connection, table, value)
    entries.assert_digest(connection, table.name, value, image)
    return None if image is None else from_image(model, image, alias)


def rows(alias: str, statement: str) -> Iterable[tuple[Any, ...]]:
    """Inside of a read: see `reads.rows`."""
    connection: sqlite3.Connection = connections[alias].connection
    return connection.execute(statement)


def from_image(model: type[M], image: Image, alias: str) -> M:
    """The object that a row image shows, with each value converted as in a query on this alias."""
    connection = connections[alias]
    values = []
    for column, expression, converters in _converters(model, alias):
        value = to_sqlite(image[column])
        for converter in converters:
            value = converter(value, expression, connection)
        values.append(value)
    return model.from_db(alias, [field.attname for field in model._meta.concrete_fields], values)


@cache
def _converters(model: type[models.Model], alias: str) -> list[tuple[str, Any, list[Any]]]:
    found = []
    for field in model._meta.concrete_fields:
        expression = field.get_col(model._meta.db_table)
        converters = connections[alias].ops.get_db_converters(expression) + field.get_db_converters(
            connections[alias]
        )
        found.append((str(field.column), expression, converters))
    return found
