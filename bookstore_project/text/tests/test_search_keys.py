"""Keys: the same for whatever people take for the same, and different where they don't."""

import sys
import unicodedata

import pytest
from hypothesis import given

from bookstore_project.text import foldings, search_keys
from bookstore_project.text.canonical import without_unfit
from bookstore_project.text.search_keys import MOST_WORDS, Word, search_key, words_of
from bookstore_project.text.tests.test_canonical import TEXTS


@pytest.mark.parametrize(
    "texts",
    [
        ("GARCÍA Márquez", "garcia marquez", "Garci\u0301a  MÁRQUEZ"),
        ("don’t", "don't", "dont", "DON‘T", "donʼt", "don\u00b4t"),
        ("L'Étranger", "l’etranger", "L′ÉTRANGER"),
        ("Straße", "STRASSE", "strasse", "STRAẞE"),
        ("ﬁlm oﬃce", "film office"),
        ("Æsop's œuvre", "aesops oeuvre"),
        ("Łódź, Ørsted, Đorđe, Þórr, Ħal", "lodz orsted dorde thorr hal"),
        ("İstanbul", "ISTANBUL", "ıstanbul", "istanbul"),
        ("Ὀδύσσεια ὁ ΣΟΦΟΣ", "οδυσσεια ο σοφος"),
        ("Ёлка", "елка", "ЕЛКА"),
        ("שָׁלוֹם", "שלום"),
        ("ٱلْعَرَبِيَّة", "العربية", "العربيه"),
        ("ماهی", "ماهي"),
        ("١٢٣ ۱۲۳ १२३", "123 123 123"),
        ("ＦＵＬＬ　ｗｉｄｔｈ", "full width"),
        ("ﾊﾘｰ・ﾎﾟｯﾀｰ", "ハリーポッター", "はりーぽったー"),
        ("Spider-Man", "Spiderman", "spider‐man", "SPIDER\u2011MAN"),
        ("J.K. Rowling", "J. K. Rowling", "JK Rowling", "j.k rowling"),
        ("M*A*S*H", "M.A.S.H.", "mash"),
        ("Life – Death", "Life—Death", "life, death", "“Life”: (Death)!"),
        ("❤\ufe0f", "❤"),
        ("Dune™", "dune"),
        ("می\u200cخواهم", "میخواهم"),
        ("Straw\u00adberry", "strawberry"),
        ("tiếng Việt", "TIENG VIET"),
        ("½ x²", "1/2 x2"),
        ("𝔊𝔬𝔱𝔥𝔦𝔠", "gothic"),
        ("¿Qué?", "que"),
        ("_under_score_", "under score"),
        ("Qurʾān", "Quran", "Qur’an", "Qur'ān"),
        ("ʿAbd al-Raḥmān", "‘Abd al-Rahman", "abd alrahman"),
        ("Dostoevskiĭ’s Prestuplenʹe", "dostoevskiis prestuplene"),
        ("Hawaiʻi", "Hawaiʼi", "Hawaii"),
        ("20,000 Leagues", "20000 leagues", "20.000 Leagues", "20'000 leagues", "20’000 leagues", "٢٠٬٠٠٠ leagues"),
        ("1,000,000", "1.000.000", "1000000"),
        ("1,234,567.5", "1234567.5"),
        ("100 % Cotton", "100% cotton", "100\u00a0% COTTON", "١٠٠٪ cotton"),
        ("हिंदी-उर्दू", "हिंदीउर्दू"),
        ("के. पी. सिंह", "के.पी. सिंह", "केपी सिंह"),
        ("तेंदुलकर'स", "तेंदुलकरस"),
    ],
)
def test_what_people_take_for_the_same_has_one_key(texts: tuple[str, ...]) -> None:
    assert len({search_key(text) for text in texts}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("C", "C++"),
        ("C++", "C#"),
        ("Web 2.0", "Web 20"),
        ("9-11", "911"),
        ("1/2", "12"),
        ("?", "!"),
        ("…", "?!"),
        ("Толстой", "Толстои"),
        ("が", "か"),
        ("की", "कि"),
        ("हिंदी", "हिदी"),
        ("बंद", "बद"),
        ("चाँद", "चाद"),
        ("दुःख", "दुख"),
        ("राम", "रम"),
        ("रोज़", "रोज"),
        ("কলা", "কালা"),
        ("பல்", "பால்"),
        ("2,5", "25"),
        ("1.234.5", "12345"),
        ("10,2000", "102000"),
        ("0,123", "0123"),
        ("192.168.100.25", "19216810025"),
        ("100, 200", "100200"),
        ("ที่", "ที"),
        ("❤", "💔"),
        ("100%", "100"),
        ("上海", "北京"),
    ],
)
def test_what_people_tell_apart_has_two(one: str, other: str) -> None:
    assert search_key(one) != search_key(other)


