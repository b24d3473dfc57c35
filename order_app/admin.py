"""Orders, to be looked at: which, when, of which book, and what they come to."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import display_for_value
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.core.paginator import Paginator
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils.text import capfirst

from bookstore_project.api.admin_pages import BoundedPages
from bookstore_project.api.admin_periods import PeriodFilter
from bookstore_project.api.order_numbers import ids_of, may_be_of_id, number_of
from bookstore_project.api.permissions import VIEW_ORDER, is_allowed
from bookstore_project.api.representations import is_book_id
from bookstore_project.replication.web.admin import ReadOnlyAdmin
from bookstore_project.replication.web.exporting import ExportedList
from bookstore_project.settings import topology
from bookstore_project.text.admin_lists import KeyedAdmin, KeyedList
from bookstore_project.text.search import containing
from order_app import admin_changes
from order_app.exporting import export
from order_app.figures import Totals, totals_of
from order_app.models import Order, OrderChange, OrderLine

if TYPE_CHECKING:  # Generic for the type checker only.
    from django.contrib.admin import ModelAdmin

    TabularInline = admin.TabularInline[Any, Order]
else:
    TabularInline = admin.TabularInline

MOST_BOOKS = 15
"""Offered by the filter: those with the most orders. A search finds the others by title."""
MOST_ADDED_UP = 50_000
"""Orders, whose lines are looked up one by one: a month of a busy shop."""
MOST_FOUND = 2_000
"""Lines with the words of a search: of fewer, all orders are known; of more, each order is tried for the list."""
FIRST_TITLE_KEY = Subquery(OrderLine.objects.filter(sale=OuterRef("sale")).order_by().values("title_key"))


class BookFilter(admin.SimpleListFilter):
    """Orders of one book, by its id in the catalog."""

    title = "book"
    parameter_name = "book"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> list[tuple[str, str]]:
        counted = OrderLine.objects.order_by().values("book").annotate(orders=Count("*"))
        books = [row["book"] for row in counted.order_by("-orders", "book")[:MOST_BOOKS]]
        chosen = self._number()
        if chosen is not None and chosen not in books:
            books.append(chosen)
        return [(str(book), self._title(book)) for book in books]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        number = self._number()
        return (
            queryset
            if number is None
            else queryset.filter(pk__in=OrderLine.objects.filter(book=number).order_by().values("order"))
        )

    def _number(self) -> int | None:
        value = self.value()
        if value is None:
            return None
        if not is_book_id(value):
            raise IncorrectLookupParameters(f"{value[:40]} is no id of a book")
        return int(value)

    def _title(self, book: int) -> str:
        """As it was sold once; titles change."""
        title = OrderLine.objects.filter(book=book).order_by().values_list("title", flat=True)[:1]
        return next(iter(title), f"book {book}")


class OrderList(KeyedList):
    """A page of orders, with the totals of the whole list."""

    @cached_property
    def totals(self) -> Totals | None:
        """Of all orders that the filters leave, on all pages; None if those are more than are added up."""
        if self.result_count > MOST_ADDED_UP or getattr(self.paginator, "is_cut", False):
            return None
        found = self.queryset.order_by()
        lines = OrderLine.objects.order_by()
        if self.queryset.query.where:
            lines = lines.filter(order__in=found.values("pk"))
        return totals_of(self.result_count, lines)


class ReadOnlyInline(TabularInline):
    """Rows that belong to an order, to be looked at by whoever sees the order."""

    template = "admin/order_app/order/rows.html"
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_allowed(request.user, VIEW_ORDER)


class LineInline(ReadOnlyInline):
    model = OrderLine
    verbose_name_plural = "what was bought"
    fields = readonly_fields = ("book", "title", "copies", "cancelled", "unit_price", "sum")

    @admin.display
    def copies(self, line: OrderLine) -> int:
        return line.quantity

    @admin.display(description="total")
    def sum(self, line: OrderLine) -> Decimal:
        return line.total


class ChangeInline(ReadOnlyInline):
    """Who did what with it, when and why."""

    model = OrderChange
    verbose_name_plural = "what staff did with it"
    fields = readonly_fields = ("when", "who", "what", "why", "progress")

    @admin.display
    def when(self, change: OrderChange) -> str:
        """As the list of orders tells moments: in the shop's time zone."""
        return display_for_value(change.created_at, "")

    @admin.display
    def who(self, change: OrderChange) -> str:
        return change.actor

    @admin.display
    def why(self, change: OrderChange) -> str:
        return change.reason

    @admin.display
    def what(self, change: OrderChange) -> str:
        return change.in_words()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("lines__line")


