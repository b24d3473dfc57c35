"""A purchase to which the answer was no, told by the page to which the answer leads: its address says what it was.

So that page is asked for as any other: reloaded, or gone back to, without the form being sent once more. What the
address says is signed: nobody else has the shop say it. It counts for the key that the page has from then on. As
long as the visitor's cookies know that key, the address doesn't; else it brings it along, with what was asked for.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.core import signing
from django.http import HttpRequest

from frontend_app.runtime import front
from frontend_app.shop import catalogue, cookies

PARAMETER = "refused"
_SALT = "frontend_app.shop.refused"
_MISSING = ("code", "book", "asked", "left", "unit_price")


@dataclass(frozen=True)
class Refused:
    """What can't be had as it was asked for."""

    missing: Sequence[Mapping[str, Any]] = ()
    """The lines, and why. None: under this key another purchase was refused before."""
    key: str | None = None
    """Of asking for it once more, where no cookie knows it."""
    copies: Mapping[int, int] = field(default_factory=dict)
    """That were asked for, by book; with a key only."""


def address(path: str, missing: Sequence[Mapping[str, Any]], key: str) -> str:
    """Of the page that tells of it to a visitor whose cookies know the key."""
    return _address(path, {"missing": _short(missing)}, key)


def address_with(
    path: str, missing: Sequence[Mapping[str, Any]], key: str, copies: Mapping[int, int] | None = None
) -> str:
    """Of the page that tells of it to somebody whose cookies, if there are any, know nothing of the key.

    `copies`, by book: what was asked for, if its page doesn't say.
    """
    return _address(path, {"missing": _short(missing), "key": key, "copies": list((copies or {}).items())})


def _short(missing: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    return [[line.get(name) for name in _MISSING] for line in missing]


def _address(path: str, members: Mapping[str, Any], known_key: str = "") -> str:
    return f"{path}?{urlencode({PARAMETER: signing.dumps(members, salt=_SALT + known_key, compress=True)})}"


def told(request: HttpRequest, key: str | None) -> Refused | None:
    """What the address tells, if it counts for this key, which the cookies know, or brings one along."""
    text = request.GET.get(PARAMETER, "")
    for known_key in ([key] if key else []) + [""]:
        with suppress(signing.BadSignature):
            members = signing.loads(text, salt=_SALT + known_key, max_age=cookies.KEPT_S)
            missing = [_told_line(dict(zip(_MISSING, line, strict=True))) for line in members["missing"]]
            return Refused(missing, members.get("key"), dict(members.get("copies", ())))
    return None


def _told_line(line: dict[str, Any]) -> Mapping[str, Any]:
    return line | {"title": catalogue.title_of(front(), line["book"])}
