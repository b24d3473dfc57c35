"""The purchases of the last minutes, each in a cookie of its own, by its key.

Two tabs that buy at the same moment get two answers, each made to the cookies of before, and of each cookie the
browser keeps the last one that it gets. So a purchase is in a cookie of its own name, too, for a while: the browser
keeps both. The list of the visitor's orders and the count of books bought singly take from there what they lack.
"""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse

from bookstore_project.api import idempotency
from frontend_app.shop import cookies

PREFIX = "purchase-"
KEPT_S = 600
"""Answers of one moment have come by then, and a page was asked for that has put them together."""
LATEST = 4
"""Orders of the list that are kept apart nevertheless: a slow purchase is answered after these, and made to the
cookies of before them."""


def note(request: HttpRequest, response: HttpResponse, key: str, known: Sequence[str]) -> None:
    """`known`: ids of orders that the visitor's list has in the browser, newest first."""
    listed = known[LATEST:]
    order_id = idempotency.order_id(key)
    cookies.write(response, f"{PREFIX}{order_id.hex[:16]}", {"key": key}, KEPT_S)
    for name in request.COOKIES:
        noted = _key_in(request, name)
        if noted is not None and noted != key and str(idempotency.order_id(noted)) in listed:
            cookies.delete(response, name)


def keys(request: HttpRequest) -> list[str]:
    """Under which this visitor has bought, as far as they are kept apart."""
    return [key for name in request.COOKIES if (key := _key_in(request, name)) is not None]


def _key_in(request: HttpRequest, name: str) -> str | None:
    if not name.startswith(PREFIX):
        return None
    key = cookies.read(request, name).get("key")
    return key if isinstance(key, str) and idempotency.is_key(key) else None
