"""Numbers in the digits and marks of any script as they would be typed in ASCII."""

import re
import unicodedata

from bookstore_project.text.canonical import DASHES
from catalog_app.importing.errors import Unreadable

DECIMAL = "\u066b"
"""Of Arabic: unlike a point or a comma it separates decimals and nothing else."""
_MARKS = str.maketrans(
    {
        **dict.fromkeys("\u00a0\u2007\u2009\u202f", " "),
        # Apostrophes between thousands, and the mark that Arabic has for that alone.
        **dict.fromkeys("`´‘’‛ʼʻ′＇\u066c", "'"),
        "\u060c": ",",
    }
)
_DASH = re.compile(f"[{DASHES}]")
_WIDE = str.maketrans(
    {chr(number): chr(number - 0xFEE0) for number in range(0xFF01, 0xFF5F)} | {"￥": "¥", "￡": "£"}
)
_NOT_ASCII_DIGIT = re.compile(r"[^\D0-9]")


def in_ascii(text: str) -> str:
    """Without spaces at its ends. Raises Unreadable for digits of two scripts: which come first, isn't seen."""
    text = _DASH.sub("-", text.translate(_WIDE).translate(_MARKS)).strip()
    if not _NOT_ASCII_DIGIT.search(text):
        return text
    zeros = {ord(digit) - unicodedata.decimal(digit) for digit in re.findall(r"\d", text)}
    if len(zeros) > 1:
        raise Unreadable("digits of two scripts")
    return _NOT_ASCII_DIGIT.sub(lambda found: str(unicodedata.decimal(found[0])), text)
