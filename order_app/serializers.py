"""The order service's side of the representations."""

from typing import Any

from bookstore_project.api.representations import DayFields, OrderChangeFields, OrderFields
from order_app.figures import Day, day_data
from order_app.models import Order, OrderChange

_ORDER = OrderFields()
_IN_SHORT = ("id", "total", "status", "created_at")
_CHANGE = OrderChangeFields()
_OF_A_CHANGE = ("id", "kind", "progress", "amount", "actor", "reason", "created_at")
_OF_A_SINGLE_LINE = ("book", "title", "quantity", "unit_price")


def day_body(day: Day) -> dict[str, Any]:
    """Within a read."""
    return dict(DayFields(day_data(day)).data)


def order_data(order: Order) -> dict[str, Any]:
    """An order as clients see it."""
    lines = list(order.lines.all())
    single = lines[0] if len(lines) == 1 else None
    seen = {name: getattr(single, name, None) for name in _OF_A_SINGLE_LINE}
    members = {"id": order.id, "lines": lines, "total": order.total, "refunded": order.refunded}
    return dict(_ORDER.to_representation({**members, **seen, "status": order.status, "created_at": order.created_at}))


def order_in_short(order: Order) -> dict[str, Any]:
    """As a front shows it among others: its first title, how many more books, and what isn't cancelled of it."""
    data = order_data(order)
    first, *others = data["lines"]
    left = f"{order.left_total:.2f}"
    return {name: data[name] for name in _IN_SHORT} | {"title": first["title"], "more": len(others), "left": left}


def change_data(change: OrderChange) -> dict[str, Any]:
    """What was done with an order, as staff see it."""
    lines = [
        {"book": each.line.book, "title": each.line.title, "quantity": each.quantity} for each in change.lines.all()
    ]
    own = {name: getattr(change, name) for name in _OF_A_CHANGE}
    return dict(_CHANGE.to_representation({**own, "lines": lines}))
