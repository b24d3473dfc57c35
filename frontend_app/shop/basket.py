"""A visitor's basket, in a cookie, and the key under which it is bought.

The basket's key is the idempotency key of buying it. Whatever is pressed twice, reloaded, opened in a second tab or
retried the next day is the same purchase, as long as it is the same basket. It becomes another one by being bought,
or by a refusal (which is final for its key). Nobody can make another's.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse

from bookstore_project.api import idempotency
from bookstore_project.api.representations import MAX_BOOK_ID, MAX_LINES, MAX_PRICE, MAX_PURCHASE
from frontend_app.shop import cookies

COOKIE = "basket"
MOST_CENTS = int(MAX_PRICE * 100)
MOST_CHANGES = 10**18
REMEMBERED = 6
"""Changes by which a basket is told from another one."""


def new_key() -> str:
    """For a basket that begins: 128 random bits."""
    return secrets.token_urlsafe(16)


def new_token() -> str:
    """Of a change: enough to tell it from a basket's last ones."""
    return secrets.token_urlsafe(4)


@dataclass(frozen=True)
class Basket:
    """What is to be bought: copies by book, in the order in which they were put in."""

    key: str = field(default_factory=new_key)
    copies: Mapping[int, int] = field(default_factory=dict)
    prices: Mapping[int, Decimal] = field(default_factory=dict)
    """What the books cost when the visitor put them in, or last said how many; not known of every one."""
    changes: int = 0
    """How many have made it what it is."""
    last_changes: tuple[str, ...] = ()
    """A token for each of the last of them, newest first: another tab may have made other ones of the same basket."""

    @property
    def last_change(self) -> str:
        return self.last_changes[0] if self.last_changes else ""

    def lacks(self, number: int, change: str) -> bool:
        """Whether it is of another tab and hasn't this change, as far back as it remembers."""
        return self.remembers(number) and change not in self.last_changes

    def remembers(self, number: int) -> bool:
        """Whether it would know a change of this number. Older ones it takes for made."""
        return number > self.changes - REMEMBERED

    def before(self, number: int) -> "Basket":
        """It as it is, counted so that the next change has this number, or a later one."""
        return replace(self, changes=max(self.changes, number - 1))

    def with_book(
        self, book: int, copies: int, price: Decimal | None = None, *, token: str | None = None
    ) -> "Basket":
        """So many copies of the book, up to what an order may have, at the price seen; none takes it out.

        `token`: of the change, if it is made once more.
        """
        changed = {**self.copies, book: min(copies, MAX_PURCHASE)}
        prices = self.prices if price is None else {**self.prices, book: price}
        return self._changed({each: count for each, count in changed.items() if count > 0}, prices, token)

    def under(self, key: str) -> "Basket":
        """The same copies as another basket: another tab that changes it now is told."""
        return replace(self._changed(self.copies, self.prices), key=key)

    def without(self, bought: Mapping[int, int]) -> "Basket":
        """What is left of it when so many copies of these books are bought: another basket."""
        left = {book: copies - bought.get(book, 0) for book, copies in self.copies.items()}
        rest = {book: copies for book, copies in left.items() if copies > 0}
        return replace(self._changed(rest, self.prices), key=new_key())

    def _changed(
        self, copies: Mapping[int, int], prices: Mapping[int, Decimal], token: str | None = None
    ) -> "Basket":
        kept = {book: price for book, price in prices.items() if book in copies}
        last = (token or new_token(), *self.last_changes)[:REMEMBERED]
        return replace(self, copies=copies, prices=kept, changes=self.changes + 1, last_changes=last)

    @property
    def is_full(self) -> bool:
        return len(self.copies) >= MAX_LINES

    @property
    def count(self) -> int:
        return sum(self.copies.values())


def find(request: HttpRequest) -> Basket | None:
    """As its cookie has it; None if there is none, or the cookie isn't ours (any more), or makes no sense.

    Another tab's change may not be in it: see `made_changes`.
    """
    members = cookies.read(request, COOKIE)
    key, lines, change = members.get("key"), members.get("lines"), members.get("change", [0, ""])
    if not (isinstance(key, str) and idempotency.is_key(key) and isinstance(lines, list) and _is_change(change)):
        return None
    if not all(_is_line(each) for each in lines):
        return None
    lines = lines[:MAX_LINES]
    prices = {line[0]: Decimal(line[2]).scaleb(-2) for line in lines if len(line) > 2}
    number, last = change
    return Basket(key, {line[0]: line[1] for line in lines}, prices, number, tuple(last.split()[:REMEMBERED]))


def write(response: HttpResponse, basket: Basket) -> None:
    lines = [
        (book, copies, *([int(basket.prices[book].scaleb(2))] if book in basket.prices else []))
        for book, copies in basket.copies.items()
    ]
    change = (basket.changes, " ".join(basket.last_changes))
    cookies.write(response, COOKIE, {"key": basket.key, "lines": lines, "change": change})


def is_kept(request: HttpRequest) -> bool:
    """Whether the browser has sent any, ours or not."""
    return COOKIE in request.COOKIES


def _is_line(line: Any) -> bool:
    """Book, copies, and the price in cents; a basket of before prices were kept has none."""
    return (
        isinstance(line, list)
        and len(line) in (2, 3)
        and cookies.is_count(line[0], 1, MAX_BOOK_ID)
        and cookies.is_count(line[1], 1, MAX_PURCHASE)
        and all(cookies.is_count(cents, 0, MOST_CENTS) for cents in line[2:])
    )


def _is_change(change: Any) -> bool:
    return (
        isinstance(change, list)
        and len(change) == 2
        and cookies.is_count(change[0], 0, MOST_CHANGES)
        and isinstance(change[1], str)
    )
