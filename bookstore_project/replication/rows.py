"""Reading and saving rows while others wait for the writer lock: as the ORM does, without compiling SQL each time.

The ORM takes several times as long to make a statement as the database to run it, and nobody else sells meanwhile.
Only for models without parents and for plain values, no expressions; `post_save` is sent, so that receivers see these
writes as any other, unless many rows are written at once.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from django.db import connections, models, router
from django.db.models.signals import post_save

from bookstore_project.replication.engine import engine
from bookstore_project.replication.errors import WriteRefused
from bookstore_project.replication.foreseen import Foresight, Value, field_of
from bookstore_project.replication.log.images import Image

M = TypeVar("M", bound=models.Model)
AT_ONCE = 50
"""Rows of one statement that gives back their numbers: one that is longer isn't quicker."""


def from_image(model: type[M], image: Image, alias: str) -> M:
    """The object that a row image shows, with each value converted as in a query on this alias."""
    return engine.from_image(model, image, alias)


def exists(*asked: Value) -> bool:
    """Whether there is a row with one of these values (model, field, value), as the write at hand sees it."""
    alias = router.db_for_write(asked[0][0])
    foresight, connection = _foresight(alias), connections[alias]
    known = foresight.exists(asked) if foresight else None
    if known is not None:
        return known
    values = [field_of(model, name).get_db_prep_value(value, connection) for model, name, value in asked]
    with connection.cursor() as cursor:
        cursor.execute(_exists_statement(*((model, name) for model, name, _ in asked)), values)
        return bool(cursor.fetchone()[0])


def _foresight(alias: str) -> Foresight | None:
    attempt = engine.active_attempt()
    return attempt.foresight if attempt and attempt.lead_alias == alias else None


def insert(instance: models.Model) -> None:
    """Inserts the row; sets the primary key if the database chooses it. Raises IntegrityError as `save` does."""
    model, meta = type(instance), instance._meta
    alias = router.db_for_write(model, instance=instance)
    foresight, connection = _foresight(alias), connections[alias]
    if foresight and meta.auto_field is not None and not instance.pk:
        instance.pk = foresight.number(model)
    is_numbered = meta.auto_field is not None and not instance.pk
    fields = tuple(field for field in meta.local_concrete_fields if field is not meta.auto_field or not is_numbered)
    statement, values = _insert_statement(model, fields), _values(instance, fields, connection, is_added=True)
    if foresight and not is_numbered:
        foresight.insert(instance, statement, values)
    else:
        with connection.cursor() as cursor:
            cursor.execute(statement + (f' RETURNING "{meta.pk.column}"' if is_numbered else ""), values)
            if is_numbered:
                (instance.pk,) = cursor.fetchone()
    _saved(instance, alias, is_added=True)


def insert_all(instances: Sequence[models.Model], *, numbered: bool = False) -> None:
    """Inserts new rows of one model, whose primary keys the database chooses; sets those only if `numbered`.

    As `bulk_create`, it sends no signal. Raises IntegrityError.
    """
    if not instances:
        return
    meta = instances[0]._meta
    fields = tuple(field for field in meta.local_concrete_fields if field is not meta.auto_field)
    alias = router.db_for_write(type(instances[0]))
    connection = connections[alias]
    rows = list(zip(*(_column(field, instances, connection) for field in fields), strict=True))
    statement = _insert_statement(type(instances[0]), fields)
    with connection.cursor() as cursor:
        if not numbered:
            cursor.executemany(statement, rows)
            return
        for start in range(0, len(rows), AT_ONCE):
            some = rows[start : start + AT_ONCE]
            more = _more_values(len(fields), len(some) - 1)
            cursor.execute(
                f'{statement}{more} RETURNING "{meta.pk.column}"', [value for row in some for value in row]
            )
            for instance, (key,) in zip(instances[start : start + AT_ONCE], cursor.fetchall(), strict=True):
                instance.pk, instance._state.adding, instance._state.db = key, False, alias


def _column(field: Any, instances: Sequence[models.Model], connection: Any) -> list[Any]:
    """The values of one field; one that all rows have is converted once."""
    values = [field.pre_save(instance, True) for instance in instances]
    first = values[0]
    if all(value is first for value in values):
        return [field.get_db_prep_save(first, connection)] * len(values)
    return [field.get_db_prep_save(value, connection) for value in values]


@cache
def _more_values(fields: int, rows: int) -> str:
    return f", ({', '.join(['%s'] * fields)})" * rows


def update(instance: models.Model, *names: str) -> None:
    """Writes these fields of a row that is there. Raises WriteRefused if it isn't."""
    model, meta = type(instance), instance._meta
    fields = tuple(meta.get_field(name) for name in names)
    alias = router.db_for_write(model, instance=instance)
    connection = connections[alias]
    values = _values(instance, (*fields, meta.pk), connection, is_added=False)
    if foresight := _foresight(alias):
        foresight.update(instance, names, _update_statement(model, fields), values)
    else:
        with connection.cursor() as cursor:
            cursor.execute(_update_statement(model, fields), values)
            if cursor.rowcount != 1:
                raise WriteRefused(f"{instance!r} is not in the database any more.")
    _saved(instance, alias, is_added=False, names=frozenset(names))


def _values(instance: models.Model, fields: Sequence[Any], connection: Any, *, is_added: bool) -> list[Any]:
    return [field.get_db_prep_save(field.pre_save(instance, is_added), connection) for field in fields]


def _saved(instance: models.Model, alias: str, *, is_added: bool, names: frozenset[str] | None = None) -> None:
    instance._state.adding, instance._state.db = False, alias
    post_save.send(type(instance), instance=instance, created=is_added, update_fields=names, raw=False, using=alias)


@cache
def _exists_statement(*asked: tuple[type[models.Model], str]) -> str:
    found = (
        f'EXISTS (SELECT 1 FROM "{model._meta.db_table}" WHERE "{field_of(model, name).column}" = %s)'
        for model, name in asked
    )
    return f"SELECT {' OR '.join(found)}"


@cache
def _insert_statement(model: type[models.Model], fields: tuple[Any, ...]) -> str:
    columns = ", ".join(f'"{field.column}"' for field in fields)
    return f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES ({", ".join(["%s"] * len(fields))})'


@cache
def _update_statement(model: type[models.Model], fields: tuple[Any, ...]) -> str:
    assignments = ", ".join(f'"{field.column}" = %s' for field in fields)
    return f'UPDATE "{model._meta.db_table}" SET {assignments} WHERE "{model._meta.pk.column}" = %s'
