"""The order service's side of the representations."""

from typing import Any

from rest_framework import serializers

from bookstore_project.wire.fields import WholeNumberField
from bookstore_project.wire.pages import PageQuery
from bookstore_project.wire.representations import MAX_BOOK_ID, OrderFields
from order_app.models import Order


class OrderQuery(PageQuery):
    """Filters of the list of orders."""

    book = WholeNumberField(min_value=1, max_value=MAX_BOOK_ID, required=False, help_text="The book's id.")
    created_after = serializers.DateTimeField(required=False, help_text="At or after this moment.")
    created_before = serializers.DateTimeField(required=False, help_text="Before this moment.")


def order_data(order: Order) -> dict[str, Any]:
    """An order as clients see it."""
    return dict(OrderFields(order).data)
