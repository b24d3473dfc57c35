"""The history of books: on a page for each book, and of all books as a list."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import PAGE_VAR
from django.core.paginator import Paginator
from django.db.models import Exists, Model, OuterRef, Q
from django.http import HttpRequest

from bookstore_project.api.admin_pages import BoundedPages
from bookstore_project.api.admin_periods import PeriodFilter
from bookstore_project.api.permissions import VIEW_BOOK, is_allowed
from bookstore_project.replication.web.admin import ReadOnlyAdmin
from bookstore_project.settings import topology
from bookstore_project.text.admin_lists import KeyedAdmin
from bookstore_project.text.search_keys import Word, words_of
from catalog_app.admin.filters import OfOneBook, SortedOfOneBook
from catalog_app.models import Book, BookChange

MOST_FOUND = 20_000
"""Books with the words of a search: of fewer, all are found first; of more, each row's book is tried."""
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


class ChangePages(BoundedPages):
    """Fewer: where a search is for many books, each row's book is tried."""

    most = 2_000


def _of_books(words: Sequence[Word]) -> Q:
    """That a book has these words in its title."""
    books = Book.objects.titled(words).order_by()
    if books[: MOST_FOUND + 1].count() <= MOST_FOUND:
        return Q(book__in=books.values("pk"))
    return Q(Exists(books.filter(pk=OuterRef("book"))))


@admin.register(BookChange)
class BookChangeAdmin(SortedOfOneBook, KeyedAdmin, ReadOnlyAdmin):
    service = topology.CATALOG
    list_display = ("created_at", "book", "field", "before", "after", "actor", "way")
    list_filter = (PeriodFilter, "field", ("way", WayFilter), OfOneBook)
    search_fields = ("book__title", "actor")
    key_of = {"book__title": "book__title_key"}
    quick_to_sort = ("created_at",)
    list_select_related = ("book",)
    show_full_result_count = False
    paginator = ChangePages

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Who may see a book may see its history."""
        return self.is_at_home and is_allowed(request.user, VIEW_BOOK)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def searched(self, search_term: str, wanted: Sequence[str]) -> Q:
        """By the index of words, and by the few who have changed anything: no row's book is looked up."""
        actors = list(BookChange.objects.order_by().values_list("actor", flat=True).distinct())
        condition, of_titles = Q(), []
        for word in words_of(search_term):
            like = [actor for actor in actors if (word.key or word.literal).casefold() in actor.casefold()]
            if like:
                condition &= Q(actor__in=like) | _of_books([word])
            else:
                of_titles.append(word)
        return condition & _of_books(of_titles) if of_titles else condition

    def get_ordering(self, request: HttpRequest) -> Any:
        """Newest first: those of a period by their times, in the order of the index that finds them."""
        return ("-created_at", "-id") if PeriodFilter.parameter_name in request.GET else ("-id",)
