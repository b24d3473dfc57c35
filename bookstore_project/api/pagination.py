"""Pages of a list: checked numbers, and links that never depend on the Host header."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.template.loader import render_to_string
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request

from bookstore_project.api import problems
from bookstore_project.api.fields import StrictFields, TextField, WholeNumberField, checked_fields, made_once
from bookstore_project.text.canonical import without_turning

Row = TypeVar("Row")
PAGE_SIZE = 20
MAX_PAGE_SIZE = 100


class PageQuery(StrictFields):
    """`?page=2&page_size=50`; other parameters are none of its business."""

    page = WholeNumberField(min_value=1, default=1)
    page_size = WholeNumberField(min_value=1, max_value=MAX_PAGE_SIZE, default=PAGE_SIZE)


class SearchField(TextField):
    """Text to look for; blank is the same as absent."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_blank": True, "default": "", "max_length": 200, **options})

    def to_internal_value(self, data: Any) -> str:
        """What turns the direction of a text is left out: it comes along when a title is copied from a page."""
        return super().to_internal_value(without_turning(data) if isinstance(data, str) else data)


def checked_query(serializer: type[StrictFields], request: Request) -> Mapping[str, Any]:
    """The known query parameters, checked; raises ValidationError (400) naming what makes no sense."""
    known = made_once(serializer).fields
    return checked_fields(serializer, {name: value for name, value in request.query_params.items() if name in known})


def page_by_key(
    request: Request,
    rows: Sequence[Row],
    size: int,
    count: int,
    *,
    render: Callable[[Row], Any],
    cursor: Callable[[Row], object],
) -> dict[str, Any]:
    """A page of rows that were looked up behind a cursor; with one more of them than its size, it has a `next`.

    It knows no `previous`: who wants to go back turns the ordering round.
    """
    shown = rows[:size]
    following = _link(request, "after", cursor(shown[-1])) if len(rows) > size else None
    return {"count": count, "next": following, "previous": None, "results": [render(row) for row in shown]}


def _link(request: Request, name: str, value: object) -> str:
    """The same address with another value of this parameter."""
    others = [(each, values) for each, values in request.query_params.lists() if each != name]
    return f"{request.path}?{urlencode([*others, (name, value)], doseq=True)}"


class Pages(PageNumberPagination):
    """Raises ValidationError for a page or a size that makes no sense, NotFound past the end."""

    template = "rest_framework/pagination/previous_and_next.html"
    page_size = PAGE_SIZE
    page_size_query_param = "page_size"
    max_page_size = MAX_PAGE_SIZE
    page: "Page[Any]"
    request: Request
    _shown: Mapping[str, Any] | None = None

    def get_page_size(self, request: Request) -> int:
        size: int = checked_query(PageQuery, request)["page_size"]
        return size

    def get_page_number(self, request: Request, paginator: "Paginator[Any]") -> int:
        number: int = checked_query(PageQuery, request)["page"]
        if number > paginator.num_pages:
            raise problems.NotFound(f"There is no page {number}: the last one is {paginator.num_pages}.")
        return number

    def get_next_link(self) -> str | None:
        return self._link(self.page.next_page_number()) if self.page.has_next() else None

    def get_previous_link(self) -> str | None:
        return self._link(self.page.previous_page_number()) if self.page.has_previous() else None

    def _link(self, number: int) -> str:
        return _link(self.request, self.page_query_param, number)

    def show(self, page: Mapping[str, Any]) -> None:
        """Has the browsable API show the links of a page, which another node may have made."""
        self.display_page_controls = True
        self._shown = page

    def to_html(self) -> str:
        page = self._shown or {}
        return render_to_string(self.template, {"previous_url": page.get("previous"), "next_url": page.get("next")})
