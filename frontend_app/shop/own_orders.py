"""The orders that a visitor has made: their ids, in a cookie. Nobody else knows them."""

import uuid

from django.http import HttpRequest, HttpResponse

from frontend_app.shop import cookies

COOKIE = "my-orders"
MOST_ORDERS = 50


def read(request: HttpRequest) -> list[str]:
    """Ids of the visitor's last orders, newest first."""
    try:
        return [str(uuid.UUID(each)) for each in cookies.read(request, COOKIE)["orders"]]
    except (KeyError, TypeError, ValueError, AttributeError):
        return []


def add(request: HttpRequest, response: HttpResponse, order_id: str) -> None:
    known = [each for each in read(request) if each != order_id]
    orders = [uuid.UUID(each).hex for each in (order_id, *known)]
    cookies.write(response, COOKIE, {"orders": orders[:MOST_ORDERS]})
