"""A place that has rows of models: a SQLite file, or a database of a PostgreSQL server.

Rows are tuples of Python values, of the fields that are stored, in their order: the same from either place.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from bookstore_project.replication.log import images
from bookstore_project.replication.service import stored_fields

if TYPE_CHECKING:  # Whoever keeps rows in files alone has no psycopg.
    import psycopg

Row = tuple[Any, ...]
Model = type[models.Model]
BATCH = 1_000
"""Rows that are written, or fetched, at once."""
_cursors = count()


class Place(Protocol):
    """What both kinds can do. Who changes something commits it."""

    def rows(self, model: Model) -> Iterator[Row]:
        """All of them, in the order of their primary keys."""

    def rows_of(self, model: Model, keys: Sequence[Any]) -> Iterator[Row]:
        """Those that have these primary keys, in order."""

    def count(self, model: Model) -> int:
        """How many there are."""

    def write(self, model: Model, rows: Iterable[Row]) -> None:
        """Adds them."""

    def last_number(self, model: Model) -> int:
        """The last one that was given to a row of this model; 0 if none was, or its keys are no such numbers."""

    def set_last_number(self, model: Model, number: int) -> None:
        """The next row gets the one after it."""


def fields_of(model: Model) -> "list[models.Field[Any, Any]]":
    """Whose values a row has."""
    return stored_fields(model)


def key_of(model: Model, row: Row) -> Any:
    return row[fields_of(model).index(model._meta.pk)]


def is_numbered(model: Model) -> bool:
    """Whether the database numbers new rows."""
    return isinstance(model._meta.pk, models.AutoField | models.BigAutoField | models.SmallAutoField)


class FilePlace:
    """A connection to a SQLite file, whoever has opened it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, model: Model) -> Iterator[Row]:
        return self._found(model, "", ())

    def rows_of(self, model: Model, keys: Sequence[Any]) -> Iterator[Row]:
        wanted = [model._meta.pk.get_db_prep_value(key, _dialect("sqlite3")) for key in keys]
        return self._found(model, f'WHERE "{model._meta.pk.column}" IN (SELECT value FROM json_each(?))', wanted)

    def _found(self, model: Model, where: str, keys: Sequence[Any]) -> Iterator[Row]:
        found = self._connection.execute(
            f'SELECT {_columns(model)} FROM "{model._meta.db_table}" {where} ORDER BY "{model._meta.pk.column}"',
            (json.dumps(keys),) if where else (),
        )
        return map(partial(_as_python, _converters(model, "sqlite3")), found)

    def count(self, model: Model) -> int:
        found: int = self._connection.execute(f'SELECT count(*) FROM "{model._meta.db_table}"').fetchone()[0]
        return found

    def row_of_image(self, model: Model, image: images.Image) -> Row:
        """The row that an image of a log entry shows."""
        values = [images.to_sqlite(image[str(field.column)]) for field in fields_of(model)]
        return _as_python(_converters(model, "sqlite3"), values)

    def key_of_entry(self, model: Model, key: Any) -> Any:
        """A primary key as a log entry has it."""
        at = fields_of(model).index(model._meta.pk)
        return _converted(_converters(model, "sqlite3")[at], key)

    def write(self, model: Model, rows: Iterable[Row]) -> None:
        prepared = [partial(field.get_db_prep_save, connection=_dialect("sqlite3")) for field in fields_of(model)]
        self._connection.executemany(
            f'INSERT INTO "{model._meta.db_table}" ({_columns(model)}) VALUES ({", ".join("?" * len(prepared))})',
            ([prepare(value) for prepare, value in zip(prepared, row, strict=True)] for row in rows),
        )

    def last_number(self, model: Model) -> int:
        if not is_numbered(model):
            return 0
        found = self._connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (model._meta.db_table,))
        return int((found.fetchone() or (0,))[0])

    def set_last_number(self, model: Model, number: int) -> None:
        if number:
            self._connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", (model._meta.db_table,))
            self._connection.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", (model._meta.db_table, number))


