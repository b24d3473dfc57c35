"""What narrows the lists of books and of their ledger."""

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest

from bookstore_project.api.representations import is_book_id
from catalog_app.models import Book

if TYPE_CHECKING:  # What it is mixed into has more of it.
    from django.contrib.admin import ModelAdmin

    Base = ModelAdmin[Any]
else:
    Base = object


class StockFilter(SimpleListFilter):
    """What has run low or out among the books on sale; low is what a periodic restock would fill up."""

    title = "stock"
    parameter_name = "stock"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> list[tuple[str, str]]:
        return [
            ("low", f"low: fewer than {settings.RESTOCK_LEVEL}"),
            ("out", "sold out"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "low":
            return queryset.filter(retired=False, quantity__lt=settings.RESTOCK_LEVEL)
        if self.value() == "out":
            return queryset.filter(retired=False, quantity=0)
        return queryset


class SortedOfOneBook(Base):
    """A list of rows of many books, which is sorted by `quick_to_sort` alone, unless it is of one book."""

    quick_to_sort: tuple[str, ...] = ()

    def get_sortable_by(self, request: HttpRequest) -> Any:
        return super().get_sortable_by(request) if OfOneBook.parameter_name in request.GET else self.quick_to_sort


class OfOneBook(SimpleListFilter):
    """Rows of the book whose id the address names; it offers no other books, of which there may be many."""

    title = "book"
    parameter_name = "book"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> list[tuple[str, str]]:
        if self.value() is None:
            return []
        book = Book.objects.filter(pk=self._number()).first()
        return [(str(self.value()), book.title if book else f"no book {self.value()}")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset if self.value() is None else queryset.filter(book=self._number())

    def _number(self) -> int:
        value = self.value() or ""
        if not is_book_id(value):
            raise IncorrectLookupParameters(f"{value[:40]} is no id of a book")
        return int(value)
