"""A purchase whose outcome isn't known, or that could not be made now: the page that offers it once more.

It has an address of its own, to which the answer leads (303): so it is asked for as any other. A reload looks whether
it is bought by now, and sends no form. What the address says is signed: nobody else has a visitor buy by a link.

What the gateway refuses before it has read a form, as when all threads are busy, is told at once. A reload of that
sends the form again, which is the same purchase by its key.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from django.core import signing
from django.urls import reverse

from bookstore_project.api import problems
from frontend_app.shop import cookies

PARAMETER = "asked"
CODES = (problems.Unavailable.code, problems.OutcomeUnknown.code, problems.Throttled.code)
"""Of problems after which the same purchase is sent again: it is made once, however often it is."""
_SALT = "frontend_app.shop.unanswered"
_MEMBERS = ("book", "quantity", "unit_price")


def address(key: str, lines: Sequence[Mapping[str, Any]], code: str, wait_s: int) -> str:
    """Of the page. Of as many lines as an order may have it is shorter than what the gateway takes."""
    short = [[line[name] for name in _MEMBERS] for line in lines]
    members = signing.dumps([key, short, code, wait_s], salt=_SALT, compress=True)
    return f"{reverse('buy-again')}?{urlencode({PARAMETER: members})}"


def found(text: str) -> dict[str, Any] | None:
    """What such an address says: `key`, `lines`, `code`, and `wait_s`; None if it isn't ours, or too old."""
    with suppress(signing.BadSignature):
        key, lines, code, wait_s = signing.loads(text, salt=_SALT, max_age=cookies.KEPT_S)
        named = [dict(zip(_MEMBERS, line, strict=True)) for line in lines]
        return {"key": key, "lines": named, "code": code, "wait_s": wait_s}
    return None
