"""Reads of the order service. Each runs inside a gated read or a replicated transaction."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from bookstore_project.api import problems
from order_app.models import Order


def order_find(order_id: uuid.UUID) -> Order | None:
    """The order of that id, if there is one. (`first()` would sort, by what there is only one of.)"""
    return next(iter(Order.objects.filter(pk=order_id).order_by()), None)


def order_get(order_id: uuid.UUID) -> Order:
    """Raises NotFound."""
    order = order_find(order_id)
    if order is None:
        raise problems.NotFound(f"There is no order {order_id}.")
    return order


def orders_matching(query: Mapping[str, Any]) -> QuerySet[Order]:
    """Orders by book and time, newest first."""
    orders = Order.objects.all()
    if query.get("book") is not None:
        orders = orders.filter(book=query["book"])
    if query.get("created_after") is not None:
        orders = orders.filter(created_at__gte=query["created_after"])
    if query.get("created_before") is not None:
        orders = orders.filter(created_at__lt=query["created_before"])
    return orders
