"""The shop's pages: parse, call, render. They need no script, no account and, to buy a single book, no cookie."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.csrf import csrf_exempt

from bookstore_project.api import errors, idempotency, problems
from bookstore_project.api.health import read_only
from bookstore_project.api.representations import MAX_BOOK_ID, MAX_LINES, MAX_PURCHASE
from frontend_app import services
from frontend_app.dashboard import fault_views
from frontend_app.runtime import front
from frontend_app.shop import basket as baskets
from frontend_app.shop import catalogue, covers
from frontend_app.shop.basket import Basket
from frontend_app.shop.catalogue import Found

View = Callable[..., HttpResponse]
Lines = Sequence[Mapping[str, Any]]
"""Of an order, at least one."""
COVERS_KEPT_S = 365 * 24 * 3600
_PRICE = re.compile(r"[0-9]{1,8}\.[0-9]{2}")


def page(view: View) -> View:
    """A page of the shop: problems are told in it."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response = view(request, *args, **kwargs)
        except problems.StoreError as error:
            response = show(request, "problem", {"problem": error}, status=error.status)
            if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
                response["Retry-After"] = str(problems.RETRY_AFTER_S)
        return response

    return wrapped


def changes(view: View) -> View:
    """A page that a form is sent to. No CSRF token: who refuses cookies buys, too, and other origins are refused."""

    @csrf_exempt
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method != "POST":
            refused = errors.refusal(request, "method_not_allowed", f"{request.method} is not allowed here.")
            refused["Allow"] = "POST"
            return refused
        return page(view)(request, *args, **kwargs)

    return wrapped


def show(request: HttpRequest, name: str, context: Mapping[str, Any], *, status: int = HTTPStatus.OK) -> HttpResponse:
    shop = {"name": settings.SHOP_NAME, "currency": settings.CURRENCY}
    told = {"shop": shop, "basket": baskets.read_basket(request), **fault_views.who(request), **context}
    return render(request, f"shop/{name}.html", told, status=status)


# --------------------------------------------------------------------------------------------- looking


@read_only
@page
def home(request: HttpRequest) -> HttpResponse:
    """Books by page, topic or search words."""
    found = catalogue.ask(lambda: services.list_books(front(), request.META.get("QUERY_STRING", "")))
    if not found.is_ok:
        return show(request, "home", {"problem": found.members, "asked": request.GET}, status=found.status)
    books = [catalogue.shown(book) for book in found.members.get("results", ())]
    context = {"books": books, "page": found.members, "asked": request.GET, "source": found.source}
    return show(request, "home", context)


@read_only
@page
def book(request: HttpRequest, book_id: int) -> HttpResponse:
    """One book, to be put into the basket or bought at once."""
    found, known = catalogue.book_found(front(), book_id), baskets.find_basket(request)
    kept = known or Basket()
    context = {"book": found.members, "source": found.source, "key": kept.key_of_one(book_id)}
    response = show(request, "book", context)
    if known is None:
        baskets.write_basket(response, kept)  # The page asked for once more has the same key.
    return response


@read_only
def cover(request: HttpRequest, book_id: int, digest: str) -> HttpResponse:
    """The cover that this book has now; kept for a year under the address of what it shows."""
    try:
        members = catalogue.book_found(front(), book_id).members
    except problems.StoreError as error:
        return errors.store_refusal(request, error)
    response = HttpResponse(covers.draw(members), content_type="image/svg+xml")
    if digest == covers.digest_of(members):
        patch_cache_control(response, public=True, max_age=COVERS_KEPT_S, immutable=True)
    else:
        patch_cache_control(response, public=True, max_age=0)
    return response


# ------------------------------------------------------------------------------------------ the basket


@read_only
@page
def basket(request: HttpRequest) -> HttpResponse:
    return _basket_page(request, baskets.read_basket(request))


