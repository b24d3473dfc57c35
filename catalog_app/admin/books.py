"""The pages of books: the list with both replicas' stock, and one book with its ledger."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.views import redirect_to_login
from django.db.models import Model, Q
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from bookstore_project.api.permissions import DELETE_BOOK
from bookstore_project.replication.transaction import get_verified
from bookstore_project.replication.web.admin import ReplicatedAdmin
from bookstore_project.replication.web.exporting import ExportedList
from bookstore_project.replication.web.failover_page import others_in_sync
from bookstore_project.settings import topology
from bookstore_project.text.admin_lists import KeyedAdmin, KeyedList
from catalog_app.admin.counting import CountedPages, TopicFilter
from catalog_app.admin.exporting import export
from catalog_app.admin.filters import StockFilter
from catalog_app.admin.forms import BookForm, BookRowForm
from catalog_app.admin.history import history_context
from catalog_app.admin.replica_comparison import Comparison, compare
from catalog_app.admin.restocking import restock
from catalog_app.admin.retiring import bring_back, retire
from catalog_app.models import SORTED_BY_KEY, Book, LedgerEntry, has_words_or_numbers
from catalog_app.services import edit_book, record

LEDGER_ROWS = 20
"""Of a book's ledger, on the book's page; the list of the ledger has all."""
LOST_FLAG = "lost"
"""In the address of the import's form: one was sent by somebody whose session had ended."""


class BookList(KeyedList):
    """A page of books, with what the other replica has of them."""

    request: HttpRequest

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.request = request
        self._adopt_books()

    def _adopt_books(self) -> None:
        """A column's function is given a book, and no request."""
        for book in self.result_list:
            book.page = self

    @cached_property
    def comparison(self) -> Comparison:
        return compare(list(self.result_list))

    @property
    def elsewhere(self) -> Any:
        return others_in_sync(topology.CATALOG, self.request)

    @property
    def formset(self) -> Any:
        return self._formset

    @formset.setter
    def formset(self, formset: Any) -> None:
        """A form that is shown again stands beside its own book, though a sale may have changed the order since."""
        self._formset = formset
        if formset is not None and formset.is_bound:
            self.result_list = [form.instance for form in formset.forms]
            self._adopt_books()


@admin.register(Book)
class BookAdmin(ExportedList, KeyedAdmin, ReplicatedAdmin):
    service = topology.CATALOG
    export = staticmethod(export)
    form: Any = BookForm
    list_display = ("id", "title", "price", "quantity", "stock_there", "authors", "topic", "retired_if_so")
    list_display_links = ("id", "title")
    list_editable = ("price", "quantity")
    actions: Any = (restock, retire, bring_back)
    list_filter = (StockFilter, "retired", TopicFilter)
    search_fields = ("title", "authors", "isbn13")
    key_of = SORTED_BY_KEY
    fields = ("title", "authors", "isbn13", "topic", "price", "quantity", "version", "retired")
    readonly_fields = ("version",)
    list_per_page = 50
    # "Show all" stays below DATA_UPLOAD_MAX_NUMBER_FIELDS: a row of the form has six fields.
    list_max_show_all = 150
    show_full_result_count = False
    paginator = CountedPages

    class Media:
        css = {"all": ("catalog_app/stock.css",)}

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("import/", self.import_or_login, name="catalog_app_book_import"),
            path(
                "import/rejected/<slug:token>/",
                self.admin_site.admin_view(self.rejected_view),
                name="catalog_app_book_rejected",
            ),
        ]
        return own + super().get_urls()

    def import_or_login(self, request: HttpRequest) -> HttpResponseBase:
        """`import_view`; who sends a form without being logged in is told, after the login, that it is lost."""
        if request.method == "POST" and not self.admin_site.has_permission(request):
            return redirect_to_login(f"{request.path}?{LOST_FLAG}", reverse("admin:login"))
        return self.admin_site.admin_view(self.import_view)(request)

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Not one transaction, but one for each batch."""
        from catalog_app.admin.uploading import import_page  # Far more than all other pages take.

        def answer() -> HttpResponse:
            return import_page(self, request, is_lost=LOST_FLAG in request.GET).render()

        if request.method == "POST":
            return answer()
        return self.explained(request, lambda: self.through_replication(request, answer))

    def rejected_view(self, request: HttpRequest, token: str) -> HttpResponseBase:
        """Of no transaction: the file lies beside the store."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        from catalog_app.admin.uploading import rejected_file

        return rejected_file(self, request, token)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Of every way in which the book was changed."""

        def answer() -> HttpResponse:
            book: Any = self.get_object(request, unquote(object_id))
            context = history_context(request, book) if book is not None else {}
            return super(BookAdmin, self).history_view(request, object_id, {**context, **(extra_context or {})})

        return self.explained(request, lambda: self.through_replication(request, answer))

    @admin.display(description="stock there")
    def stock_there(self, book: Any) -> SafeString:
        page: BookList | None = getattr(book, "page", None)
        if page is None:
            return SafeString("")
        there = page.comparison.of(book)
        return format_html(
            '<span class="stock stock-{}">{} <span aria-hidden="true">{}</span> {}</span>',
            there.finding.name.lower(),
            "" if there.quantity is None else there.quantity,
            there.finding.sign,
            there.words,
        )

    def searched(self, search_term: str, wanted: Sequence[str]) -> Q:
        """By the index of words; a number may be the book's own, too."""
        return has_words_or_numbers(search_term)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return BookList

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        return super().get_changelist_form(request, **{"form": BookRowForm, **kwargs})

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """To take a book out of the shop is what the API's DELETE does, and takes the same permission."""
        return (*super().get_readonly_fields(request, obj), "retired_told")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        fields = super().get_fields(request, obj)
        if obj is None:
            fields = tuple(field for field in fields if field != "version")
        if request.user.has_perm(DELETE_BOOK):
            return fields
        return tuple("retired_told" if field == "retired" else field for field in fields)

    @admin.display(description="retired")
    def retired_if_so(self, book: Book) -> str:
        """Nothing for what is normal."""
        return "retired" if book.retired else ""

    @admin.display(description="retired")
    def retired_told(self, book: Book) -> str:
        return "yes" if book.retired else "no"

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Books are retired, not deleted: their ledger stays."""
        return False

    def has_retire_permission(self, request: HttpRequest) -> bool:
        """For the actions that take books out of the shop, and put them back."""
        return self.is_at_home and request.user.has_perm(DELETE_BOOK)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """A changed quantity leaves its ledger row, as everywhere; what wasn't changed isn't written."""
        actor = request.user.get_username()
        if not change:
            super().save_model(request, obj, form, change)
            record(obj, LedgerEntry.Kind.INITIAL, obj.quantity, actor=actor)
            return
        book = get_verified(Book, obj.pk)
        assert book is not None, "the form was made from it, within this transaction"
        edit_book(book, {name: form.cleaned_data[name] for name in form.changed_data}, actor)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if obj is not None:
            newest = LedgerEntry.objects.filter(book=obj.pk).order_by("-id")
            context |= {"ledger": list(newest[:LEDGER_ROWS]), "ledger_count": newest.count()}
        return super().render_change_form(request, context, add, change, form_url, obj)
