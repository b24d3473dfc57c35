"""Columns for texts: kept in their one form, each with its search key beside it, however a row is written.

What the ORM writes is put in order on its way, by `save()`, `update()`, `bulk_create()`, `bulk_update()` and fixtures
alike. Expressions and raw SQL are not: who keeps rows in step checks what came of them with `text_problems`.
To migrations these are plain fields: rows of the past have the keys of the past until a migration fills them.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.signals import pre_save

from bookstore_project.text.canonical import UnfitText, askable, canonical, canonical_or_same, unfit_in
from bookstore_project.text.search_keys import search_key

if TYPE_CHECKING:  # Generic for the type checker only.
    CharField = models.CharField[str, str]
    TextField = models.TextField[str, str]
else:
    CharField, TextField = models.CharField, models.TextField
M = TypeVar("M", bound=models.Model)


class CanonicalField(CharField):
    """A text in its one form. Raises ValidationError, on cleaning and on writing, for what none may have."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        try:
            return canonical(text) if isinstance(text, str) else text
        except UnfitText as error:
            raise ValidationError(str(error), code="unfit") from error

    def get_prep_value(self, value: Any) -> Any:
        """To be compared with: what no row can have is found nowhere, and is no error."""
        if isinstance(value, str):
            return askable(canonical_or_same(value))
        return models.Field.get_prep_value(self, value)

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        # An empty text is in its one form.
        is_text = value and isinstance(value, str)
        return super().get_db_prep_save(self.to_python(value) if is_text else value, connection)

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """The object then has what its row has."""
        value = super().pre_save(model_instance, add)
        if value and isinstance(value, str):
            value = self.to_python(value)
            setattr(model_instance, self.attname, value)
        return value

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs


class SearchKeyField(TextField):
    """The search key of the column named `of`, which is on the same row."""

    def __init__(self, *args: Any, of: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **{"editable": False, "blank": True, "default": "", **kwargs})
        self.of = of

    def contribute_to_class(self, cls: type[models.Model], name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        if not cls._meta.abstract:
            pre_save.connect(self._set, sender=cls, weak=False, dispatch_uid=f"{cls._meta.label}.{name}")

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """For what sends no signal, as `bulk_create`."""
        self._set(model_instance)
        return super().pre_save(model_instance, add)

    def _set(self, instance: models.Model, **kwargs: Any) -> None:
        """Of a fixture's rows, too, which are saved as they stand."""
        text = getattr(instance, self.of)
        if isinstance(text, str):
            setattr(instance, self.attname, search_key(canonical_or_same(text)))

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs


def keys_of(model: type[models.Model]) -> Iterator[SearchKeyField]:
    return (field for field in model._meta.local_concrete_fields if isinstance(field, SearchKeyField))


class KeyedQuerySet(models.QuerySet[M]):
    """Changes of many rows that take the keys along."""

    def update(self, **values: Any) -> int:
        for field in keys_of(self.model):
            if isinstance(text := values.get(field.of), str):
                values.setdefault(field.name, search_key(canonical_or_same(text)))
        return super().update(**values)

    def bulk_update(self, objs: Iterable[M], fields: Iterable[str], batch_size: int | None = None) -> int:
        changed, names = list(objs), list(fields)
        for key in keys_of(self.model):
            if key.of in names:
                names.append(key.name)
                for each in changed:
                    key.pre_save(each, add=False)
        return super().bulk_update(changed, names, batch_size)


def with_keys(model: type[models.Model], names: Iterable[str]) -> set[str]:
    """For `save(update_fields=...)`: these fields, and the keys of those that are texts."""
    wanted = set(names)
    return wanted | {field.name for field in keys_of(model) if field.of in wanted}


def text_problems(
    model: type[models.Model], before: Mapping[str, Any] | None, after: Mapping[str, Any]
) -> Iterator[str]:
    """Which texts of a row that was written aren't in their one form, or have another text's key.

    Of a row that was there before, only what has changed: so that a rule that is new stops no sale of a book.
    """
    for column, source in _columns_of(model):
        text = after[column]
        if before is not None and before[column] == text and (source is None or before[source] == after[source]):
            continue
        if source is not None:
            if text != search_key(after[source]):
                yield f"{column} isn't the search key of {source}"
        elif text is not None and (unfit_in(text) or canonical(text) != text):
            yield f"{column} isn't in its one form"


@cache
def _columns_of(model: type[models.Model]) -> list[tuple[str, str | None]]:
    """Columns of texts; and those of keys, each with that of its text."""
    fields = model._meta.local_concrete_fields
    columns = {each.name: str(each.column) for each in fields}
    texts = [(str(each.column), None) for each in fields if isinstance(each, CanonicalField)]
    return [*texts, *((str(key.column), columns[key.of]) for key in keys_of(model))]
