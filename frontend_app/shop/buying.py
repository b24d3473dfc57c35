"""Buying: what a form shows, at the prices that it shows, once per key."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from bookstore_project.api import idempotency, problems
from frontend_app import services
from frontend_app.runtime import front
from frontend_app.shop import basket as baskets
from frontend_app.shop import catalogue, forms
from frontend_app.shop.basket_pages import basket_page
from frontend_app.shop.catalogue import Found
from frontend_app.shop.pages import changes, show

Lines = Sequence[Mapping[str, Any]]
"""Of an order, at least one."""


@changes
def buy(request: HttpRequest) -> HttpResponse:
    """Buys what the form shows, at the prices that it shows, once per key; then the order's page (303)."""
    key, lines = idempotency.checked_key(request.POST.get("key", "")), forms.lines(request.POST)
    assert key is not None
    found = catalogue.buy(front(), lines, key)
    if found.is_ok:
        return _bought(request, found, key, lines)
    is_other = found.members.get("code") == problems.IdempotencyConflict.code
    if is_other and found.members.get("is_bought"):
        return _bought_before(request, key, lines)
    if is_other or "lines" in found.members:
        return _refused(request, found, key, lines)
    code = str(found.members.get("code"))
    context = {"again": lines, "key": key, "problem": found.members}
    if code in (problems.Unavailable.code, problems.OutcomeUnknown.code, problems.Throttled.code):
        response = show(request, "again", context, status=found.status)
        response["Retry-After"] = found.headers.get("Retry-After", str(problems.RETRY_AFTER_S))
        return response
    return show(request, "problem", {"problem": found.members}, status=found.status)


def _bought(request: HttpRequest, found: Found, key: str, lines: Lines) -> HttpResponse:
    order_id = str(found.members["id"])
    response = HttpResponseRedirect(reverse("order-page", args=[order_id]), status=HTTPStatus.SEE_OTHER)
    baskets.add_order(request, response, order_id)
    kept = baskets.read_basket(request)
    # Without its own lines alone: something may have been put in from another tab meanwhile.
    rest = kept.without(_books_of(found)) if kept.key == key else kept.after_one(lines[0]["book"], key)
    if rest != kept:
        baskets.write_basket(response, rest)
    return response


def _bought_before(request: HttpRequest, key: str, lines: Lines) -> HttpResponse:
    """The basket was bought with other lines, in another tab: what else is in it now is another basket."""
    kept, order_id = baskets.read_basket(request), str(idempotency.order_id(key))
    rest = kept.after_one(lines[0]["book"], key)
    if kept.key == key:
        rest = kept.without(_books_of(catalogue.ask(lambda: services.read_order(front(), order_id))))
    context = {"basket": rest, "order_id": order_id, "has_more": kept.key == key and rest.copies}
    response = show(request, "bought_before", context, status=HTTPStatus.CONFLICT)
    if rest != kept:
        baskets.write_basket(response, rest)
    return response


def _books_of(order: Found) -> set[int]:
    return {line["book"] for line in order.members.get("lines", ())}


def _refused(request: HttpRequest, found: Found, key: str, lines: Lines) -> HttpResponse:
    """What can't be had is named; the rest may be bought as another basket, for a refusal is final for its key.

    It is shown as the cookie has it now: something may have been put in, or taken out, from another tab meanwhile.
    """
    kept, next_key = baskets.read_basket(request), baskets.key_after(key)
    is_whole = kept.key in (key, next_key)
    copies = kept.copies if is_whole else {line["book"]: line["quantity"] for line in lines}
    wanted = replace(kept, key=next_key, copies=copies)
    missing = found.members.get("lines", ())
    response = basket_page(request, wanted, status=HTTPStatus.CONFLICT, missing=missing, was_refused=not missing)
    rest = wanted if is_whole else kept.after_one(lines[0]["book"], key)
    if rest != kept:
        baskets.write_basket(response, rest)
    return response