class StatusFilter(admin.ChoicesFieldListFilter):
    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            yield {**choice, "display": capfirst(choice["display"])}


class DayFilter(admin.DateFieldListFilter):
    """Those of these days; all periods are in the filter *when*."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "day"


@admin.register(Order)
class OrderAdmin(ExportedList, KeyedAdmin, ReadOnlyAdmin):
    service = topology.ORDER
    export = staticmethod(export)
    list_display = ("number", "state", "books", "copies", "sum", "bought")
    fields = ("number", "state", "bought", "sum", "refunded", "id", "sale")
    readonly_fields = ("number", "state", "bought", "sum")
    list_filter = (("status", StatusFilter), ("created_at", DayFilter), PeriodFilter, BookFilter)
    search_fields = ("lines__title", "id")
    key_of = {"lines__title": "lines__title_key"}
    inlines = (LineInline, ChangeInline)
    actions = (admin_changes.hand_out,)
    list_per_page = 50
    show_full_result_count = False

    @admin.display(ordering="id")
    def number(self, order: Order) -> str:
        """That the customer says."""
        return number_of(str(order.pk))

    @admin.display(ordering=FIRST_TITLE_KEY)
    def books(self, order: Order) -> str:
        return order.books

    @admin.display(description="status", ordering="status")
    def state(self, order: Order) -> str:
        return capfirst(order.get_status_display())

    @admin.display(ordering="created_at")
    def bought(self, order: Order) -> str:
        return display_for_value(order.created_at, "")

    @admin.display
    def copies(self, order: Order) -> str:
        """Those that aren't cancelled, of those that were bought."""
        lines = order.lines.all()
        bought, left = sum(line.quantity for line in lines), sum(line.left for line in lines)
        return f"{bought:,d}" if left == bought else f"{left:,d} of {bought:,d}"

    @admin.display(description="total")
    def sum(self, order: Order) -> str:
        """What is left to pay, of what was bought."""
        bought, left = order.total, order.left_total
        return f"{bought:,.2f}" if left == bought else f"{left:,.2f} of {bought:,.2f}"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("lines")

    def get_ordering(self, request: HttpRequest) -> Any:
        """Newest first: those of a period by their times, in the order of the index that finds them."""
        return ("-created_at", "-sale") if PeriodFilter.parameter_name in request.GET else ("-sale",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """What the number that a customer says finds, if it is one and finds anything; else what has the words."""
        if (ids := ids_of(search_term)) is not None:
            meant = queryset.filter(id__range=ids)
            if meant.exists():
                return meant, False
        found, _ = super().get_search_results(request, queryset, search_term)
        return found, False

    def searched(self, search_term: str, wanted: Sequence[str]) -> Q:
        """That a line has all words, in its title or its order's id: by a join, an order would be there twice."""
        found = containing(search_term, {"title_key": "title"}, ["order__id"] if may_be_of_id(search_term) else [])
        lines = OrderLine.objects.filter(found).order_by()
        orders = list(lines.order_by("-sale").values_list("order", flat=True)[: MOST_FOUND + 1])
        if len(orders) <= MOST_FOUND:
            return Q(pk__in=set(orders))
        return Q(Exists(lines.filter(order=OuterRef("pk"))))

    def get_paginator(self, request: HttpRequest, *args: Any, **kwargs: Any) -> "Paginator[Any]":
        """How many orders a search finds is counted up to a bound; an index or a short scan tells of all others."""
        pages = BoundedPages if request.GET.get(SEARCH_VAR) else Paginator
        return pages(*args, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        return [*admin_changes.urls(self), *super().get_urls()]

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Leads to what staff did with the order, whichever way: the framework's journal knows the admin alone."""
        return HttpResponseRedirect(f"{reverse('admin:order_app_order_change', args=[object_id])}#changes-group")

    def get_actions(self, request: HttpRequest) -> Any:
        """Who may only look has none."""
        return super().get_actions(request) if admin_changes.may_change(self, request) else {}

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        context["may_change_order"] = admin_changes.may_change(self, request)
        return super().render_change_form(request, context, *args, **kwargs)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return OrderList
