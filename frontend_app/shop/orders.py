"""The pages of orders: one, for whoever knows its address, and the visitor's own."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from bookstore_project.api import problems
from bookstore_project.api.health import read_only
from frontend_app.runtime import front
from frontend_app.shop import catalogue, own_orders
from frontend_app.shop.pages import page, show

BOUGHT_BEFORE = "bought=before"
"""In the address of an order's page, to which something leads that was to be bought under the same key."""


@read_only
@page
def order(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """What was bought: for whoever knows the address, which can't be guessed (`api.idempotency`)."""
    context: dict[str, Any] = {"number": catalogue.number_of(str(order_id))}
    try:
        found = catalogue.order_found(front(), str(order_id))
    except problems.Unavailable as error:
        # Its number is what the visitor needs. That it can't be shown says nothing of whether it is bought.
        response = show(request, "order_later", context, status=error.status)
        response["Retry-After"] = str(problems.RETRY_AFTER_S)
        return response
    is_cut = any(line.get("cancelled") for line in found.members.get("lines", ()))
    left = catalogue.left_of(found.members) if is_cut else None
    context |= {"order": found.members, "left": left, "source": found.source}
    context["is_bought_before"] = BOUGHT_BEFORE in request.META["QUERY_STRING"]
    return show(request, "order", context)


@read_only
@page
def orders(request: HttpRequest) -> HttpResponse:
    """The visitor's own, as the cookie knows them; what is in them, as far as the order service tells."""
    ids = own_orders.read(request)
    known, source = catalogue.own_orders_found(front(), ids) if ids else ([], None)
    told = [each for each in known if each.members]
    context = {"orders": known, "is_told": told == known, "is_told_of_some": bool(told), "source": source}
    return show(request, "orders", context)
