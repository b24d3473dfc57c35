"""What orders come to: of a list, and of a day of the shop."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import BigIntegerField, F, Max, QuerySet, Sum
from django.db.models.functions import Cast, Round
from django.utils import timezone

from order_app.models import Order, OrderLine

MOST_BOOKS = 100
"""Of those sold on a day, the ones with the most takings."""


@dataclass(frozen=True)
class Totals:
    """Of some orders."""

    orders: int
    copies: int
    takings: Decimal


def totals_of(orders: QuerySet[Order], lines: QuerySet[OrderLine]) -> Totals:
    """`lines` are those of the orders."""
    sums = lines.order_by().aggregate(copies=Sum("quantity"), cents=Sum(cents()))
    return Totals(orders.order_by().count(), sums["copies"] or 0, money(sums["cents"]))


def cents() -> Any:
    """Of a line, whole cents: SQLite has no decimals, and sums of binary fractions drift."""
    return Cast(Round(F("unit_price") * 100), BigIntegerField()) * F("quantity")


def money(amount: int | None) -> Decimal:
    return Decimal(amount or 0).scaleb(-2)


@dataclass(frozen=True)
class Day:
    """A day of the shop, in its time zone: 23, 24 or 25 hours, from `begins` up to, not with, `ends`."""

    date: date

    @property
    def begins(self) -> datetime:
        """Midnight; on a day that has none, the moment at which the clock is set on."""
        return _midnight(self.date)

    @property
    def ends(self) -> datetime:
        return _midnight(self.date + timedelta(days=1))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())


def day_data(day: Day) -> dict[str, Any]:
    """Within a read: what was sold on that day."""
    orders = Order.objects.filter(created_at__gte=day.begins, created_at__lt=day.ends)
    lines = OrderLine.objects.filter(order__created_at__gte=day.begins, order__created_at__lt=day.ends).order_by()
    totals = totals_of(orders, lines)
    sold = lines.values("book").annotate(title=Max("title"), copies=Sum("quantity"), cents=Sum(cents()))
    return {
        "date": day.date,
        "begins": day.begins,
        "ends": day.ends,
        "orders": totals.orders,
        "copies": totals.copies,
        "takings": totals.takings,
        "books": [
            {"book": row["book"], "title": row["title"], "copies": row["copies"], "takings": money(row["cents"])}
            for row in sold.order_by("-cents", "book")[:MOST_BOOKS]
        ],
    }
