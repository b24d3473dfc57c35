"""The stock ledger, to be looked at."""

from django.contrib import admin

from bookstore_project.api.admin_periods import PeriodFilter
from bookstore_project.replication.web.admin import ReadOnlyAdmin
from bookstore_project.settings import topology
from bookstore_project.text.admin_lists import KeyedAdmin
from catalog_app.admin.filters import OfOneBook
from catalog_app.models import LedgerEntry


class LedgerPeriod(PeriodFilter):
    in_time = "id"  # It has no index by time, which each sale would write: rows are only ever added.


@admin.register(LedgerEntry)
class LedgerEntryAdmin(KeyedAdmin, ReadOnlyAdmin):
    service = topology.CATALOG
    list_display = ("id", "created_at", "kind", "title", "change", "balance", "order", "actor")
    list_filter = (LedgerPeriod, "kind", OfOneBook)
    search_fields = ("title", "order")
    key_of = {"title": "title_key"}
    ordering = ("-id",)
    show_full_result_count = False
