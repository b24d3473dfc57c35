"""A change of the basket, made to whatever the basket is by then."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import QueryDict

from bookstore_project.api import problems
from bookstore_project.api.representations import MAX_BOOK_ID, MAX_LINES, MAX_PURCHASE
from frontend_app.shop import cookies, forms
from frontend_app.shop.basket import MOST_CENTS, Basket

_NEEDED = {"book": MAX_BOOK_ID, "copies": MAX_PURCHASE, "more": 1}
"""What a cookie says of each change, and how much it may be at most."""
_MEMBERS = {**_NEEDED, "shown": 10**forms.LONGEST_COUNT, "cents": MOST_CENTS}


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

    @classmethod
    def typed(cls, form: QueryDict) -> list["Change"] | None:
        """Each number of the basket's page that isn't the one that was shown, and that of the button's row.

        None if it is another page's form. Raises Invalid.
        """
        if not (books := forms.books_with_copies(form)):
            return None
        prices, pressed = forms.prices_seen(form), form.get("book", "")
        changes = [cls._typed(form, book, prices.get(book)) for book in books]
        return [change for change in changes if change.copies != change.shown or str(change.book_id) == pressed]

    @classmethod
    def _typed(cls, form: QueryDict, book: int, price: Decimal | None) -> "Change":
        copies = forms.copies(form, least=0, name=f"{forms.COPIES_OF}{book}")
        shown = forms.copies_shown(form, f"{forms.SHOWN_OF}{book}")
        return cls(book, copies, is_more=False, shown=shown, cents=_in_cents(price))

    def overtaken(self, kept: Basket) -> int | None:
        """How many there are, if another tab has changed that since; None if the page was up to date, or adds.

        Nor is it if the other tab has typed the same.
        """
        now = kept.copies.get(self.book_id, 0)
        is_up_to_date = self.shown in (None, now) or (now == self.copies and now > 0)
        return None if self.is_more or is_up_to_date else now

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

    def as_members(self) -> dict[str, int]:
        """For a cookie, from which `of_members` makes it again."""
        told = {"shown": self.shown, "cents": self.cents}
        known = {name: value for name, value in told.items() if value is not None}
        return {"book": self.book_id, "copies": self.copies, "more": int(self.is_more), **known}

    @classmethod
    def of_members(cls, members: Mapping[str, Any]) -> "Change | None":
        """None if these are none."""
        if not _NEEDED.keys() <= members.keys() <= _MEMBERS.keys():
            return None
        if not all(cookies.is_count(value, 0, _MEMBERS[name]) for name, value in members.items()):
            return None
        shown, cents = members.get("shown"), members.get("cents")
        return cls(members["book"], members["copies"], bool(members["more"]), shown, cents)


def _cents_seen(form: QueryDict) -> int | None:
    return _in_cents(forms.price_seen(form))


def _in_cents(price: Decimal | None) -> int | None:
    return None if price is None else int(price.scaleb(2))
