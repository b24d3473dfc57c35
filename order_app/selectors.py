"""Reads of the order service. Each runs inside a gated read or a replicated transaction."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import QuerySet

from bookstore_project.api import problems
from order_app.models import Order, OrderChange, OrderLine


def order_find(order_id: uuid.UUID) -> Order | None:
    """The order of that id with its lines, if there is one. (`first()` would sort, by what there is only one of.)"""
    found = next(iter(Order.objects.filter(pk=order_id).order_by()), None)
    return found and with_lines(found, OrderLine.objects.filter(order=found.pk))


def with_lines(order: Order, lines: Iterable[OrderLine]) -> Order:
    """The order, with lines that needn't be asked for any more: the snapshot that they are of may be closed then."""
    vars(order)["_prefetched_objects_cache"] = {"lines": list(lines)}
    return order


def orders_of(ids: Sequence[uuid.UUID]) -> list[Order]:
    """Those of these orders that are written, with their lines, as they are named."""
    found = Order.objects.prefetch_related("lines").in_bulk(ids)
    return [found[each] for each in ids if each in found]


def orders_matching(query: Mapping[str, Any]) -> QuerySet[Order]:
    """Orders with their lines, by book and time, newest first."""
    orders = Order.objects.prefetch_related("lines")
    if query.get("book") is not None:
        orders = orders.filter(lines__book=query["book"])
    if query.get("number") is not None:
        orders = orders.filter(id__range=query["number"])
    if query.get("created_after") is not None:
        orders = orders.filter(created_at__gte=query["created_after"])
    if query.get("created_before") is not None:
        orders = orders.filter(created_at__lt=query["created_before"])
    if query.get("status") is not None:
        orders = orders.filter(status=query["status"])
    return orders


def changes_of(order_id: uuid.UUID) -> list[OrderChange]:
    """What staff did with an order, oldest first, each with its lines. Raises NotFound."""
    if not Order.objects.filter(pk=order_id).exists():
        raise problems.NotFound(f"There is no order {order_id}.")
    return list(OrderChange.objects.filter(order=order_id).prefetch_related("lines__line"))
