"""The stock ledger, to be looked at."""

from collections.abc import Sequence

from django.contrib import admin
from django.contrib.admin.utils import display_for_value
from django.db.models import Q

from bookstore_project.api.admin_pages import BoundedPages
from bookstore_project.api.admin_periods import PeriodFilter
from bookstore_project.api.order_numbers import may_be_of_id
from bookstore_project.replication.web.admin import ReadOnlyAdmin
from bookstore_project.settings import topology
from bookstore_project.text.admin_lists import KeyedAdmin
from catalog_app.admin.filters import OfOneBook, SortedOfOneBook
from catalog_app.models import LedgerEntry


class LedgerPeriod(PeriodFilter):
    in_time = "id"  # It has no index by time, which each sale would write: rows are only ever added.


@admin.register(LedgerEntry)
class LedgerEntryAdmin(SortedOfOneBook, KeyedAdmin, ReadOnlyAdmin):
    service = topology.CATALOG
    list_display = ("id", "when", "what", "title", "copies", "stock_after", "order_number", "who")
    list_filter = (LedgerPeriod, "kind", OfOneBook)
    search_fields = ("title", "order")
    key_of = {"title": "title_key"}
    ordering = ("-id",)
    quick_to_sort = ("id", "when")
    show_full_result_count = False
    paginator = BoundedPages

    def searched(self, search_term: str, wanted: Sequence[str]) -> Q:
        """What can't be in an order's id isn't looked for there, in each row."""
        is_of_ids = may_be_of_id(search_term)
        return super().searched(search_term, [field for field in wanted if field != "order" or is_of_ids])

    @admin.display(ordering="id")  # Rows are only ever added.
    def when(self, entry: LedgerEntry) -> str:
        return display_for_value(entry.created_at, "")

    @admin.display(ordering="kind")
    def what(self, entry: LedgerEntry) -> str:
        return entry.get_kind_display()

    @admin.display(ordering="change")
    def copies(self, entry: LedgerEntry) -> str:
        return f"{entry.change:+,d}"

    @admin.display(description="stock after it", ordering="balance")
    def stock_after(self, entry: LedgerEntry) -> str:
        return f"{entry.balance:,d}"

    @admin.display(description="order", ordering="order")
    def order_number(self, entry: LedgerEntry) -> str:
        return entry.order_number

    @admin.display(ordering="actor")
    def who(self, entry: LedgerEntry) -> str:
        return entry.actor
