"""What a book, an order and their pages look like to clients, on every node.

Plain serializers: the replicas validate with them (or with subclasses), the front makes its forms and its
schema from them. None touches a database.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from bookstore_project.api.fields import (
    BoundedListField,
    Isbn13Field,
    MomentField,
    PriceField,
    StrictFields,
    TextField,
    WholeNumberField,
)

MAX_BOOK_ID = 2**63 - 1
MAX_PRICE = Decimal("99999999.99")
MAX_STOCK = 1_000_000_000
MAX_PURCHASE = 1000
MAX_LINES = 100
"""Of one order: so long as it is being sold, nobody else's is."""
MAX_RESTOCK = 1_000_000
OUT_OF_BOUNDS: dict[str, dict[str, Any]] = {
    "price": {"min_value": "A price can't be below zero."},
    "quantity": {
        "min_value": "There can't be fewer than 0 copies in stock.",
        "max_value": f"There can't be more than {MAX_STOCK:,} copies of a book in stock.",
    },
    "restock": {
        "min_value": "A restock brings 1 copy or more.",
        "max_value": f"A restock brings {MAX_RESTOCK:,} copies at most.",
    },
}
"""What people and programs are told of a number that makes no sense in a shop, wherever it was written."""
ORDER_STATUSES = ("completed", "collected", "cancelled")
TITLE_LENGTH = 500
AUTHORS_LENGTH = 1000
TOPIC_LENGTH = 200
ACTOR_LENGTH = 150
"""Of the name of an account."""
REASON_LENGTH = 500


def is_book_id(text: str) -> bool:
    """Whether a text is a number that a book may have; of any length, which `int` alone wouldn't read."""
    digits = len(str(MAX_BOOK_ID))
    return text.isascii() and text.isdecimal() and len(text) <= digits and int(text) <= MAX_BOOK_ID


class BookFields(StrictFields):
    """A book. `price` has two decimals; `version` grows by one with each change."""

    id = WholeNumberField(read_only=True)
    title = TextField(max_length=TITLE_LENGTH)
    authors = TextField(max_length=AUTHORS_LENGTH, allow_blank=True, default="")
    isbn13 = Isbn13Field(
        default=None, label="ISBN", help_text="13 digits with a valid check digit; hyphens may be sent."
    )
    topic = TextField(max_length=TOPIC_LENGTH)
    price = PriceField(
        max_digits=10,
        decimal_places=2,
        min_value=Decimal(0),
        max_value=MAX_PRICE,
        error_messages=OUT_OF_BOUNDS["price"],
    )
    quantity = WholeNumberField(
        min_value=0,
        max_value=MAX_STOCK,
        default=0,
        help_text="Copies in stock.",
        error_messages=OUT_OF_BOUNDS["quantity"],
    )
    version = WholeNumberField(read_only=True)


class BookChangeFields(serializers.Serializer[Any]):
    """One field of a book, changed. Of the stock: `initial`, `restock` or `correction`; sales aren't here."""

    id = WholeNumberField(read_only=True)
    field = serializers.CharField(read_only=True)
    before = serializers.CharField(read_only=True)
    after = serializers.CharField(read_only=True)
    actor = serializers.CharField(read_only=True, help_text="Whose account it was.")
    way = serializers.CharField(
        read_only=True, help_text="`page`, `api`, `import`, `shell`, `store`; empty: unknown."
    )
    created_at = MomentField(read_only=True)


class TitleFields(serializers.Serializer[Any]):
    """A book in the list of a topic."""

    id = WholeNumberField(read_only=True)
    title = TextField(read_only=True)


class TopicFields(serializers.Serializer[Any]):
    """A topic, and how many books on sale it has."""

    topic = TextField(read_only=True)
    titles = WholeNumberField(read_only=True, help_text="Books on sale, in stock or sold out.")


class QuantityInput(StrictFields):
    """How many copies to buy of a book that the address names."""

    quantity = WholeNumberField(min_value=1, max_value=MAX_PURCHASE, default=1, initial=1)


class LineInput(StrictFields):
    """Copies of a book, as one line of an order."""

    book = WholeNumberField(min_value=1, max_value=MAX_BOOK_ID, help_text="The book's id.")
    quantity = WholeNumberField(min_value=1, max_value=MAX_PURCHASE, default=1, initial=1)
    unit_price = PriceField(
        max_digits=10,
        decimal_places=2,
        min_value=Decimal(0),
        max_value=MAX_PRICE,
        default=None,
        allow_null=True,
        help_text="The price that the customer saw: at another one nothing is sold. Left out: at any.",
    )


