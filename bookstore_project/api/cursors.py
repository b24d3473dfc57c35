"""Cursors: where a page by key begins, namely behind the last row of the page before (ADR 46)."""

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from rest_framework import serializers

from bookstore_project.api.fields import StrictFields, made_once
from bookstore_project.api.representations import is_book_id

START = ""
"""In the place of a cursor: from the first row on."""
LONGEST = 6000
"""Characters: of a book whose authors are 1,000 characters of four bytes it takes 5,400."""

HELP = (
    "In the place of `page`: empty for the first page by key, then as it stands in `next`. "
    "Of the same `ordering`; pages by rank have none."
)


@dataclass(frozen=True)
class Cursor:
    """A place in a list. It stays where it is, whatever becomes of the row that it was made of."""

    ordering: str
    id: int
    """What tells rows apart whose values are equal."""
    value: Any = ""
    """What the row had in the column of the ordering; nothing if that is the id itself."""

    def __str__(self) -> str:
        """As clients keep it: opaque, but no secret, and neither signed nor tied to a node."""
        plain = f"{self.ordering}:{self.id}:{self.value}"
        return urlsafe_b64encode(plain.encode()).rstrip(b"=").decode()


class CursorField(serializers.CharField):
    """A Cursor, or START. `orderings`: those that there are; `of`: the fields that check values, by the column."""

    default_error_messages = {"unfit": "Expected what stands there in a page's `next`, unchanged, or nothing."}

    def __init__(self, *, orderings: Collection[str], of: type[StrictFields] = StrictFields, **options: Any) -> None:
        super().__init__(
            required=False, allow_blank=True, trim_whitespace=False, max_length=LONGEST, help_text=HELP, **options
        )
        self.orderings = orderings
        self.of = of

    def run_validation(self, data: Any = serializers.empty) -> Any:
        text = super().run_validation(data)
        return self._cursor(text) if text else START

    def _cursor(self, text: str) -> Cursor:
        ordering, _, rest = _plain(text).partition(":")
        number, colon, value = rest.partition(":")
        if ordering not in self.orderings or not colon or not is_book_id(number):
            self.fail("unfit")
        return Cursor(ordering, int(number), self._checked(ordering.removeprefix("-"), value))

    def _checked(self, column: str, value: str) -> Any:
        field = made_once(self.of).fields.get(column)
        if field is None or field.read_only:
            if value:
                self.fail("unfit")
            return value
        try:
            return field.run_validation(value)
        except serializers.ValidationError:
            self.fail("unfit")


def _plain(text: str) -> str:
    """What `Cursor` has made opaque; empty if this is nothing of the kind."""
    try:
        return b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:
        return ""
