"""What texts are found, sorted and recognized by: a key that is the same for whatever people take for the same.

Case, accents, ligatures, widths, digits of other scripts and letters that most keyboards don't have (`ß`, `ø`, `æ`)
are folded. Punctuation separates words or, inside of one, is nothing. Symbols count: `C`, `C++` and `C#` are three
languages. It is nearly the first level of Unicode's collation (https://www.unicode.org/reports/tr10/); docs/adr/0018
says where it isn't, and why.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from bookstore_project.text.canonical import canonical, without_turning

MOST_WORDS, MOST_CHARACTERS = 32, 500
"""Of a search; what comes after them isn't looked for."""

JOINT = "\ufdd0"
"""Where punctuation holds a word together, as in `don't`, `Spider-Man`, `J.K.` and `20,000`, until it is known what
for. It is no character, so that no text has it."""
_LONG_NUMBER = re.compile(r"[1-9]\d{3,}")
_THOUSANDS = re.compile(r"(?<=\d)(?=(?:\d{3})+$)")


def search_key(text: str) -> str:
    """The key of a text. Empty for an empty text only: one of nothing but punctuation has that for its key."""
    return _key_of(text)


@dataclass(frozen=True)
class Word:
    """A word of a search: it is where `key` is part of a key, or where one has `apart` for whole words.

    `literal` stands alone, for what has no key: it is where a text has it.
    """

    key: str = ""
    apart: str = ""
    literal: str = ""


def words_of(search: str) -> tuple[Word, ...]:
    """The words to look for, each once; of a search of nothing but punctuation, that.

    Raises UnfitText for what no text can hold.
    """
    text = canonical(without_turning(search))[:MOST_CHARACTERS]
    words = [_word(folded) for folded in _folded(text).split()] or [Word(literal=each) for each in text.split()]
    return tuple(dict.fromkeys(words))[:MOST_WORDS]


def _word(folded: str) -> Word:
    if _LONG_NUMBER.fullmatch(folded):
        folded = _THOUSANDS.sub(JOINT, folded)  # `20 000` is two words; where it is meant, they stand together.
    return Word(folded.replace(JOINT, ""), apart=folded.replace(JOINT, " ") if JOINT in folded else "")


@lru_cache(2048)
def _key_of(text: str) -> str:
    key = " ".join(_folded(text).split()).replace(JOINT, "")
    return key or " ".join(unicodedata.normalize("NFKC", text).split())


def _folded(text: str) -> str:
    """Words, with joints in them."""
    # Its tables take a while, and most processes never need them.
    from bookstore_project.text import foldings

    return foldings.folded(text)
