"""A visitor's basket, in a cookie, and the key under which it is bought.

The basket's key is the idempotency key of buying it. Whatever is pressed twice, reloaded, opened in a second tab or
retried the next day is the same purchase, as long as it is the same basket. It becomes another one by being bought,
or by a refusal (which is final for its key). Nobody can make another's.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse

from bookstore_project.api.representations import MAX_BOOK_ID, MAX_LINES, MAX_PURCHASE
from frontend_app.shop import cookies

COOKIE = "basket"


def new_key() -> str:
    """For a basket that begins: 128 random bits."""
    return secrets.token_urlsafe(16)


@dataclass(frozen=True)
class Basket:
    """What is to be bought: copies by book, in the order in which they were put in."""

    key: str = field(default_factory=new_key)
    copies: Mapping[int, int] = field(default_factory=dict)
    prices: Mapping[int, Decimal] = field(default_factory=dict)
    """What the books cost when the visitor put them in, or last said how many; not known of every one."""
    changes: int = 0
    """How many have made it what it is."""
    last_change: str = ""
    """Tells it from another one that came from the same basket at the same time, in another tab."""

    def with_book(self, book: int, copies: int, price: Decimal | None = None) -> "Basket":
        """So many copies of the book, up to what an order may have, at the price seen; none takes it out."""
        changed = {**self.copies, book: min(copies, MAX_PURCHASE)}
        prices = self.prices if price is None else {**self.prices, book: price}
        return self._changed({each: count for each, count in changed.items() if count > 0}, prices)

    def without(self, books: Iterable[int]) -> "Basket":
        """What is left of it when these are bought: another basket."""
        bought = set(books)
        rest = {book: copies for book, copies in self.copies.items() if book not in bought}
        return replace(self._changed(rest, self.prices), key=new_key())

    def _changed(self, copies: Mapping[int, int], prices: Mapping[int, Decimal]) -> "Basket":
        kept = {book: price for book, price in prices.items() if book in copies}
        last_change = secrets.token_urlsafe(4)
        return replace(self, copies=copies, prices=kept, changes=self.changes + 1, last_change=last_change)

    @property
    def is_full(self) -> bool:
        return len(self.copies) >= MAX_LINES

    @property
    def count(self) -> int:
        return sum(self.copies.values())


def read(request: HttpRequest) -> Basket:
    """The visitor's; an empty one if there is none, or the cookie isn't ours (any more)."""
    members = cookies.read(request, COOKIE)
    try:
        lines = [_line(*each) for each in members["lines"]]
        copies = {book: count for book, count, _ in lines if _is_line(book, count)}
        prices = {book: Decimal(cents).scaleb(-2) for book, _, cents in lines if book in copies and cents is not None}
        changes, last_change = members.get("change", (0, ""))
        return Basket(
            str(members["key"]), dict(list(copies.items())[:MAX_LINES]), prices, int(changes), str(last_change)
        )
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return Basket()


def write(response: HttpResponse, basket: Basket) -> None:
    lines = [
        (book, copies, *([int(basket.prices[book].scaleb(2))] if book in basket.prices else []))
        for book, copies in basket.copies.items()
    ]
    change = (basket.changes, basket.last_change)
    cookies.write(response, COOKIE, {"key": basket.key, "lines": lines, "change": change})


def is_kept(request: HttpRequest) -> bool:
    """Whether the browser has sent any, ours or not."""
    return COOKIE in request.COOKIES


def _line(book: Any, copies: Any, cents: Any = None) -> tuple[Any, Any, Any]:
    """As it is written; a basket of before prices were kept has none."""
    return book, copies, cents


def _is_line(book: Any, copies: Any) -> bool:
    return (
        isinstance(book, int) and isinstance(copies, int) and 1 <= book <= MAX_BOOK_ID and 1 <= copies <= MAX_PURCHASE
    )
