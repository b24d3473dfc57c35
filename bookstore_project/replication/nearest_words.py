"""Words that a mistyped one may be meant for: letters missing, too many, wrong or swapped."""

import math
import re
from collections.abc import Iterator, Sequence

from rapidfuzz import process
from rapidfuzz.distance import OSA

from bookstore_project.replication.text_indexes import Similar

MOST_SIMILAR = 32
_UNFINISHED = 0.5
"""How much nearer a whole word is than one that begins with what is like it."""
_SAME_SOUND = 0.5
"""How far words are that sound the same: `steven` and `stephen`, `hobit` and `hobbit`."""
_DOUBLED = re.compile(r"(.)\1")
_ONE_LETTER = re.compile("[fv]")
_SOUNDS = (("ph", "f"), ("v", "f"), ("c", "k"), ("y", "i"), ("z", "s"))
"""Spellings that are taken for one another, in Latin letters."""


def most_errors(word: str) -> int:
    """In a word of that length; a number is meant as it stands."""
    if len(word) < 3 or any(map(str.isdigit, word)):
        return 0
    return 1 if len(word) < 6 else 2


def most_errors_among_few(word: str) -> int:
    """In a word that is compared with few others, each of which makes sense in its place."""
    return 0 if len(word) < 3 else 1 if len(word) < 5 else 2


def nearest(word: str, known: Sequence[tuple[str, int]], most: int) -> list[Similar]:
    """Of known words, each with how many rows have it: a few with at most so many errors, nearest first."""
    found = [Similar(*known[at], distance) for at, distance in _distances(word, [text for text, _ in known], most)]
    return sorted(found, key=lambda each: (each.distance, -each.rows, each.text))[:MOST_SIMILAR]


def _distances(word: str, texts: Sequence[str], most: int) -> Iterator[tuple[int, float]]:
    """Of those texts that are near, or begin with what is: their place, and how far they are. None is the word."""
    nearest: dict[int, float] = {}
    lengths = range(len(word) - 1, len(word) + 2)
    ways = [(word, 0.0, texts), *((word, _UNFINISHED, [text[:length] for text in texts]) for length in lengths)]
    ways += [(each, _SAME_SOUND, texts) for each in respelled(word)]
    for typed, added, cut in ways:
        # All at once: the library's loop is a hundred times as fast as ours.
        for _, distance, at in process.extract(typed, cut, scorer=OSA.distance, score_cutoff=most, limit=None):
            nearest[at] = min(distance + added, nearest.get(at, math.inf))
    sound = _sound(word)
    for at, far in nearest.items():
        if far > 0:
            yield at, (_SAME_SOUND if _sound(texts[at]) == sound else far)


def first_letters(word: str) -> list[str]:
    """Of words that it may be meant for: its own, or as that sounds; the next one, if the first is missing."""
    return list(dict.fromkeys(word[:2] + "".join(each[0] for each in respelled(word))))


def respelled(word: str) -> Sequence[str]:
    """It, if it has a sound that is written with one letter or with two, in the other way."""
    if "ph" in word:
        return (word.replace("ph", "f"),)
    other = _ONE_LETTER.sub("ph", word, count=1)
    return () if other == word else (other,)


def _sound(word: str) -> str:
    for spelling, sound in _SOUNDS:
        word = word.replace(spelling, sound)
    return _DOUBLED.sub(r"\1", word)
