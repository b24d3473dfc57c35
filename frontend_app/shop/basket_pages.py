"""The basket's page, and the forms that change it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from bookstore_project.api import problems
from bookstore_project.api.health import read_only
from bookstore_project.api.representations import MAX_LINES
from frontend_app.runtime import front
from frontend_app.shop import basket as baskets
from frontend_app.shop import catalogue, forms
from frontend_app.shop.basket import Basket
from frontend_app.shop.pages import changes, page, show


@read_only
@page
def basket(request: HttpRequest) -> HttpResponse:
    return basket_page(request, baskets.read_basket(request))


@changes
def put(request: HttpRequest) -> HttpResponse:
    """Puts copies of a book into the basket, beside those that are in it."""
    kept, book_id = baskets.read_basket(request), forms.book_id(request.POST)
    copies = forms.copies(request.POST, least=1)
    if kept.is_full and book_id not in kept.copies:
        raise problems.Conflict(f"A basket has room for {MAX_LINES} different books: buy these first.")
    return _keep(kept.with_book(book_id, kept.copies.get(book_id, 0) + copies))


@changes
def change(request: HttpRequest) -> HttpResponse:
    """So many copies of a book from now on; none takes it out."""
    kept, book_id = baskets.read_basket(request), forms.book_id(request.POST)
    return _keep(kept.with_book(book_id, forms.copies(request.POST, least=0)))


def _keep(changed: Basket) -> HttpResponse:
    response = HttpResponseRedirect(reverse("basket"), status=HTTPStatus.SEE_OTHER)
    baskets.write_basket(response, changed)
    return response


def basket_page(
    request: HttpRequest,
    kept: Basket,
    *,
    status: int = HTTPStatus.OK,
    missing: Sequence[Mapping[str, Any]] = (),
    was_refused: bool = False,
) -> HttpResponse:
    """`missing`: what was refused just now; `was_refused`: something was before, and this is something else."""
    lines = catalogue.basket_lines(front(), kept.copies)
    total = sum((line.total for line in lines), Decimal(0))
    context = {"basket": kept, "lines": lines, "total": total, "missing": missing, "key": kept.key}
    context["was_refused"] = was_refused
    context["is_kept"] = baskets.BASKET_COOKIE in request.COOKIES
    context["can_buy"] = bool(lines) and not any(line.is_short for line in lines)
    return show(request, "basket", context, status=status)
