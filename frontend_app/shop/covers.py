"""A cover for every book, drawn from its title, authors and topic: the same ones, the same picture.

As SVG, with no more than plain shapes and texts in it; texts are escaped by the template.
"""

import hashlib
import textwrap
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from django.template.loader import render_to_string

WIDTH, HEIGHT = 240, 340
COLUMNS, SMALL_COLUMNS = 16, 28
"""Characters of a common width in a line of a title, and in one of the smaller lines."""
LEFT, RIGHT = 30, 228
"""Where texts begin, and have to end."""
NEARLY_FULL = 0.95
"""Lines fuller than that, by what is known of their characters, are told how long they are: fonts differ."""
MOST_APART = 40
"""Degrees of the colour circle between a book's colour and its topic's: a topic looks like one, its books don't."""
MOST_LINES = 7
LINE_HEIGHT = 26
SHOWN = ("title", "authors", "topic")
"""What of a book a cover shows."""
MOST_KEPT = 2000
"""Covers of the last lists: 2 KiB each, and half a millisecond to draw one."""
WIDTHS = (
    dict.fromkeys("MWÆŒЖШЩЮЫ@%—…", 2.0)
    | dict.fromkeys("mwæœжшщюы", 1.5)
    | dict.fromkeys(" fijlrtIJ.,:;'’!|()-", 0.65)
)
"""Of letters that are wider or narrower than others of their kind, in the common width."""


@dataclass(frozen=True)
class TextLine:
    """A line of text, and where it stands; `length` (as wide as that, in any font) if it could be too long."""

    text: str
    y: int
    length: float | None


def digest_of(book: Mapping[str, Any]) -> str:
    """Names what a cover shows, in its address: another text, another address."""
    shown = "\0".join(str(book[name]) for name in SHOWN)
    return hashlib.sha256(shown.encode()).hexdigest()[:12]


def inlined(book: Mapping[str, Any]) -> str:
    """The picture as an address that holds it: a page with twenty covers is one request (docs/adr/0037)."""
    return _inlined(*(str(book[name]) for name in SHOWN))


@lru_cache(maxsize=MOST_KEPT)
def _inlined(*texts: str) -> str:
    drawn = draw(dict(zip(SHOWN, texts, strict=True)))
    return f"data:image/svg+xml,{quote(drawn.replace(chr(10), ''), safe='=:/(),;')}"


def draw(book: Mapping[str, Any]) -> str:
    """The picture as SVG text. Its colour is one of the topic's, its pattern the book's own."""
    topic = hashlib.sha256(str(book["topic"]).encode()).digest()
    own = hashlib.sha256(digest_of(book).encode()).digest()
    hue = (int.from_bytes(topic[:2], "big") + own[12] % (2 * MOST_APART + 1) - MOST_APART) % 360
    title = str(book["title"])
    lines = textwrap.wrap(title, columns_of(title, COLUMNS), max_lines=MOST_LINES, placeholder=" …")
    authors, topic_shown = _shortened(str(book["authors"])), _shortened(str(book["topic"]))
    circles = [
        {"x": own[place] % WIDTH, "y": HEIGHT // 2 + own[place + 1] % (HEIGHT // 2), "r": 20 + own[place + 2] % 60}
        for place in range(0, 12, 3)
    ]
    context = {
        "width": WIDTH,
        "height": HEIGHT,
        "hue": hue,
        "lightness": 22 + own[13] % 7,
        "title": book["title"],
        "left": LEFT,
        "lines": [_line(line, 48 + number * LINE_HEIGHT, COLUMNS) for number, line in enumerate(lines)],
        "authors": _line(authors, HEIGHT - 40, SMALL_COLUMNS),
        "topic": _line(topic_shown, HEIGHT - 18, SMALL_COLUMNS),
        "circles": circles,
    }
    return render_to_string("shop/cover.svg", context)


def columns_of(text: str, common: int) -> int:
    """How many of this text's characters fit where so many of a common width do."""
    return max(2, int(common * len(text) / sum(map(_width, text)))) if text else common


def _line(text: str, y: int, columns: int) -> TextLine:
    share = sum(map(_width, text)) / columns
    return TextLine(text, y, round(min(1, share) * (RIGHT - LEFT), 1) if share > NEARLY_FULL else None)


def _width(character: str) -> float:
    """In the common width of letters: those of East Asia take two (Unicode Standard Annex 11), capitals nearly."""
    if character in WIDTHS:
        return WIDTHS[character]
    if unicodedata.east_asian_width(character) in "WF":
        return 2
    return 1.5 if character.isupper() else 1


def _shortened(text: str) -> str:
    columns = columns_of(text, SMALL_COLUMNS)
    shortened = textwrap.shorten(text, columns, placeholder=" …")
    return shortened if shortened != "…" else f"{text[: columns - 1]}…"
