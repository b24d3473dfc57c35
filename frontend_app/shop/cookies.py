"""The shop's cookies: signed (HMAC, by `django.core.signing`), so that what is read was written by this shop.

They outlive every process, hold no personal data, and have no more in them than browsers keep: 4 KiB (RFC 6265, 6.1).
"""

import zlib
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

KEPT_S = 90 * 24 * 3600
"""From the last change on."""


def read(request: HttpRequest, name: str) -> dict[str, Any]:
    """What was written under that name; an empty mapping if nothing was, or not by this shop, or too long ago.

    Its members may be anything that JSON, or Python's reading of it, can hold.
    """
    try:
        members = signing.loads(request.COOKIES.get(name, ""), salt=_salt(name), max_age=KEPT_S)
    except (signing.BadSignature, ValueError, zlib.error, RecursionError):
        return {}
    return members if isinstance(members, dict) else {}


def is_count(value: Any, least: int, most: int) -> bool:
    """Whether it is a whole number within these bounds; `true` is none."""
    return type(value) is int and least <= value <= most


def write(response: HttpResponse, name: str, members: Mapping[str, Any], kept_s: int = KEPT_S) -> None:
    """`members`: what JSON can hold; `kept_s`: for how long browsers keep it."""
    response.set_cookie(
        name,
        signing.dumps(members, salt=_salt(name), compress=True),
        max_age=kept_s,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def delete(response: HttpResponse, name: str) -> None:
    response.delete_cookie(name, samesite="Lax")


def _salt(name: str) -> str:
    # As the first cookies had it: those that browsers keep are to be read.
    return f"frontend_app.shop.{name}"
