"""Serializer fields and a mixin that take what they are meant to take, and nothing that merely resembles it."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

from django.utils.datastructures import MultiValueDict
from rest_framework import serializers
from stdnum import ean, isbn
from stdnum.exceptions import InvalidChecksum, InvalidComponent

from bookstore_project.nodes import redaction
from bookstore_project.text.canonical import DASHES, UnfitText, canonical

_INTEGER = re.compile(r"-?[0-9]{1,30}")
_DECIMAL = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
_BETWEEN_DIGITS = re.compile(f"[ {DASHES}]")
IF_MATCH_EXTRA = "if_match"
"""In forms that change something, in the place of the header, which a form can't send."""
METHOD_EXTRA = "_method"
"""In forms of pages: the method that they are for, if no script sends them by it."""
FORM_EXTRAS = frozenset({"csrfmiddlewaretoken", IF_MATCH_EXTRA, METHOD_EXTRA})
"""Names that browsers send beside the form's own fields."""


MOST_REFUSED = 20
"""Fields that are named in one answer: whoever sends a thousand needs no thousand sentences."""


class StrictFields(serializers.Serializer[Any]):
    """Refuses unknown and read-only fields, each by name, together with what else is wrong."""

    def to_internal_value(self, data: Any) -> Any:
        refused = self._refused(data) if isinstance(data, Mapping) else {}
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            detail = error.detail
            raise serializers.ValidationError(
                {**detail, **refused} if isinstance(detail, dict) else detail
            ) from error
        if refused:
            raise serializers.ValidationError(refused)
        return value

    def _refused(self, data: Mapping[str, Any]) -> dict[str, list[str]]:
        refused: dict[str, list[str]] = {}
        for name in data:
            if (sentence := self._refusal(data, name)) is None:
                continue
            if len(refused) == MOST_REFUSED:
                refused["non_field_errors"] = [f"More than {MOST_REFUSED} fields are wrong: the first are named."]
                break
            refused[redaction.cut(name)] = [sentence]
        return refused

    def _refusal(self, data: Mapping[str, Any], name: str) -> str | None:
        field = self.fields.get(name)
        if field is None:
            return None if name in FORM_EXTRAS else "Unknown field."
        if field.read_only:
            return "This field is read-only."
        is_repeated = isinstance(data, MultiValueDict) and len(data.getlist(name)) > 1
        return "Given more than once." if is_repeated else None


def checked_fields(kind: type[serializers.Serializer[Any]], data: Any) -> dict[str, Any]:
    """What was sent, as `kind` wants it; raises ValidationError.

    A serializer copies all of its fields each time one is made. Checking leaves nothing in them, so one serves all.
    """
    with suppress(serializers.ValidationError):
        return dict(made_once(kind).run_validation(data))
    serializer = kind(data=data)  # It tells what is wrong in the usual way.
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


@cache
def made_once(kind: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """One for all who check with it, or look at its fields."""
    return kind()


class BoundedListField(serializers.ListField):
    """Looks at its length first: the library's own checks each item of a list, and then how many there are."""

    def to_internal_value(self, data: Any) -> list[Any]:
        if isinstance(data, list) and self.max_length is not None and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        value: list[Any] = super().to_internal_value(data)
        return value


class WholeNumberField(serializers.IntegerField):
    """An integer, or ASCII digits: no booleans, no `1_000`, no digits of other scripts; 2.0 counts as 2."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, Decimal) and data == data.to_integral_value():
            return int(data)
        if isinstance(data, int) and not isinstance(data, bool):
            return data
        if not isinstance(data, str) or not _INTEGER.fullmatch(data.strip()):
            self.fail("invalid")
        return int(data)


_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])", re.ASCII
)


class MomentField(serializers.DateTimeField):
    """RFC 3339 (5.6) in UTC, whatever zone the pages are in. One that is sent says its zone."""

    timezone = UTC
    default_error_messages = {
        "invalid": "Expected a moment as RFC 3339 has it, with its zone, such as 2030-12-24T18:00:00Z."
    }

    def to_internal_value(self, value: Any) -> datetime:
        """The library would take days of the week, moments without seconds or zone, and more."""
        text = value.upper() if isinstance(value, str) else ""
        if not _RFC_3339.fullmatch(text):
            self.fail("invalid")
        moment: datetime = super().to_internal_value(text)
        return moment


class YesNoField(serializers.BooleanField):
    """True or false, as JSON or spelled out by a form: not 1, not `yes`."""

    _SPELLED_OUT = {"true": True, "false": False}

    def to_internal_value(self, data: Any) -> bool:
        value = self._SPELLED_OUT.get(data.strip()) if isinstance(data, str) else data
        if not isinstance(value, bool):
            self.fail("invalid", input=data)
        return value


class PriceField(serializers.DecimalField):
    """Money: a number, or ASCII digits with a point; at most two decimals, and never a minus zero.

    A number is what it is worth: 9.900 is 9.90, and 9.99000000000000000001 has too many decimals.
    An empty text is no number, and not null either; a form's field that is left empty is left out.
    """

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        """As any field does. Decimals would take an empty text for null: for *at any price*, say."""
        return serializers.Field.validate_empty_values(self, data)

    def to_internal_value(self, data: Any) -> Decimal:
        text = data
        if isinstance(data, int | Decimal) and not isinstance(data, bool):
            whole, _, places = f"{data:f}".partition(".")
            text = f"{whole}.{places.rstrip('0') or '0'}"
        if not isinstance(text, str) or not _DECIMAL.fullmatch(text.strip()):
            self.fail("invalid")
        # Adding zero turns -0.00, which compares as allowed but prints as negative, into 0.00.
        return super().to_internal_value(text) + Decimal(0)


class TextField(serializers.CharField):
    """A string in its one form (`text.canonical`); numbers and booleans aren't turned into one."""

    default_error_messages = {"unfit": "{reason}"}

    def __init__(self, **options: Any) -> None:
        # What is trimmed is `canonical`'s to say: `str.strip` would take control characters off without a word.
        super().__init__(**{"trim_whitespace": False, **options})

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        try:
            text = canonical(super().to_internal_value(data))
        except UnfitText as error:
            self.fail("unfit", reason=str(error))
        if not text and not self.allow_blank:
            self.fail("blank")
        return text


class Isbn13Field(TextField):
    """An ISBN-13 or null; hyphens and spaces are dropped, a blank one is null."""

    default_error_messages = {"isbn": "Not an ISBN-13: {reason}."}

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"required": False, "allow_null": True, "allow_blank": True, "max_length": 40, **options})

    def run_validation(self, data: Any = serializers.empty) -> str | None:
        if isinstance(data, str) and not data.strip():
            return None
        value: str | None = super().run_validation(data)
        return value or None

    def to_internal_value(self, data: Any) -> str:
        digits = _BETWEEN_DIGITS.sub("", super().to_internal_value(data))
        if digits and (problem := isbn13_problem(digits)):
            self.fail("isbn", reason=problem)
        return digits


def isbn13_problem(digits: str) -> str:
    """What is wrong with an ISBN-13 written without hyphens; empty if nothing is."""
    if not re.fullmatch("[0-9]{13}", digits):
        return "expected 13 digits"
    return _checksum_problem(digits)


@lru_cache(1000)  # An import asks three times about each.
def _checksum_problem(digits: str) -> str:
    try:
        isbn.validate(digits)
    except InvalidChecksum:
        return f"with these digits the last one would be {ean.calc_check_digit(digits[:12])}"
    except InvalidComponent:
        return "one begins with 978 or 979"
    return ""
