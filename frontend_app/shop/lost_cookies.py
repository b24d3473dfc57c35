"""What a browser has kept of the shop and can't be read: it counts as nothing, which the next page says, once.

It may be of another shop at this address, too old, cut, or made up.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from frontend_app.shop import basket as baskets
from frontend_app.shop import cookies, own_orders


@dataclass(frozen=True)
class Kept:
    """A cookie, and what is said when it is lost."""

    cookie: str
    find: Callable[[HttpRequest], Any]
    """None for one that can't be read."""
    told: str


ALL = (
    Kept(
        baskets.COOKIE,
        baskets.find,
        "What this browser kept as your basket can’t be read any more: the basket is empty.",
    ),
    Kept(
        own_orders.COOKIE,
        own_orders.find,
        "What this browser kept of your orders can’t be read any more: the list of them begins anew. "
        "The orders are there still, at their own addresses.",
    ),
)


def lost(request: HttpRequest) -> Iterator[Kept]:
    """Those that the browser has sent, and that can't be read."""
    return (kept for kept in ALL if request.COOKIES.get(kept.cookie) and kept.find(request) is None)


def told(request: HttpRequest, answer: Callable[[], HttpResponse]) -> HttpResponse:
    """The answer, which says what is lost, or has the page say it to which it leads; the browser forgets it."""
    found = [] if "HX-Request" in request.headers else list(lost(request))  # A part of a page has no room for it.
    for kept in found:
        messages.warning(request, kept.told)
    response = answer()
    for kept in found:
        if kept.cookie not in response.cookies:
            cookies.delete(response, kept.cookie)
    return response
