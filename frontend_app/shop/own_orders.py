"""The orders that a visitor has made: their ids, in a cookie. Nobody else knows them."""

import uuid

from django.http import HttpRequest, HttpResponse

from frontend_app.shop import cookies

COOKIE = "my-orders"
MOST_ORDERS = 50


def read(request: HttpRequest) -> list[str]:
    """Ids of the visitor's last orders, newest first."""
    return find(request) or []


def find(request: HttpRequest) -> list[str] | None:
    """Those; None if there are none, or the cookie isn't ours (any more), or makes no sense."""
    orders = cookies.read(request, COOKIE).get("orders")
    if not (isinstance(orders, list) and all(isinstance(each, str) for each in orders)):
        return None
    try:
        return [str(uuid.UUID(each)) for each in orders[:MOST_ORDERS]]
    except ValueError:
        return None


def add(request: HttpRequest, response: HttpResponse, order_id: str) -> None:
    known = [each for each in read(request) if each != order_id]
    orders = [uuid.UUID(each).hex for each in (order_id, *known)]
    cookies.write(response, COOKIE, {"orders": orders[:MOST_ORDERS]})
