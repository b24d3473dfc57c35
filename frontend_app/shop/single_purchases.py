"""The keys by which a visitor buys books at once, each from its own page, beside the basket.

A book's key stays what it is until the book is bought, or refused, under it: what is pressed again, or asked for
again after a lost answer, is the same purchase. So no key is ever forgotten: once as many books are counted as a
cookie has room for, others are bought through the basket.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.http import HttpRequest, HttpResponse

from bookstore_project.api import idempotency
from bookstore_project.api.representations import MAX_BOOK_ID
from frontend_app.shop import cookies, made_purchases
from frontend_app.shop.basket import new_key

COOKIE = "bought-singly"
MOST_BOOKS = 150
MOST_TURNS = 10**9 - 2
"""So that the next one is a key as well."""
_BASE = re.compile(r"[\w-]{22}", re.ASCII)
_KEY = re.compile(r"(?P<base>[\w-]{22})-(?P<book>[0-9]{1,19})-(?P<turn>[0-9]{1,9})", re.ASCII)


@dataclass(frozen=True)
class SinglePurchases:
    """What has become of them, as far as keys depend on it."""

    base: str = field(default_factory=new_key)
    turns: Mapping[int, int] = field(default_factory=dict)
    """By book: how often it was bought at once, or refused."""

    def key_of(self, book: int) -> str | None:
        """The key of buying this book alone; None where the basket has to be taken."""
        return f"{self.base}-{book}-{self.turns.get(book, 0)}" if self._has_room_for(book) else None

    def after(self, book: int, key: str) -> "SinglePurchases":
        """They when this book was bought, or refused, under this key: the book's next purchase has another one."""
        if key != self.key_of(book):
            return self
        return replace(self, turns={**self.turns, book: self.turns.get(book, 0) + 1})

    def _has_room_for(self, book: int) -> bool:
        return book in self.turns or len(self.turns) < MOST_BOOKS


def book_of(key: str) -> int | None:
    """The book that is bought at once under this key; None for another key."""
    single = _KEY.fullmatch(key)
    return int(single["book"]) if single else None


def key_after(refused: str) -> str:
    """For what is bought in place of what was refused under that key: the same one, however often it is refused.

    Of a book bought at once it is the key that the book's page has from then on.
    """
    if single := _KEY.fullmatch(refused):
        return f"{single['base']}-{single['book']}-{int(single['turn']) + 1}"
    return str(idempotency.id_of("basket", refused))


def find(request: HttpRequest) -> SinglePurchases | None:
    """The visitor's; None if there are none, or the cookie isn't ours (any more), or makes no sense.

    Of two tabs that bought at the same moment, it has both purchases.
    """
    kept = _kept(request)
    bought = {key: single for key in made_purchases.keys(request) if (single := _KEY.fullmatch(key))}
    for key, single in sorted(bought.items(), key=lambda each: int(each[1]["turn"])):
        kept = kept and kept.after(int(single["book"]), key)
    return kept


def keep(request: HttpRequest, response: HttpResponse) -> None:
    """Has the browser keep what its cookie lacked, if the response doesn't write it anyway."""
    if COOKIE not in response.cookies and (found := find(request)) is not None and found != _kept(request):
        write(response, found)


def _kept(request: HttpRequest) -> SinglePurchases | None:
    members = cookies.read(request, COOKIE)
    base, turns = members.get("base"), members.get("turns")
    if not (isinstance(base, str) and _BASE.fullmatch(base) and isinstance(turns, list)):
        return None
    if len(turns) > MOST_BOOKS or not all(_is_turn(each) for each in turns):
        return None
    return SinglePurchases(base, dict(turns))


def _is_turn(turn: Any) -> bool:
    """Book, and how often."""
    return (
        isinstance(turn, list)
        and len(turn) == 2
        and cookies.is_count(turn[0], 1, MAX_BOOK_ID)
        and cookies.is_count(turn[1], 0, MOST_TURNS)
    )


def write(response: HttpResponse, purchases: SinglePurchases) -> None:
    cookies.write(response, COOKIE, {"base": purchases.base, "turns": list(purchases.turns.items())})
