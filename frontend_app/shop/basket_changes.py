"""A change of the basket, made to whatever the basket is by then.

Of two changes that two tabs make at the same moment, each is made to the cookie of before, and the browser keeps the
last one that it gets. So a change leads to an address that says what it was, signed for this basket: the page finds
that the cookie hasn't it, and makes it once more.
"""

from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core import signing
from django.http import QueryDict

from bookstore_project.api import problems
from bookstore_project.api.representations import MAX_LINES
from frontend_app.shop import cookies, forms
from frontend_app.shop.basket import Basket

_SALT = "frontend_app.shop.change"


@dataclass(frozen=True)
class Change:
    """Copies of a book: so many more, or so many from now on."""

    book_id: int
    copies: int
    is_more: bool
    shown: int | None = None
    """How many the page had shown, if it says: a number that nobody has touched undoes nothing of another tab."""
    cents: int | None = None
    """What a copy cost on the page, if it says."""

    @classmethod
    def putting(cls, form: QueryDict) -> "Change":
        """Raises Invalid."""
        book_id = forms.book_id(form)
        return cls(book_id, forms.copies(form, least=1), is_more=True, cents=_cents_seen(form))

    @classmethod
    def setting(cls, form: QueryDict) -> "Change":
        """Raises Invalid."""
        book_id = forms.book_id(form)
        shown = forms.copies_shown(form)
        return cls(book_id, forms.copies(form, least=0), is_more=False, shown=shown, cents=_cents_seen(form))

    def overtaken(self, kept: Basket) -> int | None:
        """How many there are, if another tab has changed that since; None if the page was up to date, or adds."""
        now = kept.copies.get(self.book_id, 0)
        return None if self.is_more or self.shown is None or self.shown == now else now

    def made_to(self, kept: Basket, token: str | None = None) -> Basket:
        """`token`: of a change that is made once more. Raises Conflict if there is no room."""
        now = kept.copies.get(self.book_id, 0)
        copies = now + self.copies if self.is_more else self.copies
        if self.overtaken(kept) is not None and self.copies == self.shown:
            copies = now
        if copies and kept.is_full and self.book_id not in kept.copies:
            raise problems.Conflict(f"A basket has room for {MAX_LINES} different books: buy these first.")
        price = None if self.cents is None else Decimal(self.cents).scaleb(-2)
        return kept.with_book(self.book_id, copies, price, token=token)

    def signed(self, kept: Basket) -> str:
        """For an address: what `found` reads there, while the basket is this one."""
        members = (self.book_id, self.copies, int(self.is_more), self.shown, self.cents)
        return signing.dumps(members, salt=_SALT + kept.key)


def found(text: str, kept: Basket) -> Change | None:
    """The change that was signed so for this basket, if one was."""
    with suppress(signing.BadSignature):
        members: list[Any] = signing.loads(text, salt=_SALT + kept.key, max_age=cookies.KEPT_S)
        book_id, copies, is_more, shown, cents = members
        return Change(book_id, copies, bool(is_more), shown, cents)
    return None


def _cents_seen(form: QueryDict) -> int | None:
    price = forms.price_seen(form)
    return None if price is None else int(price.scaleb(2))
