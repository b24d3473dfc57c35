"""Pages of a list: checked numbers, and links that never depend on the Host header."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import QuerySet
from rest_framework.request import Request

from bookstore_project.api import problems
from bookstore_project.api.fields import StrictFields, TextField, WholeNumberField
from bookstore_project.text.canonical import without_turning

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


def checked_query(serializer: type[PageQuery], request: Request) -> Mapping[str, Any]:
    """The known query parameters, checked; raises ValidationError (400) naming what makes no sense."""
    known = serializer().fields
    sent = {name: value for name, value in request.query_params.items() if name in known}
    query = serializer(data=sent)
    query.is_valid(raise_exception=True)
    checked: Mapping[str, Any] = query.validated_data
    return checked


def page_of(
    request: Request, query: Mapping[str, Any], rows: QuerySet[Any], render: Callable[[Any], Any]
) -> dict[str, Any]:
    """One page of `rows`, rendered one by one; raises NotFound past the end."""
    paginator = Paginator(rows, query["page_size"])
    number, last = query["page"], paginator.num_pages
    if number > last:
        raise problems.NotFound(f"There is no page {number}: the last one is {last}.")
    return {
        "count": paginator.count,
        "next": _link(request, number + 1) if number < last else None,
        "previous": _link(request, number - 1) if number > 1 else None,
        "results": [render(row) for row in paginator.page(number)],
    }


def _link(request: Request, page: int) -> str:
    parameters = [(name, value) for name, value in request.query_params.lists() if name != "page"]
    return f"{request.path}?{urlencode([*parameters, ('page', page)], doseq=True)}"
