"""Reading and saving rows while others wait for the writer lock: as the ORM does, without compiling SQL each time.

The ORM takes several times as long to make a statement as the database to run it, and nobody else sells meanwhile.
Only for models without parents and for plain values, no expressions; `post_save` is sent, so that receivers see these
writes as any other, unless many rows are written at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache
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
    statement = _exists_statement(*[(model, name) for model, name, _ in asked])
    return bool(engine.run(connection, statement, values).fetchone()[0])


def _foresight(alias: str) -> Foresight | None:
    attempt = engine.active_attempt()
    if attempt is None or attempt.foresight is None:
        return None
    return attempt.foresight if attempt.lead_alias == alias else None


def insert(instance: models.Model) -> None:
    """Inserts the row; sets the primary key if the database chooses it. Raises IntegrityError as `save` does."""
    model, meta = type(instance), instance._meta
    alias = router.db_for_write(model, instance=instance)
    foresight, connection = _foresight(alias), connections[alias]
    if foresight and meta.auto_field is not None and not instance.pk:
        instance.pk = foresight.number(model)
    is_numbered = meta.auto_field is not None and not instance.pk
    statement, columns = _insertion(model, is_numbered)
    values = _values(instance, columns, connection, is_added=True)
    if foresight and not is_numbered:
        foresight.insert(instance, statement, values)
    else:
        cursor = engine.run(connection, statement, values)
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
    model = type(instance)
    statement, columns = _change(model, names)
    alias = router.db_for_write(model, instance=instance)
    connection = connections[alias]
    values = _values(instance, columns, connection, is_added=False)
    if foresight := _foresight(alias):
        foresight.update(instance, names, statement, values)
    elif engine.run(connection, statement, values).rowcount != 1:
        raise WriteRefused(f"{instance!r} is not in the database any more.")
    _saved(instance, alias, is_added=False, names=frozenset(names))


@dataclass(frozen=True)
class _Column:
    """A column to be written: its field, the attribute with its value, and of which type that needs no conversion."""

    field: Any
    attribute: str
    plain: type | None


def _values(instance: models.Model, columns: Sequence[_Column], connection: Any, *, is_added: bool) -> list[Any]:
    """The values as the database has them: as `pre_save` and `get_db_prep_save` make them."""
    values = []
    for column in columns:
        value = getattr(instance, column.attribute)
        # PostgreSQL wants to know a number's size, which its field tells.
        if type(value) is not column.plain or connection.vendor != "sqlite":
            value = column.field.pre_save(instance, is_added)
            if type(value) is Decimal:
                value = _of_decimal(column.field, value, connection.alias)
            else:
                value = column.field.get_db_prep_save(value, connection)
        values.append(value)
    return values


@lru_cache(maxsize=1024)
def _of_decimal(field: Any, value: Decimal, alias: str) -> Any:
    """Prices come again and again."""
    return field.get_db_prep_save(value, connections[alias])


PLAIN: Mapping[type, type] = {
    **dict.fromkeys((models.AutoField, models.BigAutoField, models.IntegerField, models.BigIntegerField), int),
    **dict.fromkeys((models.PositiveIntegerField, models.PositiveBigIntegerField), int),
    **dict.fromkeys((models.SmallIntegerField, models.PositiveSmallIntegerField), int),
    **dict.fromkeys((models.CharField, models.TextField), str),
}
"""By Django's own fields, the types of values that SQLite takes as they are. Fields made of these may differ."""


def _column_of(field: Any) -> _Column:
    kept = field.target_field if type(field) is models.ForeignKey else field
    return _Column(field, field.attname, PLAIN.get(type(kept)))


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
def _insertion(model: type[models.Model], is_numbered: bool) -> tuple[str, list[_Column]]:
    """What inserts a row, and the columns of its values; if `is_numbered`, it gives back the number."""
    meta = model._meta
    fields = tuple(field for field in meta.local_concrete_fields if not is_numbered or field is not meta.auto_field)
    returning = f' RETURNING "{meta.pk.column}"' if is_numbered else ""
    return _insert_statement(model, fields) + returning, [_column_of(field) for field in fields]


@cache
def _change(model: type[models.Model], names: tuple[str, ...]) -> tuple[str, list[_Column]]:
    """What updates these fields of a row, and the columns of its values; the last one is the primary key."""
    fields = tuple(model._meta.get_field(name) for name in names)
    return _update_statement(model, fields), [_column_of(field) for field in (*fields, model._meta.pk)]


@cache
def _insert_statement(model: type[models.Model], fields: tuple[Any, ...]) -> str:
    columns = ", ".join(f'"{field.column}"' for field in fields)
    return f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES ({", ".join(["%s"] * len(fields))})'


@cache
def _update_statement(model: type[models.Model], fields: tuple[Any, ...]) -> str:
    assignments = ", ".join(f'"{field.column}" = %s' for field in fields)
    return f'UPDATE "{model._meta.db_table}" SET {assignments} WHERE "{model._meta.pk.column}" = %s'
