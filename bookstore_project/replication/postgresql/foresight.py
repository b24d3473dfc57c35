"""What the members of a group have foreseen, fetched in one round trip and kept in step with what they write.

Under the writer lock nobody else changes a row. A member's own writes by `rows` are known here; after a statement of
any other kind that isn't a plain read, nothing of it counts any more, and each member asks again.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from functools import cache, partial
from itertools import chain
from typing import Any

import psycopg
from django.db import models

from bookstore_project.replication.errors import WriteRefused
from bookstore_project.replication.foreseen import Foreseen, Model, Value, field_of
from bookstore_project.replication.postgresql.backend.base import DatabaseWrapper
from bookstore_project.replication.postgresql.rows import columns_of, quoted

Row = list[Any]
UNKNOWN = object()
_EXACT_FIELDS, _EXACT_VALUES = (models.IntegerField, models.BooleanField), (int, bool)
"""What comes out of the database as it went in."""


class Foresight:
    """Of one attempt."""

    def __init__(self, database: DatabaseWrapper) -> None:
        self._database = database
        self._rows: dict[tuple[Model, Any], Row | None] = {}
        self._values: dict[tuple[Model, str], dict[Any, bool]] = {}
        self._numbers: dict[Model, deque[int]] = {}
        self._seen = 0

    # ------------------------------------------------------------------------------------------------ fetching

    def fetch(self, changes: Iterable[Foreseen[Any]]) -> bool:
        """Puts off the questions of all of them: the answers are there after the next round trip.

        False if one of them foresees what can't be asked for: then nothing is fetched, each asks by itself, and that
        one hears of it.
        """
        before = self._database.state()
        try:
            self._put_off(list(changes))
        except Exception:
            self._database.drop(before)
            self.forget()
            return False
        return True

    def _put_off(self, found: Sequence[Foreseen[Any]]) -> None:
        for model, key in chain.from_iterable(each.rows for each in found):
            self._rows[model, _key(model, key)] = None
        for model, name, value in chain.from_iterable(each.values for each in found):
            self._values.setdefault((model, name), {})[_value(model, name, value)] = False
        for model in {model for model, _ in self._rows}:
            keys = [key for other, key in self._rows if other is model]
            self._database.put_off(_rows_statement(model), (keys,), partial(self._take_rows, model))
        for (model, name), asked in self._values.items():
            self._database.put_off(_values_statement(model, name), (list(asked),), partial(_take_values, asked))
        for model in {model for each in found for model in each.new}:
            count = sum(each.new.get(model, 0) for each in found)
            self._numbers[model] = deque()
            self._database.put_off(_numbers_statement(model), (count,), partial(self._take_numbers, model))
        self._seen = self._database.others

    def _take_rows(self, model: Model, cursor: "psycopg.Cursor[Any]") -> None:
        at = model._meta.concrete_fields.index(model._meta.pk)
        for row in cursor.fetchall():
            self._rows[model, row[at]] = list(row)

    def _take_numbers(self, model: Model, cursor: "psycopg.Cursor[Any]") -> None:
        self._numbers[model].extend(number for (number,) in cursor.fetchall())

    def forget(self) -> None:
        """Something was taken back, or written in another way.

        Numbers stay, being nobody else's, unless a row may have got a higher one: they are in the order of changes.
        """
        self._rows.clear()
        self._values.clear()
        if self._seen != self._database.others:
            self._numbers.clear()
        self._seen = self._database.others

    def _assert_current(self) -> None:
        if self._seen != self._database.others:
            self.forget()

    # ------------------------------------------------------------------------------------------------- answering

    def row(self, model: Model, key: object) -> Any:
        """Its columns; None if there is none, UNKNOWN if that has to be asked."""
        self._assert_current()
        return self._rows.get((model, _key(model, key)), UNKNOWN)

    def exists(self, asked: Sequence[Value]) -> bool | None:
        self._database.validate_no_broken_transaction()
        self._assert_current()
        found = [self._values.get((model, name), {}).get(_value(model, name, value)) for model, name, value in asked]
        return None if None in found else any(found)

    def number(self, model: Model) -> int | None:
        self._assert_current()
        left = self._numbers.get(model)
        return left.popleft() if left else None

    # ------------------------------------------------------------------------------------------------- writing

    def insert(self, instance: models.Model, statement: str, values: Sequence[Any]) -> None:
        self._database.validate_no_broken_transaction()
        self._database.put_off(statement, values)
        model = type(instance)
        self._rows.pop((model, _key(model, instance.pk)), None)
        for (other, name), known in self._values.items():
            if other is model:
                known[_value(model, name, getattr(instance, _attribute(model, name)))] = True

    def update(self, instance: models.Model, names: Sequence[str], statement: str, values: Sequence[Any]) -> None:
        self._database.validate_no_broken_transaction()
        self._database.put_off(statement, values, partial(_assert_one, instance))
        model, key = type(instance), _key(type(instance), instance.pk)
        row = self._rows.pop((model, key), None)
        if row is not None and not _has_computed(model) and all(_is_exact(instance, name) for name in names):
            for name in names:
                row[_place(model, name)] = getattr(instance, name)
            self._rows[model, key] = row
        for other, name in [key for key in self._values if key[0] is model and key[1] in names]:
            del self._values[other, name]


def _take_values(asked: dict[Any, bool], cursor: "psycopg.Cursor[Any]") -> None:
    asked.update((value, True) for (value,) in cursor.fetchall())


def _assert_one(instance: models.Model, cursor: "psycopg.Cursor[Any]") -> None:
    if cursor.rowcount != 1:
        raise WriteRefused(f"{instance!r} is not in the database any more.")


def _key(model: Model, key: object) -> Any:
    return model._meta.pk.to_python(key)


def _value(model: Model, name: str, value: object) -> Any:
    return field_of(model, name).to_python(value)


def _is_exact(instance: models.Model, name: str) -> bool:
    field = field_of(type(instance), name)
    return isinstance(field, _EXACT_FIELDS) and type(getattr(instance, name)) in _EXACT_VALUES


@cache
def _attribute(model: Model, name: str) -> str:
    return str(field_of(model, name).attname)


@cache
def _has_computed(model: Model) -> bool:
    """Columns that the database computes of others."""
    return any(getattr(field, "generated", False) for field in model._meta.concrete_fields)


@cache
def _place(model: Model, name: str) -> int:
    return [field.name for field in model._meta.concrete_fields].index(name)


@cache
def _rows_statement(model: Model) -> str:
    key = quoted(model._meta.pk.column)
    return f"SELECT {columns_of(model)} FROM {quoted(model._meta.db_table)} WHERE {key} = ANY(%s)"


@cache
def _values_statement(model: Model, name: str) -> str:
    column = quoted(field_of(model, name).column)
    return f"SELECT {column} FROM {quoted(model._meta.db_table)} WHERE {column} = ANY(%s)"


@cache
def _numbers_statement(model: Model) -> str:
    table, key = quoted(model._meta.db_table), model._meta.pk.column
    named = f"SELECT pg_get_serial_sequence('{table}', '{key}')::regclass AS name OFFSET 0"  # Looked up once.
    return f"SELECT nextval(sequence.name) FROM ({named}) AS sequence, generate_series(1, %s)"
