"""Buying: what a form shows, at the prices that it shows, once per key.

The key says what is bought: a book at once, from its own page (`single_purchases`), or the basket.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from bookstore_project.api import idempotency, problem_pages, problems
from bookstore_project.api.health import read_only
from bookstore_project.api.request_id import current_request_id
from frontend_app.runtime import front
from frontend_app.shop import basket as baskets
from frontend_app.shop import (
    basket_pages,
    catalogue,
    forms,
    made_changes,
    orders,
    own_orders,
    refusals,
    single_purchases,
    unanswered,
)
from frontend_app.shop.basket_changes import Change
from frontend_app.shop.catalogue import Found
from frontend_app.shop.pages import changes, page, show
from frontend_app.shop.single_purchases import SinglePurchases

ASKED_AGAIN = "Nothing was bought yet: you have changed the copies. This is what they come to."
HAD_ALREADY = "You had made this purchase already: this is its order. Nothing more was bought."
TOLD = {
    problems.Unavailable.code: "The shop can’t sell just now. It is a matter of seconds, mostly.",
    problems.OutcomeUnknown.code: "The answer was lost on its way.",
    problems.Throttled.code: "Too many are buying at this moment.",
}
"""Of a purchase that is to be sent again, by the kind of problem."""
Lines = Sequence[Mapping[str, Any]]
"""Of an order, at least one."""


@changes
def buy(request: HttpRequest) -> HttpResponse:
    """Buys the lines of the form; then the order's page (303).

    Who has typed other copies, and not had them counted, is asked again: what was seen is what is paid.
    """
    if typed := Change.typed(request.POST):
        messages.info(request, ASKED_AGAIN)
        return basket_pages.make(request, typed)
    key, lines = forms.key(request.POST), forms.lines(request.POST)
    found = catalogue.buy(front(), lines, key)
    code = found.members.get("code")
    if found.is_ok:
        if str(idempotency.order_id(key)) in own_orders.read(request):
            messages.info(request, HAD_ALREADY)
        return _bought(request, key, found)
    if code == problems.IdempotencyConflict.code and found.members.get("is_bought"):
        return _bought_before(request, key)
    if code == problems.IdempotencyConflict.code or "lines" in found.members:
        return _refused(request, key, lines, found.members.get("lines", ()))
    if code in unanswered.CODES:
        return _unanswered(request, key, lines, found)
    return show(request, "problem", {"problem": found.members, "is_change": True}, status=found.status)


def _unanswered(request: HttpRequest, key: str, lines: Lines, found: Found) -> HttpResponse:
    """To the page that offers it once more; who doesn't prefer a page gets the problem."""
    code, wait_s = found.members["code"], int(found.headers.get("Retry-After", problems.RETRY_AFTER_S))
    if problem_pages.is_wanted(request.headers.get("Accept", "")):
        return _see_other(unanswered.address(key, lines, code, wait_s))
    return _show_again(request, key, lines, found.members, wait_s)


@read_only
@page
def again(request: HttpRequest) -> HttpResponse:
    """Offers a purchase once more; leads to its order, if that is there by now."""
    asked = unanswered.found(request.GET.get(unanswered.PARAMETER, ""))
    if asked is None:
        raise problems.NotFound("There is no purchase at this address.")
    with suppress(problems.StoreError):
        order = catalogue.order_found(front(), str(idempotency.order_id(asked["key"])))
        return _bought(request, asked["key"], order)
    problem = problems.document(asked["code"], "", current_request_id())
    return _show_again(request, asked["key"], asked["lines"], problem, asked["wait_s"])


def _show_again(
    request: HttpRequest, key: str, lines: Lines, problem: Mapping[str, Any], wait_s: int
) -> HttpResponse:
    total = sum((Decimal(line["unit_price"]) * line["quantity"] for line in lines), Decimal(0))
    context = {"again": lines, "key": key, "problem": problem, "told": TOLD[problem["code"]], "total": total}
    context["copies"] = sum(line["quantity"] for line in lines)
    status = problems.TITLES[problem["code"]][0]
    return show(request, "again", context, status=status, wait_s=wait_s)


def _bought(request: HttpRequest, key: str, order: Found) -> HttpResponse:
    order_id = str(order.members["id"])
    response = _see_other(reverse("order-page", args=[order_id]))
    own_orders.add(request, response, key)
    _put_aside(request, response, key, order)
    return response


def _bought_before(request: HttpRequest, key: str) -> HttpResponse:
    """Something else was bought under this key, in another tab: what the basket has beyond it is another basket."""
    order_id = str(idempotency.order_id(key))
    response = _see_other(f"{reverse('order-page', args=[order_id])}?{orders.BOUGHT_BEFORE}")
    own_orders.add(request, response, key)
    # While it can't be read, it isn't known what is in it: nothing is put aside.
    with suppress(problems.StoreError):
        _put_aside(request, response, key, catalogue.order_found(front(), order_id))
    return response


def _put_aside(request: HttpRequest, response: HttpResponse, key: str, order: Found) -> None:
    """What was bought isn't there to be bought any more: neither in the basket nor under the key of a book's page."""
    kept, singles = made_changes.read(request), single_purchases.find(request)
    if kept.key == key:
        # Without what was bought alone: more may have been put in from another tab meanwhile, or can't be had now.
        baskets.write(response, kept.without(catalogue.copies_of(order)))
    elif singles is not None:
        _count(response, singles, key)


def _count(response: HttpResponse, singles: SinglePurchases, key: str) -> None:
    book = single_purchases.book_of(key)
    after = singles if book is None else singles.after(book, key)
    if after != singles:
        single_purchases.write(response, after)


def _refused(request: HttpRequest, key: str, lines: Lines, missing: Lines) -> HttpResponse:
    """To the page that was asked from, with what can't be had, and the next key: a refusal is final for its own."""
    next_key = single_purchases.key_after(key)
    if (book := single_purchases.book_of(key)) is not None:
        return _refused_at_once(request, key, next_key, book, missing)
    path = reverse("basket")
    # As the cookie has it now: something may have been put in, or taken out, from another tab meanwhile.
    kept = made_changes.read(request)
    if kept.key not in (key, next_key):
        copies = {line["book"]: line["quantity"] for line in lines}
        return _see_other(refusals.address_with(path, missing, next_key, copies))
    response = _see_other(refusals.address(path, missing, next_key))
    if kept.key != next_key:
        baskets.write(response, kept.under(next_key))
    return response


def _refused_at_once(request: HttpRequest, key: str, next_key: str, book: int, missing: Lines) -> HttpResponse:
    path, singles = reverse("book-page", args=[book]), single_purchases.find(request)
    after = singles and singles.after(book, key)
    if after is None or after.key_of(book) != next_key:
        return _see_other(refusals.address_with(path, missing, next_key))
    response = _see_other(refusals.address(path, missing, next_key))
    single_purchases.write(response, after)
    return response


def _see_other(address: str) -> HttpResponse:
    return HttpResponseRedirect(address, status=HTTPStatus.SEE_OTHER)
