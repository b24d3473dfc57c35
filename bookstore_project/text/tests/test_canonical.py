"""The one form of a text, and the characters that no text may have."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookstore_project.text.canonical import (
    UnfitText,
    canonical,
    canonical_or_same,
    name_of,
    without_turning,
    without_unfit,
)

# With a bias to what is awkward: spaces, marks, joiners, both directions, fullwidth and composed letters.
AWKWARD = (
    "aBé \t\n\u00a0\u2003\u3000e\u0301\u0308"
    "\u200b\u200c\u200d\u200e\u200f\u061c\ufe0f\U000e0041🏴\u2060\ufeff\u00adשش漢ﬁ\u3164"
)
TEXTS = st.text(st.one_of(st.sampled_from(AWKWARD), st.characters()), max_size=40)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  two  spaces ", "two spaces"),
        ("tab\tand\r\nline\nends", "tab and line ends"),
        (
            "no\u00a0break, thin\u2009, ideographic\u3000, line\u2028, paragraph\u2029",
            "no break, thin , ideographic , line , paragraph",
        ),
        ("E\u0301cole", "École"),
        ("\u212bngstro\u0308m", "Ångström"),
        (
            "soft\u00adhyphen, zero\u200bwidth, \ufeffmark, word\u2060joiner",
            "softhyphen, zerowidth, mark, wordjoiner",
        ),
        ("e\u200b\u0301", "é"),
        ("\u200eDune\u200f", "Dune"),
        ("Du\u200dne\u200c", "Dune"),
        ("\u200b \u3164\u2800\u200d", ""),
        ("Du\U000e0068\U000e0069ne", "Dune"),
        ("\ufe0fDu\ufe0fne \ufe0e", "Dune"),
        ("Caf\u00e9\ufe01 e\ufe0f\u0301", "Café é"),
        ("Du\u180e\ufff3\U0001bca1\U000e0fffne", "Dune"),
        ("", ""),
    ],
)
def test_texts_that_look_the_same_have_one_form(text: str, expected: str) -> None:
    assert canonical(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Les Misérables — “Tome 1”…",
        "می\u200cخواهم",  # A word that is spelled with a non-joiner.
        "क्\u200dष",
        "❤\ufe0f\u200d🔥 👩\u200d👩\u200d👧 1\ufe0f\u20e3",
        "שלום C++\u200e",  # A mark that has an effect.
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f ©\ufe0f",  # The flag of Scotland.
        "葛\U000e0100飾区",
        "ﬁ ½ ™ Ⅳ",  # Compatibility characters are the author's choice.
        "東京タワー",
    ],
)
def test_what_a_script_needs_stays(text: str) -> None:
    assert canonical(text) == text


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("\0", "U+0000 NULL"),
        ("\x07", "U+0007 ALERT"),
        ("\x0b", "U+000B LINE TABULATION"),
        ("\x1b", "U+001B ESCAPE"),
        ("\x1f", "U+001F INFORMATION SEPARATOR ONE"),
        ("\x7f", "U+007F DELETE"),
        ("\x85", "U+0085 NEXT LINE"),
        ("\x9b", "U+009B CONTROL SEQUENCE INTRODUCER"),
        ("\u202e", "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("\u202a", "U+202A LEFT-TO-RIGHT EMBEDDING"),
        ("\u2067", "U+2067 RIGHT-TO-LEFT ISOLATE"),
        ("\u2069", "U+2069 POP DIRECTIONAL ISOLATE"),
        ("\u206e", "U+206E NATIONAL DIGIT SHAPES"),
        ("\ufff9", "U+FFF9 INTERLINEAR ANNOTATION ANCHOR"),
        ("\ud800", "U+D800 (not a character)"),
        ("\uffff", "U+FFFF (not a character)"),
        ("\U0010fffe", "U+10FFFE (not a character)"),
    ],
)
def test_a_character_that_does_harm_is_refused_by_name(character: str, name: str) -> None:
    with pytest.raises(UnfitText) as refused:
        canonical(f"Du{character}ne")
    assert str(refused.value) == f"{name} (character 3) isn't allowed in a text."
    assert canonical_or_same(f"Du{character}ne") == f"Du{character}ne"
    assert without_unfit(f"Du{character}ne") == "Dune"


def test_control_characters_have_the_names_that_unicode_gives_them() -> None:
    for number in (*range(0x20), *range(0x7F, 0xA0)):
        _, _, name = name_of(chr(number)).partition(" ")
        assert unicodedata.lookup(name) == chr(number)


def test_a_search_may_bring_the_marks_of_the_page_it_was_copied_from() -> None:
    assert without_turning("\u202b\u2067שלום\u2069\u202c") == "שלום"


@given(TEXTS)
def test_the_one_form_is_stable(text: str) -> None:
    once = without_unfit(text)
    assert canonical(once) == once == unicodedata.normalize("NFC", once).strip()
    assert "  " not in once


@given(TEXTS)
def test_the_one_form_is_the_same_for_either_way_of_composing(text: str) -> None:
    assert without_unfit(unicodedata.normalize("NFD", text)) == without_unfit(unicodedata.normalize("NFC", text))
