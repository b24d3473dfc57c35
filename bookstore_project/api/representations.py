"""What a book, an order and their pages look like to clients, on every node.

Plain serializers: the replicas validate with them (or with subclasses), the front makes its forms and its
schema from them. None touches a database.
"""

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from bookstore_project.api.fields import Isbn13Field, PriceField, StrictFields, TextField, WholeNumberField

MAX_BOOK_ID = 2**63 - 1
MAX_PRICE = Decimal("99999999.99")
MAX_STOCK = 1_000_000_000
MAX_PURCHASE = 1000
MAX_RESTOCK = 1_000_000
TITLE_LENGTH = 500
AUTHORS_LENGTH = 1000
TOPIC_LENGTH = 200


def is_book_id(text: str) -> bool:
    """Whether a text is a number that a book may have; of any length, which `int` alone wouldn't read."""
    digits = len(str(MAX_BOOK_ID))
    return text.isascii() and text.isdecimal() and len(text) <= digits and int(text) <= MAX_BOOK_ID


class BookFields(StrictFields):
    """A book. `price` has two decimals; `version` grows by one with each change."""

    id = WholeNumberField(read_only=True)
    title = TextField(max_length=TITLE_LENGTH)
    authors = TextField(max_length=AUTHORS_LENGTH, allow_blank=True, default="")
    isbn13 = Isbn13Field(default=None, help_text="13 digits with a valid check digit; hyphens may be sent.")
    topic = TextField(max_length=TOPIC_LENGTH)
    price = PriceField(max_digits=10, decimal_places=2, min_value=Decimal(0), max_value=MAX_PRICE)
    quantity = WholeNumberField(min_value=0, max_value=MAX_STOCK, default=0, help_text="Copies in stock.")
    version = WholeNumberField(read_only=True)


class TitleFields(serializers.Serializer[Any]):
    """A book in the list of a topic."""

    id = WholeNumberField(read_only=True)
    title = TextField(read_only=True)


class QuantityInput(StrictFields):
    """How many copies to buy of a book that the address names."""

    quantity = WholeNumberField(min_value=1, max_value=MAX_PURCHASE, default=1, initial=1)


class PurchaseInput(StrictFields):
    """What to buy."""

    book = WholeNumberField(min_value=1, max_value=MAX_BOOK_ID, help_text="The book's id.")
    quantity = WholeNumberField(min_value=1, max_value=MAX_PURCHASE, default=1, initial=1)


class RestockInput(StrictFields):
    """How many copies came in."""

    quantity = WholeNumberField(min_value=1, max_value=MAX_RESTOCK)


class OrderFields(serializers.Serializer[Any]):
    """A completed order, with title and price as they were when it was sold."""

    id = serializers.UUIDField(read_only=True)
    book = WholeNumberField(read_only=True, help_text="The book's id.")
    title = TextField(read_only=True)
    quantity = WholeNumberField(read_only=True)
    unit_price = PriceField(max_digits=10, decimal_places=2, read_only=True)
    total = PriceField(max_digits=13, decimal_places=2, read_only=True)
    status = serializers.ChoiceField(choices=["completed"], read_only=True)
    created_at = serializers.DateTimeField(read_only=True)


class _Page(serializers.Serializer[Any]):
    count = serializers.IntegerField(help_text="Of all pages together.")
    next = serializers.CharField(allow_null=True, help_text="The next page's path and query.")
    previous = serializers.CharField(allow_null=True)


class BookPage(_Page):
    """A page of books."""

    results = BookFields(many=True)


class TitlePage(_Page):
    """A page of the books of a topic."""

    results = TitleFields(many=True)


class OrderPage(_Page):
    """A page of orders."""

    results = OrderFields(many=True)
