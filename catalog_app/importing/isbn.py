"""An ISBN-13 out of what exports leave of it: lost zeros, scientific notation, hyphens, words around it.

Check digits (ISO 2108), which python-stdnum knows, say what is sound.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from stdnum import isbn

from bookstore_project.api.fields import isbn13_problem
from bookstore_project.text.canonical import DASHES
from catalog_app.importing.digits import in_ascii
from catalog_app.importing.errors import Unreadable

_ISBN10 = re.compile(r"[0-9]{9}[0-9X]")
_ISBN10_LENGTH = 10
_PLAIN = re.compile("97[89][0-9]{10}")
_MOST_LOST_ZEROS = 4
"""Group 0, a publisher like 00, and a small title number; beyond that it is some other number."""
_LABEL = re.compile(
    r"(?:\b|(?<=[0-9X_]))(?:urn:)?(?:e-?)?isbn(?:[-\s_]?\(?1[03]\)?(?![0-9]))?s?\s*(?:nr|no|number)?[\s.:#=_]*"
    r"|\b(?:ean|gtin)(?:-?13(?![0-9]))?\b[\s.:#]*",
    re.IGNORECASE,
)
"""`ISBN: `, `ISBN-13 `, `urn:isbn:`."""
_BRACKETS = re.compile(r"\(([^()]*)\)")
_BEHIND = re.compile(r":\s*[^0-9\s].*$")
"""In catalogues of libraries the price stands behind the number: `0439023483 (pbk.) : $9.99`."""
_BINDING = re.compile(r"(?<=[0-9X])(?=(?:PBK?|PAPER|HBK?|HC|HARD|CLOTH|CASED|SC|BROSCH|GEB|KART|TB)[A-Z]*\b)")
"""Where `0439023483pbk.` ends."""
_APART = r"(?:\s?[-._•·]\s?|\s)?"
_ADD_ON = re.compile(r"(97[89][0-9]{10})[0-9]{5}")
"""The price that a second bar code has beside the first."""
_LONG = re.compile(rf"(?<![0-9A-Z])97[89](?:{_APART}[0-9]){{10}}(?![0-9])")
_SHORT = re.compile(r"(?<![0-9A-Z.])[0-9](?:\s?-\s?[0-9]|\s?[0-9]){8}(?:\s?-\s?|\s)?[0-9X](?![0-9A-Z])")
_DOTTED = re.compile(r"(?<![0-9A-Z._])(?=[0-9X._]{13}(?![0-9A-Z]))[0-9]{1,5}([._])[0-9]{1,7}\1[0-9]{1,7}\1[0-9X]")
_SCIENTIFIC = re.compile(r"(?<![0-9.,])9[.,](7[89][0-9]{10})E\+?12(?![0-9])")
"""With all of its digits: `9.780439023481E+12`. `9.78E+12` has lost some."""
_BETWEEN_NUMBERS = re.compile(r"[,;|/\n]+")
_DASH = re.compile(f"[{DASHES}]")
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_BEFORE_SHORT = frozenset(("dp", "isbn", "isbn10", "isbn-10", "asin"))
"""Of a link's path what an ISBN-10 comes after; other numbers of ten digits are a shop's own."""
_IN_STEP = re.compile("(?<![0-9])97[89](?:-?[0-9]){10}(?![0-9])")
_BREAK = " | "


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
    return not isbn13_problem(digits)


def isbn13_of_isbn10(digits: str) -> str | None:
    """The ISBN-13 of an ISBN-10 (leading zeros may be missing); None if its check digit is wrong."""
    isbn10 = digits.zfill(_ISBN10_LENGTH)
    if not _ISBN10.fullmatch(isbn10) or _ISBN10_LENGTH - len(isbn10.lstrip("0")) > _MOST_LOST_ZEROS:
        return None
    return isbn.to_isbn13(isbn10) if isbn.is_valid(isbn10) else None


def _numbers(cell: str) -> list[str]:
    """What may be numbers in a cell, without hyphens and spaces, and the `.0` of tools that take it for one.

    Sound ones count wherever they stand; where there is none, whatever may be meant for one.
    """
    if not cell or (_PLAIN.fullmatch(cell) and is_sound_isbn13(cell)):
        return [cell] if cell else []
    text = _UNSEEN.sub("", _DASH.sub("-", _LINK.sub(_of_link, cell)))
    try:
        text = in_ascii(text)
    except Unreadable:
        return [text]
    text = _LABEL.sub(_BREAK, text.strip("'\"`[]").upper())
    text = _SCIENTIFIC.sub(r"9\1", text)
    text = _BEHIND.sub("", _BRACKETS.sub(_of_brackets, _BINDING.sub(" ", text)))
    text, sound = _taken(_LONG, text, is_sound_isbn13)
    for pattern in (_DOTTED, _SHORT):
        text, short = _taken(pattern, text, lambda digits: isbn13_of_isbn10(digits) is not None)
        sound += short
    if sound:
        return sound
    parts = [part.strip(" .:'\"[]") for part in _BETWEEN_NUMBERS.split(text)]
    parts = [re.sub(r"[\s-]", "", part.removesuffix(".0").removesuffix(",0")) for part in parts]
    return [add_on[1] if (add_on := _ADD_ON.fullmatch(part)) else part for part in parts if part]


def _taken(pattern: re.Pattern[str], text: str, is_sound: Callable[[str], bool]) -> tuple[str, list[str]]:
    """The text without the sound numbers of this pattern, and those."""
    found: list[str] = []

    def take(match: re.Match[str]) -> str:
        digits = re.sub("[^0-9X]", "", match[0])
        if not is_sound(digits):
            return match[0]
        found.append(digits)
        return _BREAK

    return pattern.sub(take, text), found


def _of_brackets(match: re.Match[str]) -> str:
    """Nothing of a remark such as `(pbk.)`; a number may stand in brackets, too."""
    is_number = len(re.findall("[0-9]", match[1])) >= _ISBN10_LENGTH - 1
    return f"{_BREAK}{match[1]}{_BREAK}" if is_number else " "


def _of_link(match: re.Match[str]) -> str:
    """What a link says of a book: the numbers in its path, and in parameters that are named after them."""
    link = urlsplit(match[0])
    steps = [unquote(step) for step in link.path.split("/")]
    told = [value for name, value in parse_qsl(link.query) if name.casefold() in (*_BEFORE_SHORT, "ean", "isbn13")]
    for before, step in zip(["", *steps], steps, strict=False):
        if before.casefold() in _BEFORE_SHORT:
            told.append(step)
        else:
            told += _IN_STEP.findall(step)
    return _BREAK.join(["", *told, ""])
