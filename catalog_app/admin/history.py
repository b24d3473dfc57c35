"""The history of books: on a page for each book, and of all books as a list."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import PAGE_VAR
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest

from bookstore_project.api.admin_pages import BoundedPages
from bookstore_project.api.admin_periods import PeriodFilter
from bookstore_project.api.permissions import VIEW_BOOK, is_allowed
from bookstore_project.replication.web.admin import ReadOnlyAdmin
from bookstore_project.settings import topology
from bookstore_project.text.admin_lists import KeyedAdmin
from catalog_app.admin.filters import OfOneBook
from catalog_app.models import Book, BookChange

ROWS = 100
"""Of a book's history, on one page."""


def history_context(request: HttpRequest, book: Book) -> dict[str, Any]:
    """What stands on the page of a book's history, in the place of the framework's own journal.

    That one knows what was done in the admin alone, and neither from what nor to what.
    """
    paginator: Paginator[BookChange] = Paginator(book.history.order_by("-id"), ROWS)
    page = paginator.get_page(request.GET.get(PAGE_VAR, 1))
    return {
        "title": f"History: {book}",
        "action_list": page,
        "page_range": paginator.get_elided_page_range(page.number),
        "pagination_required": paginator.num_pages > 1,
    }


class WayFilter(admin.ChoicesFieldListFilter):
    """Its name stands after *By*."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "way"


@admin.register(BookChange)
class BookChangeAdmin(KeyedAdmin, ReadOnlyAdmin):
    service = topology.CATALOG
    list_display = ("created_at", "book", "field", "before", "after", "actor", "way")
    list_filter = (PeriodFilter, "field", ("way", WayFilter), OfOneBook)
    search_fields = ("book__title", "actor")
    key_of = {"book__title": "book__title_key"}
    list_select_related = ("book",)
    show_full_result_count = False
    paginator = BoundedPages

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Who may see a book may see its history."""
        return self.is_at_home and is_allowed(request.user, VIEW_BOOK)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_ordering(self, request: HttpRequest) -> Any:
        """Newest first: those of a period by their times, in the order of the index that finds them."""
        return ("-created_at", "-id") if PeriodFilter.parameter_name in request.GET else ("-id",)
