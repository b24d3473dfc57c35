"""The basket as all tabs have made it: its cookie, and the changes that got into no cookie but their own.

Of two changes that two tabs make at the same moment, each is made to the cookie of before, and the browser keeps the
last one that it gets. So each change is in a cookie of its own name, too, for a while: the browser keeps both.
Whatever is asked for next makes the change that the basket hasn't. The basket knows each by its token, and makes it
once.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse

from bookstore_project.api import problems
from frontend_app.shop import basket as baskets
from frontend_app.shop import cookies
from frontend_app.shop.basket import MOST_CHANGES, Basket
from frontend_app.shop.basket_changes import Change

PREFIX = "basket-change-"
KEPT_S = 600
"""Answers of one moment have come by then."""
FIRST = 1
"""The number of a change that begins a basket: two tabs may begin two at once, and both changes count."""


@dataclass(frozen=True)
class Found:
    """The visitor's basket, and what was found where a change is made that it hadn't."""

    basket: Basket
    before: Mapping[str, int] = field(default_factory=dict)
    """By the change's token: copies that weren't what its page had shown."""


def read(request: HttpRequest) -> Basket:
    """The visitor's basket; an empty one if there is none, or its cookie isn't ours (any more)."""
    return find(request).basket


def find(request: HttpRequest) -> Found:
    kept, before = baskets.find(request) or Basket(), dict[str, int]()
    for number, token, change in sorted(_missing(request, kept), key=lambda each: each[:2]):
        overtaken = change.overtaken(kept)
        with suppress(problems.Conflict):  # There is no room for it any more: its page says that it is lost.
            kept = change.made_to(kept.before(number), token)
            before |= {} if overtaken is None else {token: overtaken}
    return Found(kept, before)


def write(
    request: HttpRequest,
    response: HttpResponse,
    before: Basket,
    changes: Sequence[Change],
    token: str | None = None,
) -> Basket:
    """Makes the changes, and has the browser keep the basket. Raises Conflict if there is no room.

    `token`: of the change, if it is one that may be sent twice.
    """
    changed, noted = before, dict[str, dict[str, Any]]()
    for change in changes:
        changed = change.made_to(changed, token)
        members = {"key": before.key, "number": changed.changes, **change.as_members()}
        noted[f"{PREFIX}{changed.last_change}"] = members
    baskets.write(response, changed)
    for name, members in list(noted.items())[-baskets.REMEMBERED :]:
        cookies.write(response, name, members, KEPT_S)
    for name, number, _ in _noted(request):
        if not changed.remembers(number):
            cookies.delete(response, name)
    return changed


def keep(request: HttpRequest, response: HttpResponse) -> None:
    """Has the browser keep what was missing in the basket's cookie, if the response doesn't write it anyway."""
    if baskets.COOKIE in response.cookies:
        return
    found = baskets.find(request)
    if any(_missing(request, found or Basket())):
        baskets.write(response, read(request))


def _missing(request: HttpRequest, kept: Basket) -> Iterator[tuple[int, str, Change]]:
    """Number, token and change."""
    for name, number, members in _noted(request):
        token = name.removeprefix(PREFIX)
        if kept.lacks(number, token) and (members.pop("key", None) == kept.key or number == FIRST):
            members.pop("key", None)
            if (change := Change.of_members(members)) is not None:
                yield number, token, change


def _noted(request: HttpRequest) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Of each cookie of a change: its name, the change's number, and the rest."""
    for name in request.COOKIES:
        if name.startswith(PREFIX):
            members = cookies.read(request, name)
            number = members.pop("number", None)
            if cookies.is_count(number, FIRST, MOST_CHANGES):
                yield name, number, members