def test_keys_sort_as_people_read() -> None:
    titles = [
        "Zebra",
        "apple",
        "Äpfel",
        "École buissonnière",
        "ecole",
        "“Quoted”",
        "1984",
        "Ørsted",
        "ωμέγα",
        "Zen and",
    ]
    assert sorted(titles, key=search_key) == [
        *("1984", "Äpfel", "apple", "ecole", "École buissonnière", "Ørsted", "“Quoted”", "Zebra", "Zen and", "ωμέγα")
    ]


@given(TEXTS)
def test_a_text_with_something_to_see_has_a_key(text: str) -> None:
    kept = without_unfit(text)
    assert bool(search_key(kept)) == bool(kept)


@given(TEXTS)
def test_a_key_is_a_word_of_single_spaces_whatever_the_composition(text: str) -> None:
    kept = without_unfit(text)
    assert search_key(kept) == " ".join(search_key(kept).split())
    assert search_key(kept) == search_key(unicodedata.normalize("NFD", kept))


@given(TEXTS)
def test_every_text_is_found_by_each_of_its_words(text: str) -> None:
    kept = without_unfit(text)
    assert all(word.key in search_key(kept) and word.literal in kept for word in words_of(kept))


def test_words_that_punctuation_holds_together_are_found_apart_too() -> None:
    assert words_of("Spider-Man’s J.K.") == (
        Word("spidermans", apart="spider man s"),
        Word("jk", apart="j k"),
    )


@pytest.mark.parametrize(
    ("search", "texts"),
    [
        ("20000", ["20,000 Leagues", "20.000 Meilen", "20 000 lieues", "20000 leagues"]),
        ("20,000", ["20,000 Leagues", "20 000 lieues", "20000 leagues"]),
        ("20 000", ["20,000 Leagues", "20 000 lieues", "20000 leagues"]),
        ("1000000", ["1 000 000 Euro", "1,000,000 Pounds"]),
        ("100%", ["100% Cotton", "100 % Baumwolle", "100%"]),
        ("100 %", ["100% Cotton", "100 % Baumwolle"]),
        ("100", ["100% Cotton"]),
        ("qur'an", ["Qurʾān", "Quran", "Qur an"]),
    ],
)
def test_a_search_finds_a_number_or_a_name_however_it_is_written(search: str, texts: list[str]) -> None:
    for text in texts:
        assert all(is_in(word, text) for word in words_of(search)), text


def is_in(word: Word, text: str) -> bool:
    """As the database looks for it."""
    key = search_key(text)
    return word.key in key or bool(word.apart and f" {word.apart} " in f" {key} ")


def test_a_number_is_not_found_in_the_middle_of_others() -> None:
    assert not any(is_in(word, "1120 0003 leagues") for word in words_of("20000"))
    assert words_of("1984") == (Word("1984", apart="1 984"),)
    assert words_of("007") == (Word("007"),)


def test_a_search_of_nothing_but_punctuation_looks_for_that() -> None:
    assert words_of("?! …") == (Word(literal="?!"), Word(literal="…"))
    assert words_of("what ?") == (Word("what"),)
    assert words_of(" \u00a0\u200b") == ()


def test_a_search_is_bounded() -> None:
    assert len(words_of(" ".join(map(str, range(1000))))) == MOST_WORDS
    assert len(words_of("x" * 100_000)[0].key) == search_keys.MOST_CHARACTERS


def test_no_mark_digit_or_punctuation_of_unicode_is_overlooked() -> None:
    scanned = set(foldings._SCANNED)
    for character in map(chr, range(sys.maxunicode + 1)):
        is_concerned = (
            unicodedata.category(character) in foldings._BETWEEN_WORDS
            or unicodedata.combining(character) in foldings._ACCENT_CLASSES
            or unicodedata.decimal(character, None) is not None
        )
        assert not is_concerned or character in scanned, f"U+{ord(character):04X}"
