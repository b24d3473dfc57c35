"""The basket's page, and the forms that change it."""

from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from bookstore_project.api import problems
from bookstore_project.api.health import read_only
from bookstore_project.api.representations import MAX_LINES
from frontend_app.runtime import front
from frontend_app.shop import basket as baskets
from frontend_app.shop import catalogue, forms
from frontend_app.shop.basket import Basket
from frontend_app.shop.catalogue import Refused
from frontend_app.shop.pages import changes, page, show


@read_only
@page
def basket(request: HttpRequest) -> HttpResponse:
    """What is in it, as of now; and what is to be said of the change that led here, if one did."""
    return basket_page(request, baskets.read(request), lost_change=_lost_change(request))


@changes
def put(request: HttpRequest) -> HttpResponse:
    """Puts copies of a book into the basket, beside those that are in it."""
    kept, book_id = baskets.read(request), forms.book_id(request.POST)
    copies = forms.copies(request.POST, least=1)
    return _keep(request, kept, book_id, kept.copies.get(book_id, 0) + copies)


@changes
def change(request: HttpRequest) -> HttpResponse:
    """So many copies of a book from now on; none takes it out."""
    return _keep(request, baskets.read(request), forms.book_id(request.POST), forms.copies(request.POST, least=0))


def _keep(request: HttpRequest, kept: Basket, book_id: int, copies: int) -> HttpResponse:
    if copies and kept.is_full and book_id not in kept.copies:
        raise problems.Conflict(f"A basket has room for {MAX_LINES} different books: buy these first.")
    changed = kept.with_book(book_id, copies, forms.price_seen(request.POST))
    # Two tabs may have changed the same basket at the same time, and a browser keeps the last answer's cookie alone.
    query = urlencode({"change": f"{changed.changes}.{changed.last_change}", "book": book_id})
    response = HttpResponseRedirect(f"{reverse('basket')}?{query}", status=HTTPStatus.SEE_OTHER)
    baskets.write(response, changed)
    return response


@dataclass(frozen=True)
class LostChange:
    """A change that isn't in the cookie: another tab's is, or the browser keeps none."""

    book_id: int
    is_kept: bool
    """Whether the browser keeps cookies."""


def _lost_change(request: HttpRequest) -> LostChange | None:
    """The change that the address names, if it got lost. One that came later says nothing of it, and is wanted."""
    number, _, last_change = request.GET.get("change", "").partition(".")
    book = request.GET.get("book", "")
    if not (number.isascii() and number.isdecimal() and len(number) < 20 and book.isascii() and book.isdecimal()):
        return None
    kept = baskets.read(request)
    if kept.changes == int(number) and kept.last_change != last_change:
        return LostChange(int(book[:19]), is_kept=True)
    return None if baskets.is_kept(request) else LostChange(int(book[:19]), is_kept=False)


def basket_page(
    request: HttpRequest,
    kept: Basket,
    *,
    refused: Refused | None = None,
    lost_change: LostChange | None = None,
    is_own: bool = True,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    """`is_own`: whether it is what the visitor's cookie has, and so can be changed. Raises Unavailable."""
    lines, source = catalogue.basket_lines(front(), kept)
    rest = [line for line in lines if line.to_be_had]
    context = {
        "key": kept.key,
        "lines": lines,
        "rest": rest,
        "total": sum((line.total for line in lines), Decimal(0)),
        "total_of_rest": sum((line.total_to_be_had for line in rest), Decimal(0)),
        "is_whole": not any(line.is_short for line in lines),
        "is_own": is_own,
        "source": source,
        "refused": refused,
        "lost_change": lost_change,
    }
    return show(request, "basket", context, status=status)
