"""A visitor's basket, and the orders that he has made: in signed cookies, so that they outlive every process.

The basket's key is the idempotency key of buying it. Whatever is pressed twice, reloaded, opened in a second tab or
retried the next day is the same purchase, as long as it is the same basket. It becomes another one by being bought,
or by a refusal (which is final for its key). Nobody can make another's: the cookies are signed (HMAC, by
`django.core.signing`), and hold no personal data.
"""

import re
import secrets
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from bookstore_project.api import idempotency
from bookstore_project.api.representations import MAX_BOOK_ID, MAX_LINES, MAX_PURCHASE

BASKET_COOKIE = "basket"
ORDERS_COOKIE = "my-orders"
KEPT_S = 90 * 24 * 3600
MOST_ORDERS = 50
"""Of a visitor's that are remembered: a cookie has room for 4 KiB (RFC 6265, 6.1)."""
MOST_TURNS = 30
"""Books of which a visitor's purchases at once are counted: with one more, all keys of such purchases are new."""
_KEY_OF_ONE = re.compile(r"(?P<book>[\w-]{22}-[0-9]{1,19})-(?P<turn>[0-9]{1,9})", re.ASCII)


def new_key() -> str:
    """For a basket that begins: 128 random bits."""
    return secrets.token_urlsafe(16)


def key_after(refused: str) -> str:
    """For what is bought in place of what was refused under that key: the same one, however often it is refused.

    Of a book bought at once it is the key that the book's page has from then on.
    """
    if one := _KEY_OF_ONE.fullmatch(refused):
        return f"{one['book']}-{int(one['turn']) + 1}"
    return str(idempotency.id_of("basket", refused))


@dataclass(frozen=True)
class Basket:
    """What is to be bought: copies by book, in the order in which they were put in."""

    key: str = field(default_factory=new_key)
    copies: Mapping[int, int] = field(default_factory=dict)
    base: str = field(default_factory=new_key)
    """Of the keys by which books are bought at once, beside it. What becomes of the basket doesn't change them."""
    turns: Mapping[int, int] = field(default_factory=dict)
    """By book: how often it was bought at once, or refused."""

    def with_book(self, book: int, copies: int) -> "Basket":
        """So many copies of the book; none takes it out. More than an order may have count as the most it may."""
        changed = {**self.copies, book: min(copies, MAX_PURCHASE)}
        return replace(self, copies={each: count for each, count in changed.items() if count > 0})

    def key_of_one(self, book: int) -> str:
        """The key of buying this book alone, from its page: one purchase until made or refused, then another."""
        return f"{self.base}-{book}-{self.turns.get(book, 0)}"

    def after_one(self, book: int, key: str) -> "Basket":
        """It when this book was bought, or refused, under this key: the book's next purchase has another one."""
        if key != self.key_of_one(book):
            return self
        if len(self.turns) >= MOST_TURNS and book not in self.turns:
            return replace(self, base=new_key(), turns={})
        return replace(self, turns={**self.turns, book: self.turns.get(book, 0) + 1})

    def without(self, books: Iterable[int]) -> "Basket":
        """What is left of it when these are bought: another basket."""
        bought = set(books)
        rest = {book: copies for book, copies in self.copies.items() if book not in bought}
        return replace(self, key=new_key(), copies=rest)

    @property
    def is_full(self) -> bool:
        return len(self.copies) >= MAX_LINES

    @property
    def count(self) -> int:
        return sum(self.copies.values())


def read_basket(request: HttpRequest) -> Basket:
    """The visitor's; an empty one if there is none, or the cookie isn't ours."""
    return find_basket(request) or Basket()


def find_basket(request: HttpRequest) -> Basket | None:
    """The visitor's; None if there is none, or the cookie isn't ours (any more)."""
    members = _read(request, BASKET_COOKIE)
    try:
        lines = [(book, copies) for book, copies in members["lines"] if _is_line(book, copies)]
        turns = {int(book): int(count) for book, count in members["turns"]}
        return Basket(str(members["key"]), dict(lines[:MAX_LINES]), str(members["base"]), turns)
    except (KeyError, TypeError, ValueError):
        return None


def write_basket(response: HttpResponse, basket: Basket) -> None:
    members = {"key": basket.key, "lines": list(basket.copies.items())}
    _write(response, BASKET_COOKIE, {**members, "base": basket.base, "turns": list(basket.turns.items())})


def read_orders(request: HttpRequest) -> list[str]:
    """Ids of the visitor's last orders, newest first."""
    try:
        return [str(uuid.UUID(each)) for each in _read(request, ORDERS_COOKIE)["orders"]]
    except (KeyError, TypeError, ValueError, AttributeError):
        return []


def add_order(request: HttpRequest, response: HttpResponse, order_id: str) -> None:
    known = [each for each in read_orders(request) if each != order_id]
    orders = [uuid.UUID(each).hex for each in (order_id, *known)]
    _write(response, ORDERS_COOKIE, {"orders": orders[:MOST_ORDERS]})


def _is_line(book: Any, copies: Any) -> bool:
    return (
        isinstance(book, int) and isinstance(copies, int) and 1 <= book <= MAX_BOOK_ID and 1 <= copies <= MAX_PURCHASE
    )


def _read(request: HttpRequest, name: str) -> Any:
    try:
        return signing.loads(request.COOKIES.get(name, ""), salt=_salt(name), max_age=KEPT_S)
    except signing.BadSignature:
        return {}


def _write(response: HttpResponse, name: str, members: Mapping[str, Any]) -> None:
    response.set_cookie(
        name,
        signing.dumps(members, salt=_salt(name), compress=True),
        max_age=KEPT_S,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _salt(name: str) -> str:
    return f"frontend_app.shop.{name}"
