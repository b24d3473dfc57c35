"""What the tests of the admin share: pages read, and forms sent back as a browser does."""

import re
from html import unescape
from typing import Any

from django.test import Client

from tests.contract.html import Page

BOOKS = "/admin/catalog_app/book/"


def text_of(answer: Any) -> str:
    """The page's words, in single spaces."""
    return " ".join(Page.of(answer.content).text.split())


def row_of(answer: Any, title: str) -> str:
    """The words of a list's row with that title."""
    (row,) = (
        row for row in re.findall(r"<tr>.*?</tr>", answer.content.decode(), re.DOTALL) if f">{title}</a>" in row
    )
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", row)).split())


def form_of(answer: Any, member: str) -> dict[str, str]:
    """The fields of the form that has this one."""
    (form,) = (form for form in Page.of(answer.content).forms if member in form.fields)
    return form.fields


def row_number(fields: dict[str, str], book_id: int) -> str:
    """`form-2` for the book of that id, in the fields of the list."""
    (name,) = (name for name, value in fields.items() if re.fullmatch(r"form-\d+-id", name) and value == str(book_id))
    return name.removesuffix("-id")


def save(browser: Client, shown: Any, book_id: int, path: str = BOOKS, **changes: object) -> Any:
    """Saves the list as it was shown, but for these fields of one book."""
    fields = form_of(shown, "form-TOTAL_FORMS")
    row = row_number(fields, book_id)
    return browser.post(
        path, fields | {f"{row}-{name}": value for name, value in changes.items()} | {"_save": "Save"}
    )