def lines_field(**options: Any) -> serializers.ListField:
    """The lines of one order."""
    return BoundedListField(child=LineInput(), min_length=1, max_length=MAX_LINES, **options)


class PurchaseInput(LineInput):
    """What to buy: a book, or `lines` of several, all of which are sold or none."""

    book = WholeNumberField(min_value=1, max_value=MAX_BOOK_ID, required=False, help_text="The book's id.")
    lines = lines_field(required=False, help_text="In place of a single book.")

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Either way to say it becomes `lines`, each book once. Raises ValidationError for none, and for both."""
        attrs = super().to_internal_value(data)
        if "lines" not in attrs:
            if "book" not in attrs:
                raise serializers.ValidationError({"book": ["This field is required, or `lines` in its place."]})
            return {"lines": [attrs]}
        if not data.keys().isdisjoint({"book", "quantity", "unit_price"}):
            raise serializers.ValidationError({"lines": ["Give a book or lines, not both."]})
        return {"lines": added_up(attrs["lines"])}


PURCHASE_BODIES = {
    "application/json": PurchaseInput,
    "application/x-www-form-urlencoded": LineInput,
    "multipart/form-data": LineInput,
}
"""By media type, as the schema has them: a form has no lists."""


def added_up(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lines of the same book as one. Raises ValidationError for too many copies, and for a book at two prices."""
    added: dict[int, dict[str, Any]] = {}
    for line in lines:
        known = added.setdefault(line["book"], {**line, "quantity": 0})
        known["quantity"] += line["quantity"]
        prices = {known["unit_price"], line["unit_price"]} - {None}
        if len(prices) > 1 or known["quantity"] > MAX_PURCHASE:
            why = f"more than {MAX_PURCHASE} copies" if len(prices) < 2 else "two prices"
            raise serializers.ValidationError({"lines": [f"Book {line['book']}: {why}."]})
        known["unit_price"] = next(iter(prices), None)
    return list(added.values())


class RestockInput(StrictFields):
    """How many copies came in."""

    quantity = WholeNumberField(min_value=1, max_value=MAX_RESTOCK, error_messages=OUT_OF_BOUNDS["restock"])


class OrderActionInput(StrictFields):
    """Why staff does something with an order: for those who look at it later, not for the customer."""

    reason = TextField(max_length=REASON_LENGTH, allow_blank=True, default="")


class CancelledLineInput(StrictFields):
    """Copies of a book of the order."""

    book = WholeNumberField(min_value=1, max_value=MAX_BOOK_ID, help_text="The book's id.")
    quantity = WholeNumberField(min_value=1, max_value=MAX_PURCHASE, default=1, initial=1)


