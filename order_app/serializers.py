"""The order service's side of the representations."""

from typing import Any

from bookstore_project.api.representations import OrderFields
from order_app.models import Order

_ORDER = OrderFields()


def order_data(order: Order) -> dict[str, Any]:
    """An order as clients see it."""
    return dict(_ORDER.to_representation(order))
