"""The rules that the API has for a book's fields, for rows: what many rows say alike is checked once."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from rest_framework import serializers

from bookstore_project.api.representations import BookFields

_OFTEN_ALIKE = frozenset(("topic", "price", "quantity"))
_REMEMBERED = 1000
"""Values, the latest; none is longer than its field may be."""


class FieldRules:
    def __init__(self) -> None:
        self._fields = {name: field for name, field in BookFields().fields.items() if not field.read_only}
        self._remembered = lru_cache(_REMEMBERED)(self._checked)

    def valid(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values, of every field one, as the API would take them. Raises ValidationError as a serializer does."""
        taken, errors = {}, {}
        for name in self._fields:
            check = self._remembered if name in _OFTEN_ALIKE else self._checked
            try:
                taken[name] = check(name, values[name])
            except serializers.ValidationError as error:
                errors[name] = error.detail
        if errors:
            raise serializers.ValidationError(errors)
        return taken

    def _checked(self, name: str, value: Any) -> Any:
        return self._fields[name].run_validation(value)