@changes
def put(request: HttpRequest) -> HttpResponse:
    """Puts copies of a book into the basket, beside those that are in it."""
    kept, book_id, copies = baskets.read_basket(request), _book_id(request.POST), _copies(request.POST, least=1)
    if kept.is_full and book_id not in kept.copies:
        raise problems.Conflict(f"A basket has room for {MAX_LINES} different books: buy these first.")
    return _keep(kept.with_book(book_id, kept.copies.get(book_id, 0) + copies))


@changes
def change(request: HttpRequest) -> HttpResponse:
    """So many copies of a book from now on; none takes it out."""
    kept, book_id = baskets.read_basket(request), _book_id(request.POST)
    return _keep(kept.with_book(book_id, _copies(request.POST, least=0)))


def _keep(changed: Basket) -> HttpResponse:
    response = HttpResponseRedirect(reverse("basket"), status=HTTPStatus.SEE_OTHER)
    baskets.write_basket(response, changed)
    return response


def _basket_page(
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


# ---------------------------------------------------------------------------------------------- buying


@changes
def buy(request: HttpRequest) -> HttpResponse:
    """Buys what the form shows, at the prices that it shows, once per key; then the order's page (303)."""
    key, lines = idempotency.checked_key(request.POST.get("key", "")), _lines(request.POST)
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
    response = _basket_page(request, wanted, status=HTTPStatus.CONFLICT, missing=missing, was_refused=not missing)
    rest = wanted if is_whole else kept.after_one(lines[0]["book"], key)
    if rest != kept:
        baskets.write_basket(response, rest)
    return response


def _lines(form: QueryDict) -> list[dict[str, Any]]:
    """Of a form: `line` for each book, as id, copies and the price that was shown. Raises Invalid."""
    lines = []
    if len(form.getlist("line")) > MAX_LINES:
        raise problems.Invalid({"line": [f"An order has room for {MAX_LINES} different books."]})
    for sent in form.getlist("line"):
        book_id, _, rest = sent.partition(" ")
        copies, _, price = rest.partition(" ")
        if not (book_id.isdecimal() and copies.isdecimal() and _PRICE.fullmatch(price) and len(sent) < 60):
            raise problems.Invalid({"line": ["Expected a book, copies and a price."]})
        lines.append({"book": int(book_id), "quantity": int(copies), "unit_price": price})
    if "copies" in form and len(lines) == 1:
        lines[0]["quantity"] = _copies(form, least=1)
    if not lines:
        raise problems.Invalid({"line": ["There is nothing to buy in this form."]})
    return lines


def _book_id(form: QueryDict) -> int:
    return _number(form, "book", 1, MAX_BOOK_ID)


def _copies(form: QueryDict, *, least: int) -> int:
    return _number(form, "copies", least, MAX_PURCHASE)


def _number(form: QueryDict, name: str, least: int, most: int) -> int:
    text = form.get(name, "").strip()
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and least <= int(text) <= most):
        raise problems.Invalid({name: [f"Expected a whole number from {least} to {most}."]})
    return int(text)


# ---------------------------------------------------------------------------------------------- orders


@read_only
@page
def order(request: HttpRequest, order_id: object) -> HttpResponse:
    """What was bought: for whoever knows the address."""
    found = catalogue.ask(lambda: services.read_order(front(), str(order_id)))
    if found.status == HTTPStatus.NOT_FOUND:
        raise problems.NotFound("There is no such order. Is the whole address there?")
    if not found.is_ok:
        raise problems.Unavailable(str(found.members.get("detail", "The orders can't be read now.")))
    context = {"order": found.members, "number": catalogue.number_of(str(order_id)), "source": found.source}
    return show(request, "order", context)


@read_only
@page
def orders(request: HttpRequest) -> HttpResponse:
    """The visitor's own, as his cookie knows them."""
    known = [(each, catalogue.number_of(each)) for each in baskets.read_orders(request)]
    return show(request, "orders", {"orders": known})
