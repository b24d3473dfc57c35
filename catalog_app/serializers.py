"""The catalog's side of the representations: from rows, and into them."""

from typing import Any

from rest_framework import serializers

from bookstore_project.api.fields import StrictFields, TextField, YesNoField
from bookstore_project.api.renderers import canonical_json
from bookstore_project.api.representations import ACTOR_LENGTH, BookChangeFields, BookFields, TitleFields, lines_field
from catalog_app.models import Book, BookChange


class SaleInput(StrictFields):
    """What an order replica asks for."""

    order = serializers.UUIDField()
    lines = lines_field()
    first_attempt = YesNoField(default=False)


class ReturnInput(StrictFields):
    """What an order replica gives back."""

    cancellation = serializers.UUIDField()
    order = serializers.UUIDField()
    lines = lines_field()
    actor = TextField(max_length=ACTOR_LENGTH, allow_blank=True)


_BOOK = BookFields()
"""Made once: a serializer copies all of its fields, each time one is made."""


def book_data(book: Book) -> dict[str, Any]:
    """A book as clients see it."""
    return dict(_BOOK.to_representation(book))


def book_bytes(book: Book) -> bytes:
    """The body of a book's details: what is sent, cached, and hashed for its entity tag."""
    return canonical_json(book_data(book))


def book_change_data(change: BookChange) -> dict[str, Any]:
    return dict(BookChangeFields(change).data)


def title_data(book: Book) -> dict[str, Any]:
    return dict(TitleFields(book).data)
