"""The orders that a visitor has made: their ids, in a cookie. Nobody else knows them."""

import uuid
from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse

from bookstore_project.api import idempotency
from frontend_app.shop import cookies, made_purchases

COOKIE = "my-orders"
MOST_ORDERS = 50


def read(request: HttpRequest) -> list[str]:
    """Ids of the visitor's last orders, newest first; of two tabs that bought at the same moment, both."""
    known = find(request) or []
    noted = [str(idempotency.order_id(key)) for key in made_purchases.keys(request)]
    return [*(each for each in noted if each not in known), *known]


def find(request: HttpRequest) -> list[str] | None:
    """Those of the list's own cookie; None if there are none, or it isn't ours (any more), or makes no sense."""
    orders = cookies.read(request, COOKIE).get("orders")
    if not (isinstance(orders, list) and all(isinstance(each, str) for each in orders)):
        return None
    try:
        return [str(uuid.UUID(each)) for each in orders[:MOST_ORDERS]]
    except ValueError:
        return None


def add(request: HttpRequest, response: HttpResponse, key: str) -> None:
    """The order of a purchase, by its key."""
    order_id = str(idempotency.order_id(key))
    _write(response, [order_id, *(each for each in read(request) if each != order_id)])
    made_purchases.note(request, response, key, find(request) or [])


def keep(request: HttpRequest, response: HttpResponse) -> None:
    """Has the browser keep what the list's cookie lacked, if the response doesn't write it anyway."""
    if COOKIE not in response.cookies and (orders := read(request)) != (find(request) or []):
        _write(response, orders)


def _write(response: HttpResponse, orders: Sequence[str]) -> None:
    cookies.write(response, COOKIE, {"orders": [uuid.UUID(each).hex for each in orders[:MOST_ORDERS]]})
