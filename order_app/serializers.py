"""The order service's side of the representations."""

from typing import Any

from bookstore_project.api.representations import DayFields, OrderFields
from order_app.figures import Day, day_data
from order_app.models import Order

_ORDER = OrderFields()
_IN_SHORT = ("id", "total", "status", "created_at")
_OF_A_SINGLE_LINE = ("book", "title", "quantity", "unit_price")


def day_body(day: Day) -> dict[str, Any]:
    """Within a read."""
    return dict(DayFields(day_data(day)).data)


def order_data(order: Order) -> dict[str, Any]:
    """An order as clients see it."""
    lines = list(order.lines.all())
    single = lines[0] if len(lines) == 1 else None
    seen = {name: getattr(single, name, None) for name in _OF_A_SINGLE_LINE}
    members = {"id": order.id, "lines": lines, "total": order.total, "status": order.status}
    return dict(_ORDER.to_representation({**members, **seen, "created_at": order.created_at}))


def order_in_short(order: Order) -> dict[str, Any]:
    """As a front shows it among others: the first title, and how many more books there are."""
    data = order_data(order)
    first, *others = data["lines"]
    return {name: data[name] for name in _IN_SHORT} | {"title": first["title"], "more": len(others)}
