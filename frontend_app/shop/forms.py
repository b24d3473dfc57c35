"""What the shop's forms send, read with care: anybody can send anything."""

import re
from typing import Any

from django.http import QueryDict

from bookstore_project.api import problems
from bookstore_project.api.representations import MAX_BOOK_ID, MAX_LINES, MAX_PURCHASE

_PRICE = re.compile(r"[0-9]{1,8}\.[0-9]{2}")


def lines(form: QueryDict) -> list[dict[str, Any]]:
    """Of a form that buys: `line` for each book, as id, copies and the price that was shown. Raises Invalid."""
    found = []
    if len(form.getlist("line")) > MAX_LINES:
        raise problems.Invalid({"line": [f"An order has room for {MAX_LINES} different books."]})
    for sent in form.getlist("line"):
        book, _, rest = sent.partition(" ")
        count, _, price = rest.partition(" ")
        if not (book.isdecimal() and count.isdecimal() and _PRICE.fullmatch(price) and len(sent) < 60):
            raise problems.Invalid({"line": ["Expected a book, copies and a price."]})
        found.append({"book": int(book), "quantity": int(count), "unit_price": price})
    if "copies" in form and len(found) == 1:
        found[0]["quantity"] = copies(form, least=1)
    if not found:
        raise problems.Invalid({"line": ["There is nothing to buy in this form."]})
    return found


def book_id(form: QueryDict) -> int:
    return _number(form, "book", 1, MAX_BOOK_ID)


def copies(form: QueryDict, *, least: int) -> int:
    return _number(form, "copies", least, MAX_PURCHASE)


def _number(form: QueryDict, name: str, least: int, most: int) -> int:
    text = form.get(name, "").strip()
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and least <= int(text) <= most):
        raise problems.Invalid({name: [f"Expected a whole number from {least} to {most}."]})
    return int(text)