class ServerPlace:
    """A connection to a database of a server, in a transaction: the server keeps what isn't fetched yet."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection

    def rows(self, model: Model) -> Iterator[Row]:
        with self._connection.cursor(f"rows_{next(_cursors)}") as cursor:
            cursor.itersize = BATCH
            found = cursor.execute(f"{_select(model)} ORDER BY {_order(model)}".encode())
            yield from map(partial(_as_python, _converters(model, "postgresql")), found)

    def rows_of(self, model: Model, keys: Sequence[Any]) -> Iterator[Row]:
        found = self._connection.execute(
            f'{_select(model)} WHERE "{model._meta.pk.column}" = ANY(%s) ORDER BY {_order(model)}'.encode(),
            (list(keys),),
        )
        return map(partial(_as_python, _converters(model, "postgresql")), found)

    def count(self, model: Model) -> int:
        found = self._connection.execute(f'SELECT count(*) FROM "{model._meta.db_table}"'.encode()).fetchone()
        return int(found[0]) if found else 0

    def write(self, model: Model, rows: Iterable[Row]) -> None:
        prepared = [partial(field.get_db_prep_save, connection=_dialect("postgresql")) for field in fields_of(model)]
        statement = f'COPY "{model._meta.db_table}" ({_columns(model)}) FROM STDIN'
        with self._connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            for row in rows:
                copy.write_row([prepare(value) for prepare, value in zip(prepared, row, strict=True)])

    def delete(self, model: Model, keys: Sequence[Any]) -> None:
        self._connection.execute(
            f'DELETE FROM "{model._meta.db_table}" WHERE "{model._meta.pk.column}" = ANY(%s)'.encode(), (list(keys),)
        )

    def empty(self, found: Sequence[Model]) -> None:
        """Removes all rows of these models, whichever refers to which."""
        names = ", ".join(f'"{model._meta.db_table}"' for model in found)
        self._connection.execute(f"TRUNCATE {names}".encode())

    def last_number(self, model: Model) -> int:
        found = self._connection.execute(f"SELECT coalesce(pg_sequence_last_value({_SEQUENCE}), 0)", _named(model))
        row = found.fetchone() if is_numbered(model) else None
        return int(row[0]) if row else 0

    def set_last_number(self, model: Model, number: int) -> None:
        if number:
            self._connection.execute(f"SELECT setval({_SEQUENCE}, %s)", (*_named(model), number))


_SEQUENCE = "pg_get_serial_sequence(%s, %s)::regclass"


def _named(model: Model) -> tuple[str, str]:
    return f'"{model._meta.db_table}"', str(model._meta.pk.column)


def _columns(model: Model) -> str:
    return ", ".join(f'"{field.column}"' for field in fields_of(model))


def _select(model: Model) -> str:
    return f'SELECT {_columns(model)} FROM "{model._meta.db_table}"'


def _order(model: Model) -> str:
    """As SQLite has it: texts by their bytes."""
    key = model._meta.pk
    is_text = isinstance(key, models.CharField | models.TextField)
    return f'"{key.column}" COLLATE "C"' if is_text else f'"{key.column}"'


Converter = Callable[[Any], Any]


def _as_python(converters: Sequence[Sequence[Converter]], values: Sequence[Any]) -> Row:
    return tuple(map(_converted, converters, values))


def _converted(converters: Sequence[Converter], value: Any) -> Any:
    for convert in converters:
        value = convert(value)
    return value


@cache
def _converters(model: Model, kind: str) -> list[list[Converter]]:
    """For each field, what makes of a value of the database the one that a query gives."""
    dialect = _dialect(kind)
    found: list[list[Converter]] = []
    for field in fields_of(model):
        column = field.get_col(model._meta.db_table)
        converters = [*dialect.ops.get_db_converters(column), *field.get_db_converters(dialect)]
        found.append([partial(_call, convert, column, dialect) for convert in converters])
    return found


def _call(convert: Any, column: Any, dialect: BaseDatabaseWrapper, value: Any) -> Any:
    return convert(value, column, dialect)


@cache
def _dialect(kind: str) -> BaseDatabaseWrapper:
    """That of Django for such a database, for what it knows of values: it is never connected."""
    handler = ConnectionHandler({"default": {"ENGINE": f"django.db.backends.{kind}", "NAME": "none"}})
    return handler["default"]
