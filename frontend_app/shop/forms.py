"""What the shop's forms send, read with care: anybody can send anything."""

import re
from decimal import Decimal
from typing import Any

from django.http import QueryDict

from bookstore_project.api import idempotency, problems
from bookstore_project.api.representations import MAX_BOOK_ID, MAX_LINES, MAX_PURCHASE, is_book_id

INCOMPLETE = "A part of this form is missing, or was changed. Load its page again, and send it from there."
LONGEST_COUNT = 19
"""Digits of a number."""
COPIES_OF, SHOWN_OF = "copies-", "shown-"
"""Fields of the basket's page, by the book's id: the number that may be typed, and the one that was there."""
_TOKEN = re.compile(r"[\w-]{6,22}", re.ASCII)
_LINE = re.compile(r"(?P<book>[0-9]{1,19}) (?P<copies>[0-9]{1,9}) (?P<price>[0-9]{1,8}\.[0-9]{2})")


def lines(form: QueryDict) -> list[dict[str, Any]]:
    """Of a form that buys: `line` for each book, as id, copies and the price that was shown. Raises Invalid."""
    sent = form.getlist("line")
    if not sent:
        raise _invalid("line", "There is nothing to buy in this form.")
    if len(sent) > MAX_LINES:
        raise _invalid("line", f"An order has room for {MAX_LINES} different books.")
    found = [_LINE.fullmatch(each) for each in sent]
    asked = [
        {"book": int(line["book"]), "quantity": int(line["copies"]), "unit_price": line["price"]}
        for line in found
        if line is not None and _is_possible(line)
    ]
    if len(asked) < len(sent):
        raise _invalid("line", "Expected a book, copies and a price.", told=INCOMPLETE)
    if "copies" in form and len(asked) == 1:
        asked[0]["quantity"] = copies(form, least=1)
    return asked


def _is_possible(line: re.Match[str]) -> bool:
    return 1 <= int(line["book"]) <= MAX_BOOK_ID and 1 <= int(line["copies"]) <= MAX_PURCHASE


def price_seen(form: QueryDict) -> Decimal | None:
    """What the book of a form that changes the basket cost on its page; None if the form doesn't say."""
    line = _LINE.fullmatch(form.get("line", ""))
    return Decimal(line["price"]) if line and line["book"] == form.get("book") else None


def book_id(form: QueryDict) -> int:
    return _number(form, "book", 1, MAX_BOOK_ID, told=INCOMPLETE)


def prices_seen(form: QueryDict) -> dict[int, Decimal]:
    """What the books of a form that buys cost on its page, as far as it says."""
    found = (_LINE.fullmatch(each) for each in form.getlist("line"))
    return {int(line["book"]): Decimal(line["price"]) for line in found if line}


def books_with_copies(form: QueryDict) -> list[int]:
    """Whose numbers the page of the basket has sent; none if it is another page's form. Raises Invalid."""
    named = [name.removeprefix(COPIES_OF) for name in form if name.startswith(COPIES_OF)]
    if len(named) > MAX_LINES or not all(is_book_id(each) and each[0] != "0" for each in named):
        raise _invalid("copies", "Expected the copies of books of a basket.", told=INCOMPLETE)
    return [int(each) for each in named]


def copies(form: QueryDict, *, least: int, name: str = "copies") -> int:
    told = f"The number of copies has to be a whole number from {least} to {MAX_PURCHASE:,}."
    return _number(form, name, least, MAX_PURCHASE, told=told)


def copies_shown(form: QueryDict, name: str = "shown") -> int | None:
    """How many the page had shown; None if the form doesn't say, or makes no sense."""
    text = form.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= LONGEST_COUNT else None


def token(form: QueryDict) -> str | None:
    """Of the change that the form makes, however often it is sent; None if it doesn't say, or makes no sense."""
    text = form.get("change", "")
    return text if _TOKEN.fullmatch(text) else None


def key(form: QueryDict) -> str:
    """The idempotency key of what is bought. Raises Invalid."""
    sent = form.get("key", "")
    if not idempotency.is_key(sent):
        raise _invalid("key", "Expected the key of a purchase.", told=INCOMPLETE)
    return sent


def _number(form: QueryDict, name: str, least: int, most: int, *, told: str) -> int:
    text = form.get(name, "").strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= LONGEST_COUNT and least <= int(text) <= most):
        raise _invalid(name, f"Expected a whole number from {least} to {most}.", told=told)
    return int(text)


def _invalid(name: str, detail: str, *, told: str = "") -> problems.Invalid:
    return problems.Invalid({name: [detail]}, told=told or detail)
