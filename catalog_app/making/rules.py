"""What made-up books are like: titles, authors, topics, prices and stock of a plausible distribution, by rules.

A book follows from its seed and its number alone, on every machine. Few words, topics and authors have most of the
books, and many have few, as in a real shop (https://en.wikipedia.org/wiki/Zipf%27s_law).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import TypeVar

from stdnum import ean

T = TypeVar("T")

MOST_BOOKS = 1_000_000
"""Of one seed."""
MOST_SEEDS = 1000
_NUMBERS = MOST_BOOKS * MOST_SEEDS
_SCATTER = 387_420_489
"""Odd and no multiple of five: multiplied by it, all numbers below _NUMBERS are in another order, each once."""
_NAMES, _WORDS = 40_000, 30_000
_CONSONANTS, _VOWELS = ("b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "st", "br"), "aeiou"
_FIRST_NAMES = ("Ada", "Ben", "Clara", "David", "Emma", "Felix", "Grace", "Hugo", "Ida", "Jonas", "Lena", "Zoë")
_FIELDS = ("history", "science", "cooking", "travel", "poetry", "music", "law", "gardens", "computers", "health")
_KINDS = ("", "for beginners", "today", "in Europe", "of the sea", "at school")
_TOPICS = tuple(f"{field} {kind}".strip() for kind in _KINDS for field in _FIELDS)
_ADJECTIVES = ("small", "silent", "long", "hidden", "last", "green", "open", "early", "common", "distant", "new")
_NOUNS = ("garden", "river", "house", "letter", "winter", "island", "machine", "road", "city", "window", "theory")
_ENDINGS = ("99", "95", "90", "50", "00")


@dataclass(frozen=True)
class MadeBook:
    """Fields of a new book."""

    title: str
    authors: str
    isbn13: str | None
    topic: str
    price: Decimal
    quantity: int


def made_book(seed: int, number: int) -> MadeBook:
    """Book `number` (0 to MOST_BOOKS - 1) of `seed` (0 to MOST_SEEDS - 1). No two have the same ISBN-13."""
    draw = _Draw(seed, number)
    return MadeBook(
        title=_title(draw),
        authors=_authors(draw),
        isbn13=made_isbn13(seed, number),
        topic=draw.one_of_ranked(_TOPICS),
        price=_price(draw),
        quantity=_quantity(draw),
    )


def made_isbn13(seed: int, number: int) -> str:
    digits = f"978{(seed * MOST_BOOKS + number) * _SCATTER % _NUMBERS:09}"
    return f"{digits}{ean.calc_check_digit(digits)}"


class _Draw:
    """Chances of one book. Of Random, only `random()` gives the same numbers in every version of Python."""

    def __init__(self, seed: int, number: int) -> None:
        self._chance = Random(f"{seed}/{number}").random  # noqa: S311  (no secret)

    def happens(self, probability: float) -> bool:
        return self._chance() < probability

    def below(self, end: int) -> int:
        return int(self._chance() * end)

    def rank(self, end: int) -> int:
        """A number below `end`, each about as often as its reciprocal says."""
        return int(end ** self._chance()) - 1

    def one_of(self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]

    def one_of_ranked(self, choices: Sequence[T]) -> T:
        return choices[self.rank(len(choices) + 1)]


def _title(draw: _Draw) -> str:
    adjective, noun = draw.one_of(_ADJECTIVES), draw.one_of(_NOUNS)
    word, other = _invented(draw.rank(_WORDS)), _invented(draw.rank(_WORDS))
    title = draw.one_of(
        (
            f"the {adjective} {noun}",
            f"the {noun} of {word.title()}",
            f"{word} and {other}",
            f"{adjective} {noun}: {word.title()}",
            f"how to {word} a {noun}",
            f"{'an' if adjective[0] in _VOWELS else 'a'} {adjective} {word}",
        )
    )
    title = title[0].upper() + title[1:]
    return f"{title}, volume {1 + draw.rank(12)}" if draw.happens(0.1) else title


def _authors(draw: _Draw) -> str:
    number = 1 if draw.happens(0.8) else 2 + draw.rank(4)
    return ", ".join(dict.fromkeys(_author(draw.rank(_NAMES)) for _ in range(number)))


def _author(rank: int) -> str:
    """The same rank is the same person."""
    return f"{_FIRST_NAMES[rank % len(_FIRST_NAMES)]} {_invented(rank).title()}"


def _invented(rank: int) -> str:
    """A word that can be spoken: the lower its rank, the shorter; each rank has its own."""
    word, rest = "", rank + len(_CONSONANTS) * len(_VOWELS)
    while rest:
        rest, syllable = divmod(rest, len(_CONSONANTS) * len(_VOWELS))
        word += _CONSONANTS[syllable // len(_VOWELS)] + _VOWELS[syllable % len(_VOWELS)]
    return word


def _price(draw: _Draw) -> Decimal:
    """Most from 5 to 30, a few far above."""
    whole = 4 + draw.below(16) + draw.below(16) + (draw.rank(200) if draw.happens(0.1) else 0)
    return Decimal(f"{whole}.{draw.one_of_ranked(_ENDINGS)}")


def _quantity(draw: _Draw) -> int:
    """One in twenty is sold out, most have a handful of copies, a few have piles."""
    return 0 if draw.happens(0.05) else 1 + draw.below(12) + (draw.rank(500) if draw.happens(0.1) else 0)
