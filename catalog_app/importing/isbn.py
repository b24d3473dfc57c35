"""An ISBN-13 out of what exports leave of it: lost zeros, scientific notation, hyphens.

Check digits say what is sound: ISO 2108 (ISBN-13: weights 1 and 3, modulo 10; ISBN-10: weights 10 to 1, modulo 11).
"""

import re
from dataclasses import dataclass

from bookstore_project.wire.fields import isbn13_check_digit, isbn13_problem

_ISBN10 = re.compile(r"[0-9]{9}[0-9X]")
_ISBN10_LENGTH = 10
_MOST_LOST_ZEROS = 4
"""Group 0, a publisher like 00, and a small title number; beyond that it is some other number."""
_PREFIXES = ("978", "979")


@dataclass(frozen=True)
class Found:
    """`isbn13`, or None; `is_rebuilt` from an ISBN-10; `is_unsound`: something stood there, nothing was usable."""

    isbn13: str | None
    is_rebuilt: bool = False
    is_unsound: bool = False


def find_isbn13(isbn13_cell: str, isbn_cell: str) -> Found:
    """The ISBN-13 of a row: as given where its check digit is right, else rebuilt from the ISBN, else None."""
    for cell in (isbn13_cell, isbn_cell):
        if is_sound_isbn13(_digits(cell)):
            return Found(_digits(cell))
    rebuilt = isbn13_of_isbn10(_digits(isbn_cell))
    if rebuilt is not None:
        return Found(rebuilt, is_rebuilt=True)
    return Found(None, is_unsound=bool(isbn13_cell.strip() or isbn_cell.strip()))


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


def _digits(cell: str) -> str:
    """Without hyphens, spaces, and the `.0` of tools that take it for a number; the check digit decides anyway."""
    return re.sub(r"[\s‐-―-]", "", cell).removesuffix(".0").upper()
