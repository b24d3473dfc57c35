"""What orders come to: of a list, and of a day of the shop."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import BigIntegerField, F, Max, QuerySet, Sum
from django.db.models.functions import Cast, Round
from django.utils import timezone

from order_app.models import CancelledLine, Order, OrderChange, OrderLine

MOST_BOOKS = 100
"""Of those sold on a day, those that were sold for the most."""


@dataclass(frozen=True)
class Totals:
    """Of some orders: what was sold, and what of it was cancelled, whenever that was."""

    orders: int
    copies: int
    sold: Decimal
    cancelled_copies: int
    cancelled: Decimal

    @property
    def takings(self) -> Decimal:
        return self.sold - self.cancelled


def totals_of(orders: int, lines: QuerySet[OrderLine]) -> Totals:
    """`lines` are those of so many orders."""
    sums = lines.order_by().aggregate(
        copies=Sum("quantity"),
        cents=Sum(cents("quantity")),
        cancelled_copies=Sum("cancelled"),
        cancelled_cents=Sum(cents("cancelled")),
    )
    return Totals(
        orders,
        sums["copies"] or 0,
        money(sums["cents"]),
        sums["cancelled_copies"] or 0,
        money(sums["cancelled_cents"]),
    )


def cents(copies: str, price: str = "unit_price") -> Any:
    """Of so many copies, whole cents: SQLite has no decimals, and sums of binary fractions drift."""
    return whole_cents(price) * F(copies)


def whole_cents(money: str) -> Any:
    return Cast(Round(F(money) * 100), BigIntegerField())


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
    """Within a read: what was sold, cancelled and given back on that day.

    What is cancelled on a later day lessens that day's takings: those of a day that is over don't change any more.
    """
    orders = Order.objects.filter(created_at__gte=day.begins, created_at__lt=day.ends)
    lines = OrderLine.objects.filter(order__created_at__gte=day.begins, order__created_at__lt=day.ends).order_by()
    totals = totals_of(orders.count(), lines)
    sold = lines.values("book").annotate(title=Max("title"), copies=Sum("quantity"), cents=Sum(cents("quantity")))
    cancelled = _cancelled_on(day)
    return {
        "date": day.date,
        "begins": day.begins,
        "ends": day.ends,
        "orders": totals.orders,
        "copies": totals.copies,
        "sold": totals.sold,
        "cancelled_copies": cancelled["copies"] or 0,
        "cancelled": money(cancelled["cents"]),
        "takings": totals.sold - money(cancelled["cents"]),
        "refunded": _refunded_on(day),
        "books": [
            {"book": row["book"], "title": row["title"], "copies": row["copies"], "sold": money(row["cents"])}
            for row in sold.order_by("-cents", "book")[:MOST_BOOKS]
        ],
    }


def _changes_of(day: Day, kind: OrderChange.Kind) -> QuerySet[OrderChange]:
    """Without those that were taken back."""
    changes = OrderChange.objects.filter(kind=kind, created_at__gte=day.begins, created_at__lt=day.ends)
    return changes.exclude(progress=OrderChange.Progress.VOID).order_by()


def _cancelled_on(day: Day) -> dict[str, Any]:
    """Copies of orders of this day, and of those before."""
    lines = CancelledLine.objects.filter(change__in=_changes_of(day, OrderChange.Kind.CANCELLED).values("pk"))
    return lines.order_by().aggregate(copies=Sum("quantity"), cents=Sum(cents("quantity", "line__unit_price")))


def _refunded_on(day: Day) -> Decimal:
    found = _changes_of(day, OrderChange.Kind.REFUNDED).aggregate(cents=Sum(whole_cents("amount")))
    return money(found["cents"])
