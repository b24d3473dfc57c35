"""Cells of a CSV file that a spreadsheet opens as text, not as formulas, and that an import reads as they were.

`bookstore_project.text.formulas` says what would be run as a formula.

Shops export titles as HTML has them (`Tom &amp; Jerry`), so an import decodes character references; a text that has
some of its own is written with its ampersands as `&#38;`, and what an import would refuse (`#N/A`) in that way, too.
"""

import html
import re
import sys
from html.entities import html5

from bookstore_project.text.formulas import formula_guarded, unguarded

_WRAPPED = re.compile(r'=\s*"((?:[^"]|"")*)"', re.DOTALL)
_REFERENCE = re.compile("&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_ERRORS = (
    "NULL! DIV/0! VALUE! REF! NAME? NUM! N/A GETTING_DATA SPILL! CALC! FIELD! BLOCKED! CONNECT! BUSY! UNKNOWN! "
    "WERT! BEZUG! ZAHL! NV NOM? VALEUR! NOMBRE! ¡VALOR! ¡REF! ¿NOMBRE? ¡NUM! ¡DIV/0! ¡NULO! "
)
_OWN_MARKS = "DATE! BOOLEAN! FORMULA! MERGED!"
"""What a workbook's cell is read as that is no text and no number, followed by what it holds."""
COVERED = "#MERGED!"
"""A cell that is merged with another one: what stands there may be meant for it, too, or not."""
_NO_VALUE = re.compile(
    "#(?:" + "|".join(map(re.escape, f"{_ERRORS}{_OWN_MARKS}".split())) + r")(?:\s.*)?|#{3,}", re.DOTALL
)
LOST = "\ufffd"
"""What programs put in the place of a character that they couldn't read."""
_TWICE = re.compile("&amp;(#?[A-Za-z0-9]{1,32};)")


def guarded(text: str) -> str:
    """What a reader of `cell_text` and `without_references` takes for `text`, and a spreadsheet doesn't run."""
    text = _REFERENCE.sub(lambda found: f"&#38;{found[0][1:]}" if _is_known(found[0]) else found[0], text)
    text = text.replace(LOST, f"&#{ord(LOST)};")
    if is_no_value(text):
        text = f"&#{ord('#')};{text[1:]}"
    return formula_guarded(text)


def cell_text(cell: str) -> str:
    """What a cell says: without its guard, or out of `="0439023483"`, which spreadsheets don't count with."""
    if (wrapped := _WRAPPED.fullmatch(cell.strip())) is not None:
        return wrapped[1].replace('""', '"')
    return unguarded(cell)


def without_references(text: str) -> str:
    """With the characters that HTML's character references stand for; nothing without a semicolon is one."""
    return _REFERENCE.sub(lambda found: _character_of(found[0]) if _is_known(found[0]) else found[0], text)


def _character_of(reference: str) -> str:
    """As a browser reads it; but what that drops, or shows as a lost character, is that very character."""
    character = html.unescape(reference)
    if character not in ("", LOST):
        return character
    number = int(reference[3:-1], 16) if reference[2] in "xX" else int(reference[2:-1])
    return chr(number) if number <= sys.maxunicode else reference


def is_encoded_twice(text: str) -> bool:
    """Whether it has the likes of `&amp;amp;`: either an ampersand to a program that encodes twice, or `&amp;`."""
    return any(_is_known(f"&{found[1]}") for found in _TWICE.finditer(text))


def is_no_value(text: str) -> bool:
    """Whether a spreadsheet wrote it instead of a value: `#N/A`, or `####` from a column that was too narrow."""
    return _NO_VALUE.fullmatch(text.strip()) is not None


def _is_known(reference: str) -> bool:
    return reference[1] == "#" or reference[1:] in html5
