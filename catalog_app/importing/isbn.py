"""An ISBN-13 out of what exports leave of it: lost zeros, scientific notation, hyphens, words around it.

Check digits say what is sound: ISO 2108 (ISBN-13: weights 1 and 3, modulo 10; ISBN-10: weights 10 to 1, modulo 11).
"""

import re
from dataclasses import dataclass

from bookstore_project.wire.fields import isbn13_check_digit, isbn13_problem
from catalog_app.importing.errors import Unreadable

_ISBN10 = re.compile(r"[0-9]{9}[0-9X]")
_ISBN10_LENGTH = 10
_MOST_LOST_ZEROS = 4
"""Group 0, a publisher like 00, and a small title number; beyond that it is some other number."""
_PREFIXES = ("978", "979")
_LABEL = re.compile(
    r"\b(?:urn:)?(?:e-?)?isbn(?:[-\s]?1[03](?![0-9]))?s?\s*(?:nr|no|number)?[\s.:#=]*|\bean\b[\s.:#]*", re.IGNORECASE
)
"""`ISBN: `, `ISBN-13 `, `urn:isbn:`."""
_REMARK = re.compile(r"\([^()]*\)|:\s*[^0-9\s].*$")
"""`(pbk.)`, and in catalogues of libraries the price that stands behind the number: `0439023483 (pbk.) : $9.99`."""
_ALONE = re.compile(r"(?<![0-9A-Z])[0-9][0-9\s-]{8,24}[0-9X](?![0-9A-Z])")
_BETWEEN_NUMBERS = re.compile(r"[,;|/\n]+")
_DASHES = re.compile(r"[‐-―−-]")
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")


@dataclass(frozen=True)
class Found:
    """`isbn13`, or None; `is_rebuilt` from an ISBN-10; `is_unsound`: something stood there, nothing was usable."""

    isbn13: str | None
    is_rebuilt: bool = False
    is_unsound: bool = False


def find_isbn13(isbn13_cell: str, isbn_cell: str, sku_cell: str = "") -> Found:
    """The ISBN-13 of a row: as given where its check digit is right, else rebuilt from the ISBN, else None.

    A shop's own number counts where there is no other, and if it is a sound ISBN-13. Raises Unreadable if the row
    has sound numbers of two books.
    """
    long, short = _numbers(isbn13_cell), _numbers(isbn_cell)
    full = [text for text in (*long, *short) if is_sound_isbn13(text)]
    # Where an ISBN-13 belongs, a number with lost zeros is some other one.
    rebuilt = map(isbn13_of_isbn10, [*short, *(text for text in long if len(text) == _ISBN10_LENGTH)])
    found = list(dict.fromkeys([*full, *filter(None, rebuilt)]))
    if len(found) > 1:
        raise Unreadable(f"numbers of several books: {', '.join(found)}")
    if found:
        return Found(found[0], is_rebuilt=not full)
    is_unsound = bool(isbn13_cell.strip() or isbn_cell.strip())
    own = [] if is_unsound else [text for text in _numbers(sku_cell) if is_sound_isbn13(text)]
    return Found(own[0] if own else None, is_unsound=is_unsound)


def is_sound_isbn13(digits: str) -> bool:
    return digits.startswith(_PREFIXES) and not isbn13_problem(digits)


def isbn13_of_isbn10(digits: str) -> str | None:
    """The ISBN-13 of an ISBN-10 (leading zeros may be missing); None if its check digit is wrong."""
    isbn10 = digits.zfill(_ISBN10_LENGTH)
    if not _ISBN10.fullmatch(isbn10) or _ISBN10_LENGTH - len(isbn10.lstrip("0")) > _MOST_LOST_ZEROS:
        return None
    values = [10 if digit == "X" else int(digit) for digit in isbn10]
    if sum(weight * value for weight, value in zip(range(10, 0, -1), values, strict=True)) % 11:
        return None
    first_twelve = f"978{isbn10[:9]}"
    return first_twelve + isbn13_check_digit(first_twelve)


def _numbers(cell: str) -> list[str]:
    """What may be numbers in a cell, without hyphens and spaces, and the `.0` of tools that take it for one."""
    text = _UNSEEN.sub("", _DASHES.sub("-", cell)).strip().strip("'’\"`[]").upper()
    text = _REMARK.sub(" ", _LABEL.sub(" ", text))
    parts = [part.strip(" .'\"[]") for part in _BETWEEN_NUMBERS.split(text)]
    parts = [re.sub(r"[\s-]", "", part.removesuffix(".0").removesuffix(",0")) for part in parts]
    parts = [part for part in parts if part]
    sound = [part for part in parts if is_sound_isbn13(part) or _ISBN10.fullmatch(part)]
    # Several numbers with spaces between them, or words that nobody thought of.
    return parts if sound else parts + [re.sub(r"[\s-]", "", alone) for alone in _ALONE.findall(text)]
