"""A basket that several tabs change: what is to be said on the page that a change leads to.

The cookies are read at each change, so what tabs change one after the other, or at the same moment, is all there
(`made_changes`). The address of the page says which change led to it. It is said to be lost if another tab has made
another basket of it, by buying it.
"""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest, QueryDict

from bookstore_project.api.representations import MAX_PURCHASE, is_book_id
from frontend_app.runtime import front
from frontend_app.shop import basket as baskets
from frontend_app.shop import catalogue
from frontend_app.shop.basket import Basket
from frontend_app.shop.forms import LONGEST_COUNT
from frontend_app.shop.made_changes import Found


@dataclass(frozen=True)
class LostChange:
    """A change that isn't in the cookie: another tab's is, or the browser keeps none."""

    book_id: int
    is_kept: bool
    """Whether the browser keeps cookies."""


@dataclass(frozen=True)
class LateChange:
    """A change of a book whose copies weren't any more what the page had shown: another tab had changed them."""

    title: str
    before: int
    """As the other tab had left them."""
    now: int


def query_of(changed: Basket, book_id: int, overtaken: int | None) -> str:
    """What the page's address says of a change. `overtaken`: copies that weren't what the visitor had before them."""
    named = {"change": f"{changed.changes}.{changed.last_change}", "book": book_id}
    late = {} if overtaken is None else {"before": overtaken}
    return urlencode(named | late)


def lost_change(request: HttpRequest, kept: Basket) -> LostChange | None:
    """The change that the address names, if it isn't in what is kept: that is another basket, or has no room."""
    number, last_change, book_id = _named(request.GET)
    if number is None or book_id is None:
        return None
    if not baskets.is_kept(request):
        return LostChange(book_id, is_kept=False)
    return LostChange(book_id, is_kept=True) if kept.lacks(number, last_change) else None


def late_change(request: HttpRequest, found: Found) -> LateChange | None:
    """The change that the address names, if it is the last one, and met what another tab had done."""
    number, last_change, book_id = _named(request.GET)
    kept = found.basket
    if book_id is not None and last_change == kept.last_change and last_change in found.before:
        return _late(kept, book_id, found.before[last_change])
    before = request.GET.get("before", "")
    is_last = number is not None and (number, last_change) == (kept.changes, kept.last_change)
    if not is_last or book_id is None or not _is_number(before, most=MAX_PURCHASE):
        return None
    return _late(kept, book_id, int(before))


def _late(kept: Basket, book_id: int, before: int) -> LateChange:
    return LateChange(catalogue.title_of(front(), book_id), before, kept.copies.get(book_id, 0))


def _named(query: QueryDict) -> tuple[int | None, str, int | None]:
    number, _, last_change = query.get("change", "").partition(".")
    book = query.get("book", "")
    return (
        int(number) if _is_number(number) else None,
        last_change,
        int(book) if is_book_id(book) else None,
    )


def _is_number(text: str, *, most: int | None = None) -> bool:
    if not (text.isascii() and text.isdecimal() and len(text) <= LONGEST_COUNT):
        return False
    return most is None or int(text) <= most