class CancellationInput(OrderActionInput):
    """Which copies of an order are cancelled: those of `lines`, or all that are left."""

    lines = BoundedListField(
        child=CancelledLineInput(),
        min_length=1,
        max_length=MAX_LINES,
        allow_null=True,
        default=None,
        help_text="Left out: all copies that are left.",
    )

    def validate_lines(self, lines: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
        """Each book once."""
        if lines is not None and len({line["book"] for line in lines}) < len(lines):
            raise serializers.ValidationError("Name each book once.")
        return lines


CANCELLATION_BODIES = {
    "application/json": CancellationInput,
    "application/x-www-form-urlencoded": OrderActionInput,
    "multipart/form-data": OrderActionInput,
}
"""By media type, as the schema has them: a form has no lists."""


class RefundInput(OrderActionInput):
    """How much money was given back."""

    amount = PriceField(
        max_digits=15,
        decimal_places=2,
        min_value=Decimal("0.01"),
        allow_null=True,
        default=None,
        help_text="Left out: what cancelled copies cost, and wasn't given back yet.",
    )


class OrderLineFields(serializers.Serializer[Any]):
    """A line of an order, with title and price as they were when it was sold."""

    book = WholeNumberField(read_only=True, help_text="The book's id.")
    title = TextField(read_only=True)
    quantity = WholeNumberField(read_only=True)
    cancelled = WholeNumberField(read_only=True, help_text="Of these copies, those that were cancelled.")
    unit_price = PriceField(max_digits=10, decimal_places=2, read_only=True)
    total = PriceField(max_digits=13, decimal_places=2, read_only=True)


class OrderFields(serializers.Serializer[Any]):
    """A completed purchase, and what became of it.

    An order of a single line says it beside `lines`, too; in others these members are null.
    """

    id = serializers.UUIDField(read_only=True)
    book = WholeNumberField(read_only=True, allow_null=True, help_text="The book's id.")
    title = TextField(read_only=True, allow_null=True)
    quantity = WholeNumberField(read_only=True, allow_null=True)
    unit_price = PriceField(max_digits=10, decimal_places=2, read_only=True, allow_null=True)
    lines = OrderLineFields(many=True, read_only=True)
    total = PriceField(max_digits=15, decimal_places=2, read_only=True)
    refunded = PriceField(max_digits=15, decimal_places=2, read_only=True, help_text="Money that was given back.")
    status = serializers.ChoiceField(
        choices=ORDER_STATUSES,
        read_only=True,
        help_text="`cancelled` if all copies are; `completed`: to be collected.",
    )
    created_at = MomentField(read_only=True)


class BookOfDayFields(serializers.Serializer[Any]):
    """What was sold of a book on a day."""

    book = WholeNumberField(read_only=True, help_text="The book's id.")
    title = TextField(read_only=True)
    copies = WholeNumberField(read_only=True)
    sold = PriceField(max_digits=20, decimal_places=2, read_only=True, help_text="What they cost.")


class DayFields(serializers.Serializer[Any]):
    """What was sold on a day, by the shop's time zone: in the orders made from `begins` up to, not with, `ends`."""

    date = serializers.DateField(read_only=True)
    begins = MomentField(read_only=True)
    ends = MomentField(read_only=True)
    orders = WholeNumberField(read_only=True)
    copies = WholeNumberField(read_only=True)
    sold = PriceField(max_digits=20, decimal_places=2, read_only=True, help_text="What these copies cost.")
    cancelled_copies = WholeNumberField(read_only=True, help_text="On this day, whenever they were sold.")
    cancelled = PriceField(max_digits=20, decimal_places=2, read_only=True, help_text="What those copies cost.")
    takings = PriceField(max_digits=20, decimal_places=2, read_only=True, help_text="`sold` less `cancelled`.")
    refunded = PriceField(
        max_digits=20, decimal_places=2, read_only=True, help_text="Given back on this day; `takings` don't count it."
    )
    books = BookOfDayFields(many=True, read_only=True, help_text="The 100 that were sold for the most.")


class ChangedLineFields(serializers.Serializer[Any]):
    """Copies that a cancellation took out of an order."""

    book = WholeNumberField(read_only=True, help_text="The book's id.")
    title = TextField(read_only=True)
    quantity = WholeNumberField(read_only=True)


class OrderChangeFields(serializers.Serializer[Any]):
    """What a member of staff did with an order."""

    id = serializers.UUIDField(read_only=True)
    kind = serializers.ChoiceField(
        choices=["collected", "reopened", "cancelled", "refunded"],
        read_only=True,
        help_text="`reopened`: `collected` was a mistake.",
    )
    progress = serializers.ChoiceField(
        choices=["pending", "done", "unsold", "void"],
        read_only=True,
        help_text="Of a cancellation: `pending` until its copies are on the shelf again.",
    )
    lines = ChangedLineFields(many=True, read_only=True)
    amount = PriceField(max_digits=15, decimal_places=2, read_only=True, help_text="Of a refund.")
    actor = TextField(read_only=True)
    reason = TextField(read_only=True)
    created_at = MomentField(read_only=True)


class OrderHistory(serializers.Serializer[Any]):
    """What staff did with an order, oldest first."""

    changes = OrderChangeFields(many=True, read_only=True)


class _Page(serializers.Serializer[Any]):
    count = serializers.IntegerField(help_text="Of all pages together.")
    next = serializers.CharField(allow_null=True, help_text="The next page's path and query.")
    previous = serializers.CharField(allow_null=True)


class BookPage(_Page):
    """A page of books."""

    results = BookFields(many=True)
    corrected = serializers.CharField(
        allow_null=True,
        required=False,
        help_text="With `find`: what was found in place of words that no book has.",
    )


class BookChangePage(_Page):
    """A page of a book's history, newest first."""

    results = BookChangeFields(many=True)


class TitlePage(_Page):
    """A page of the books of a topic."""

    results = TitleFields(many=True)


class TopicPage(_Page):
    """A page of topics, those with most books first."""

    results = TopicFields(many=True)


class OrderPage(_Page):
    """A page of orders."""

    results = OrderFields(many=True)
