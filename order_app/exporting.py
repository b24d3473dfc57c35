"""Orders and their lines as a CSV file: a row for each line, with what its order says."""

from collections.abc import Iterator
from datetime import UTC
from itertools import groupby
from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse
from django.utils import timezone

from bookstore_project.api.csv_files import csv_file
from bookstore_project.api.order_numbers import number_of
from bookstore_project.text.formulas import formula_guarded
from order_app.models import Order, OrderLine
from order_app.selectors import with_lines

COLUMNS = (
    "order",
    "number",
    "day",
    "created_at",
    "status",
    "book",
    "title",
    "quantity",
    "cancelled",
    "unit_price",
    "total",
    "left",
    "left_total",
    "order_total",
    "order_left_total",
    "order_refunded",
)
"""The last three say the same on each line of an order."""
NAME = "orders.csv"


def export(orders: QuerySet[Order]) -> FileResponse:
    """Inside of a gated read: all lines of these orders, as of one moment, the newest order first."""
    lines = OrderLine.objects.filter(order__in=orders.order_by().values("pk"))
    lines = lines.select_related("order").order_by("-order__sale", "sale")
    return csv_file(COLUMNS, _rows(lines), NAME)


def _rows(lines: QuerySet[OrderLine]) -> Iterator[list[str]]:
    for _, group in groupby(lines.iterator(), key=lambda line: line.order_id):
        of_order = list(group)
        order = with_lines(of_order[0].order, of_order)
        before, behind = _of_order(order), (order.total, order.left_total, order.refunded)
        for line in of_order:
            yield [str(cell) for cell in (*before, *_of_line(line), *behind)]


def _of_order(order: Order) -> tuple[Any, ...]:
    created_at = order.created_at.astimezone(UTC)
    return (
        order.pk,
        number_of(str(order.pk)),
        timezone.localdate(created_at),
        created_at.isoformat().replace("+00:00", "Z"),
        order.status,
    )


def _of_line(line: OrderLine) -> tuple[Any, ...]:
    return (
        line.book,
        formula_guarded(line.title),
        line.quantity,
        line.cancelled,
        line.unit_price,
        line.total,
        line.left,
        line.left_total,
    )
