"""Orders and their lines as a CSV file: a row for each line, with what its order says."""

from collections.abc import Iterator
from datetime import UTC
from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse
from django.utils import timezone

from bookstore_project.api.csv_files import csv_file
from bookstore_project.api.order_numbers import number_of
from bookstore_project.text.formulas import formula_guarded
from order_app.models import Order, OrderLine

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
)
NAME = "orders.csv"


def export(orders: QuerySet[Order]) -> FileResponse:
    """Inside of a gated read: all lines of these orders, as of one moment, the newest order first."""
    lines = OrderLine.objects.filter(order__in=orders.order_by().values("pk"))
    lines = lines.select_related("order").order_by("-order__sale", "sale")
    return csv_file(COLUMNS, _rows(lines), NAME)


def _rows(lines: QuerySet[OrderLine]) -> Iterator[list[str]]:
    for line in lines.iterator():
        order = line.order
        created_at = order.created_at.astimezone(UTC)
        cells: tuple[Any, ...] = (
            order.pk,
            number_of(str(order.pk)),
            timezone.localdate(created_at),
            created_at.isoformat().replace("+00:00", "Z"),
            order.status,
            line.book,
            formula_guarded(line.title),
            line.quantity,
            line.cancelled,
            line.unit_price,
            line.total,
        )
        yield [str(cell) for cell in cells]
