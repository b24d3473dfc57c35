"""Buying: what a form shows, at the prices that it shows, once per key.

The key says what is bought: a book at once, from its own page (`single_purchases`), or the basket.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from bookstore_project.api import idempotency, problems
from frontend_app.runtime import front
from frontend_app.shop import basket as baskets
from frontend_app.shop import catalogue, forms, own_orders, single_purchases
from frontend_app.shop.basket_pages import basket_page
from frontend_app.shop.catalogue import Found, Refused
from frontend_app.shop.looking import book_page
from frontend_app.shop.pages import changes, show
from frontend_app.shop.single_purchases import SinglePurchases

Lines = Sequence[Mapping[str, Any]]
"""Of an order, at least one."""
TRIED_AGAIN = (problems.Unavailable.code, problems.OutcomeUnknown.code, problems.Throttled.code)


@changes
def buy(request: HttpRequest) -> HttpResponse:
    """Buys the lines of the form; then the order's page (303)."""
    key, lines = idempotency.checked_key(request.POST.get("key", "")), forms.lines(request.POST)
    assert key is not None
    found = catalogue.buy(front(), lines, key)
    code = found.members.get("code")
    if found.is_ok:
        return _bought(request, key, found)
    if code == problems.IdempotencyConflict.code and found.members.get("is_bought"):
        return _bought_before(request, key)
    if code == problems.IdempotencyConflict.code or "lines" in found.members:
        return _refused(request, key, lines, Refused(found.members.get("lines", ())))
    if code in TRIED_AGAIN:
        context = {"again": lines, "key": key, "problem": found.members}
        response = show(request, "again", context, status=found.status)
        response["Retry-After"] = found.headers.get("Retry-After", str(problems.RETRY_AFTER_S))
        return response
    return show(request, "problem", {"problem": found.members, "is_change": True}, status=found.status)


def _bought(request: HttpRequest, key: str, order: Found) -> HttpResponse:
    order_id = str(order.members["id"])
    response = HttpResponseRedirect(reverse("order-page", args=[order_id]), status=HTTPStatus.SEE_OTHER)
    own_orders.add(request, response, order_id)
    _put_aside(request, response, key, order)
    return response


def _bought_before(request: HttpRequest, key: str) -> HttpResponse:
    """Something else was bought under this key, in another tab: what the basket has beyond it is another basket."""
    order_id, kept = str(idempotency.order_id(key)), baskets.read(request)
    order = None  # It isn't known what is in it, as it can't be read now: nothing is put aside.
    with suppress(problems.StoreError):
        order = catalogue.order_found(front(), order_id)
    if order is not None and kept.key == key:
        kept = kept.without(catalogue.books_of(order))
    context = {"basket": kept, "order_id": order_id, "has_more": kept.key != key and kept.copies}
    response = show(request, "bought_before", context, status=HTTPStatus.CONFLICT)
    own_orders.add(request, response, order_id)
    if order is not None:
        _put_aside(request, response, key, order)
    return response


def _put_aside(request: HttpRequest, response: HttpResponse, key: str, order: Found) -> None:
    """What was bought isn't there to be bought any more: neither in the basket nor under the key of a book's page."""
    kept, singles = baskets.read(request), single_purchases.find(request)
    if kept.key == key:
        # Without its own lines alone: something may have been put in from another tab meanwhile.
        baskets.write(response, kept.without(catalogue.books_of(order)))
    elif singles is not None:
        _count(response, singles, key)


def _count(response: HttpResponse, singles: SinglePurchases, key: str) -> None:
    book = single_purchases.book_of(key)
    after = singles if book is None else singles.after(book, key)
    if after != singles:
        single_purchases.write(response, after)


def _refused(request: HttpRequest, key: str, lines: Lines, refused: Refused) -> HttpResponse:
    """The page that was asked from, with what can't be had. A refusal is final for its key: it has the next one."""
    next_key = single_purchases.key_after(key)
    book, singles = single_purchases.book_of(key), single_purchases.find(request)
    if book is not None:
        response = book_page(request, book, key=next_key, refused=refused, status=HTTPStatus.CONFLICT)
        if singles is not None:
            _count(response, singles, key)
        return response
    # As the cookie has it now: something may have been put in, or taken out, from another tab meanwhile.
    kept = baskets.read(request)
    is_own = kept.key in (key, next_key)
    copies = kept.copies if is_own else {line["book"]: line["quantity"] for line in lines}
    wanted = replace(kept, key=next_key, copies=copies)
    response = basket_page(request, wanted, refused=refused, is_own=is_own, status=HTTPStatus.CONFLICT)
    if is_own and wanted != kept:
        baskets.write(response, wanted)
    return response
