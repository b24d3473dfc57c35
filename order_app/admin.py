"""Orders, to be looked at: which, when, of which book, and what they come to."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import BigIntegerField, Count, F, QuerySet, Sum
from django.db.models.functions import Cast, Round
from django.http import HttpRequest

from bookstore_project.api.representations import is_book_id
from bookstore_project.replication.web.admin import ReadOnlyAdmin
from bookstore_project.settings import topology
from bookstore_project.text.admin_lists import KeyedAdmin, KeyedList
from order_app.models import Order

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

MOST_BOOKS = 15
"""Offered by the filter: those with the most orders. A search finds the others by title."""


class BookFilter(admin.SimpleListFilter):
    """Orders of one book, by its id in the catalog."""

    title = "book"
    parameter_name = "book"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> list[tuple[str, str]]:
        counted = Order.objects.order_by().values("book").annotate(orders=Count("*"))
        books = [row["book"] for row in counted.order_by("-orders", "book")[:MOST_BOOKS]]
        chosen = self._number()
        if chosen is not None and chosen not in books:
            books.append(chosen)
        return [(str(book), self._title(book)) for book in books]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        number = self._number()
        return queryset if number is None else queryset.filter(book=number)

    def _number(self) -> int | None:
        value = self.value()
        if value is None:
            return None
        if not is_book_id(value):
            raise IncorrectLookupParameters(f"{value[:40]} is no id of a book")
        return int(value)

    def _title(self, book: int) -> str:
        """As it was sold once; titles change."""
        title = Order.objects.filter(book=book).order_by().values_list("title", flat=True)[:1]
        return next(iter(title), f"book {book}")


@dataclass(frozen=True)
class Totals:
    """Of all orders that the filters leave, on all pages."""

    orders: int
    copies: int
    turnover: Decimal


class OrderList(KeyedList):
    """A page of orders, with the totals of the whole list."""

    @cached_property
    def totals(self) -> Totals:
        # In whole cents: SQLite has no decimals, and sums of binary fractions drift.
        cents = Cast(Round(F("unit_price") * 100), BigIntegerField()) * F("quantity")
        found = self.queryset.order_by().aggregate(orders=Count("pk"), copies=Sum("quantity"), cents=Sum(cents))
        return Totals(found["orders"], found["copies"] or 0, Decimal(found["cents"] or 0).scaleb(-2))


@admin.register(Order)
class OrderAdmin(KeyedAdmin, ReadOnlyAdmin):
    service = topology.ORDER
    list_display = ("created_at", "title", "quantity", "unit_price", "sum", "book", "status", "id")
    list_display_links = ("created_at", "id")
    list_filter = ("created_at", BookFilter)
    search_fields = ("title", "id")
    key_of = {"title": "title_key"}
    date_hierarchy = "created_at"
    list_per_page = 50
    show_full_result_count = False

    @admin.display(description="total")
    def sum(self, order: Order) -> Decimal:
        return order.total

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return OrderList
