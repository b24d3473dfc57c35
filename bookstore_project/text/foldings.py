"""How texts are folded for their keys: the tables are made from Unicode's when this is loaded."""

import re
import unicodedata
from collections.abc import Iterator

from bookstore_project.text.search_keys import JOINT

_APOSTROPHES = (
    "'`\u00b4\u02b9\u02ba\u02bb\u02bc\u02bd\u02be\u02bf\u02c0\u02c1\u02c8\u02ca\u02cb\u02ee\u055a\u05f3\u05f4"
    "\u2018\u2019\u201b\u2032\ua78b\ua78c\u1fbd\u1fbf"
)
"""Also those that transliterations of Semitic and Slavic scripts have, of which Unicode makes letters."""
_HYPHENS = "-\u058a\u05be\u2010\u2011\ufe63*\u00b7\u0387\u2027\u2219\u22c5\u30fb"
"""And what stands within words besides: dots in the middle, asterisks."""
_COUNTED = "#&%@"
"""Punctuation to Unicode, but more than that to people."""
_SEPARATING = "|\u2044\u2215"
"""Symbols to Unicode, but less than that to people."""
_IGNORED = (
    "\u00a9\u00ae\u2117\u2120\u2122"  # The marks of lawyers.
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # What can't be seen.
    "\u0345\u0640\u20dd-\u20e0\u20e2-\u20e4"  # A silent iota, a stroke that lengthens, circles and keys around.
)
_ACCENT_CLASSES = frozenset({1, *range(10, 37), *range(200, 241)})
"""Combining classes of marks that change no letter into another: not those of Indic, Thai and Japanese scripts."""
_OWN_LETTERS = "(?<![\u0438\u0418](?=\u0306))(?<![\u0443\u0423](?=\u0306))(?<![\u0456\u0406](?=\u0308))"
"""Not before the marks of й, ў and ї, which in each alphabet that has them are letters of their own."""
_LATIN = re.compile(
    "LATIN (?:SMALL LETTER|SMALL LIGATURE|LETTER SMALL CAPITAL|SMALL CAPITAL LETTER) (?:OPEN |INSULAR |BARRED )?"
    "([A-Z]{1,2})(?: WITH .*)?"
)
_LATIN_BLOCKS = (
    (0x80, 0x2B0),
    (0x1D00, 0x1DC0),
    (0x1E00, 0x1F00),
    (0x2C60, 0x2C80),
    (0xA720, 0xA800),
    (0xAB30, 0xAB70),
)
_LIKE_OTHERS = {
    **{"\u00f0": "d", "\u00fe": "th", "\u0131": "i", "\u0138": "q", "\u014b": "n", "\u0259": "e"},
    # Arabic as it is usually typed, and as Persian and Urdu keyboards type the same letters.
    **{"\u0649": "\u064a", "\u06cc": "\u064a", "\u06a9": "\u0643", "\u0629": "\u0647", "\u0671": "\u0627"},
}


def folded(text: str) -> str:
    """Words, with joints in them."""
    if not text.isascii():
        text = _without_accents(text)
    return _joined(text.casefold().translate(_PUNCTUATION))


def _without_accents(text: str) -> str:
    # Some apostrophes would be taken to pieces, a space and an accent.
    text = unicodedata.normalize("NFKD", _IGNORABLE.sub("", text.translate(_APOSTROPHE)))
    text = _ACCENT.sub("", text).casefold().translate(_LETTERS)
    return unicodedata.normalize("NFC", text)


def _joined(text: str) -> str:
    text = _GROUPED.sub(lambda found: found[0].replace(found[1], JOINT), text)
    for pattern, replacement in _JOINTS:
        text = pattern.sub(replacement, text)
    return text


_IGNORABLE = re.compile(f"[{_IGNORED}]")
_BLOCKS = (
    *((0, 0x3400), (0xA000, 0xAC00), (0xFB00, 0x10000), (0x10000, 0x13000), (0x16A00, 0x17000), (0x1BC00, 0x1BD00)),
    *((0x1D100, 0x1D300), (0x1D7C0, 0x1D800), (0x1DA00, 0x1E970), (0x1FBF0, 0x1FC00)),
)
"""Where Unicode has punctuation, marks and digits; to look at all of it would take a second."""
_SCANNED = [chr(number) for block in _BLOCKS for number in range(*block)]
_ACCENT = re.compile(f"{_OWN_LETTERS}[{''.join(c for c in _SCANNED if unicodedata.combining(c) in _ACCENT_CLASSES)}]")
_MARKS = "".join(c for c in _SCANNED if unicodedata.category(c)[0] == "M" and not _ACCENT.match(c))
"""Vowels of Indic scripts and what else is written on a letter and makes it another one."""
_LETTER, _IN_WORD = rf"(?:[^\W\d_]|[{_MARKS}])", rf"[\w{_MARKS}]"
_INITIAL = rf"[^\W\d_][{_MARKS}]*"
_GROUPED = re.compile(r"(?<!\d)(?<!\d[.,])[1-9]\d{0,2}([.,])\d{3}(?:\1\d{3})*(?!\1?\d)")
_JOINTS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (rf"(?<!{_IN_WORD})({_INITIAL})\.\s?(?={_INITIAL}\.)", rf"\1{JOINT}"),  # Initials, with spaces or without.
        (rf"(?<={_IN_WORD})'+(?={_IN_WORD})", JOINT),
        ("'", ""),
        (rf"(?<={_LETTER})-(?={_IN_WORD})|(?<={_IN_WORD})-(?={_LETTER})", JOINT),  # 1984-85 is two numbers.
        (rf"(?<={_LETTER})\.(?={_LETTER})", JOINT),
        (r"(?<=\d) +(?=%)", JOINT),
        (r"(?<!\d)[.,]|[.,](?!\d)|-", " "),  # 2.0 isn't 20.
    )
)


def _letters() -> Iterator[tuple[str, str]]:
    for first, end in _LATIN_BLOCKS:
        for character in map(chr, range(first, end)):
            if found := _LATIN.fullmatch(unicodedata.name(character, "")):
                yield character, found[1].lower()
    for number in range(0x30A1, 0x30F7):
        yield chr(number), chr(number - 0x60)  # Katakana as hiragana.
    for character in _SCANNED:
        if (digit := unicodedata.decimal(character, None)) is not None:
            yield character, str(digit)


def _punctuation() -> Iterator[tuple[str, str]]:
    for character in _SCANNED:
        if unicodedata.category(character) in _BETWEEN_WORDS and character not in f"{_COUNTED}.,":
            yield character, " "
    yield from ((character, " ") for character in _SEPARATING)
    yield from ((character, "'") for character in _APOSTROPHES)
    yield from ((character, "-") for character in _HYPHENS)
    yield from (("\u066a", "%"), ("\u066b", "."), ("\u066c", ","))  # As Arabic has them in numbers.


_BETWEEN_WORDS = frozenset(("Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Zs", "Zl", "Zp", "Cc"))
_APOSTROPHE = str.maketrans(dict.fromkeys(_APOSTROPHES, "'"))
_LETTERS = str.maketrans(dict(_letters()) | _LIKE_OTHERS)
_PUNCTUATION = str.maketrans(dict(_punctuation()))
