"""Stock inspection: books, and the ledger that explains them."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from bookstore_project.replication.admin import ReadOnlyAdmin, ReplicatedAdmin
from bookstore_project.settings import topology
from catalog_app.models import Book, LedgerEntry
from catalog_app.services import record

if TYPE_CHECKING:  # Generic for the type checker only.
    TabularInline = admin.TabularInline[LedgerEntry, Book]
else:
    TabularInline = admin.TabularInline


class LedgerInline(TabularInline):
    """A book's ledger, newest first, on the book's page."""

    model = LedgerEntry
    fields = readonly_fields = ("created_at", "kind", "change", "balance", "order", "actor")
    ordering = ("-id",)
    max_num = 0
    extra = 0
    can_delete = False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Book)
class BookAdmin(ReplicatedAdmin):
    service = topology.CATALOG
    list_display = ("id", "title", "authors", "topic", "price", "quantity", "version", "retired")
    list_display_links = ("id", "title")
    list_filter = ("retired", "topic")
    search_fields = ("title", "authors", "isbn13")
    fields = ("title", "authors", "isbn13", "topic", "price", "quantity", "version", "retired")
    readonly_fields = ("version",)
    inlines = (LedgerInline,)
    list_per_page = 50
    show_full_result_count = False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Books are retired, not deleted: their ledger stays."""
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """A changed quantity leaves its ledger row, as everywhere."""
        before = Book.objects.get(pk=obj.pk).quantity if change else 0
        obj.isbn13 = obj.isbn13 or None
        super().save_model(request, obj, form, change)
        kind = LedgerEntry.Kind.CORRECTION if change else LedgerEntry.Kind.INITIAL
        if not change or obj.quantity != before:
            record(obj, kind, obj.quantity - before, actor=request.user.get_username())


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    service = topology.CATALOG
    list_display = ("id", "created_at", "kind", "title", "change", "balance", "order", "actor")
    list_filter = ("kind",)
    search_fields = ("title", "order")
    date_hierarchy = "created_at"
    list_select_related = ("book",)
    show_full_result_count = False
