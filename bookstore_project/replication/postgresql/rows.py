"""Objects of row images, which PostgreSQL makes with `to_jsonb`."""

from decimal import Decimal
from typing import Any, TypeVar

from django.db import models

from bookstore_project.replication.log.images import Image

M = TypeVar("M", bound=models.Model)


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
