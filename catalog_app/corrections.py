"""What a search that finds nothing may be meant for: other words that are like those, so that a book has all of them.

With the fewest errors; and of what is about as near, what most books have.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise, product

from bookstore_project.replication.engine import engine
from bookstore_project.replication.nearest_words import most_errors_among_few, nearest
from bookstore_project.replication.text_indexes import Similar, Term
from bookstore_project.text.search_keys import Word
from catalog_app.models import Book, BookQuerySet
from catalog_app.search_terms import has_word, is_sought_inside, term_of
from catalog_app.text_indexes import PARTS, WORDS

MOST_COMPARED = 500
"""Books that are looked at for how a search may be meant."""
MOST_CORRECTED = 8
"""Words of a search that is corrected."""
MOST_CHOICES = 24
"""Ways to correct a search some words of which stand inside of others: so many are tried."""
MOST_PER_PART = 5
"""Words that one of them may be meant for."""
LEAST_REST = 4
"""Characters after a wrong first letter by which alone a word is looked for."""
MOST_DOUBTED = 3
"""Words of a search that are corrected by the others, one by one: each is a query."""
SPACE = 0.75
"""How far a search is from one with a space more, or less: that is missed more easily than a letter."""
FEW_ERRORS = 1.0
"""With no more than that in each word a search is taken as understood: nothing is tried that costs more."""
PER_ERROR = 50
"""So many times as many books make up for one error more."""
LEAST_PART = 2
"""Characters of a word that ran together with another one."""
MOST_PARTED = 20
"""Places at which a word is parted: each is a query."""
_KEYS = ("title_key", "authors_key")


def corrections(words: Sequence[Word], among: BookQuerySet) -> Iterator[str]:
    """Searches that may be meant in place of one that finds nothing, the likeliest first."""
    if not words or len(words) > MOST_CORRECTED or not all(word.key for word in words):
        return
    like = [engine.similar(WORDS, word.key, among.db) for word in words]
    ways = _had_together(words, like, among)
    if not _is_understood(ways, words):
        ways |= _parted_elsewhere(words, like, among)
    if not _is_understood(ways, words):
        for place in _doubtful([word.key for word in words]):
            ways |= _by_the_others(words, like, place, among)  # The greater number of each.
    if ways:
        yield min(ways, key=lambda way: (way.distance - math.log(ways[way], PER_ERROR), way.text)).text
    else:
        yield from _with_parts([word.key for word in words], like, among)


def _is_understood(ways: Iterable["_Way"], words: Sequence[Word]) -> bool:
    return any(way.distance <= FEW_ERRORS * len(words) for way in ways)


def _doubtful(keys: Sequence[str]) -> list[int]:
    """Places of a few words, the longest: in which there is most room for errors."""
    places = [place for place, key in enumerate(keys) if most_errors_among_few(key)]
    return sorted(places, key=lambda place: -len(keys[place]))[:MOST_DOUBTED]


@dataclass(frozen=True)
class _Way:
    """How a search may be meant, and how far that is from what was typed."""

    text: str
    distance: float


def _had_together(
    words: Sequence[Word], like: Sequence[Sequence[Similar]], among: BookQuerySet, *, is_whole: bool = False
) -> Counter[_Way]:
    """The words, each as it stands or another one that is like it, that books have, and how many have them.

    All is asked for at once: there are too many ways to try each. `is_whole`: beginnings of words don't count.
    """
    terms = [replace(_term(*each), is_prefix=not is_whole) for each in zip(words, like, strict=True)]
    return _ways(words, like, _texts(engine.with_words(WORDS, terms, among, _KEYS, MOST_COMPARED)))


def _parted_elsewhere(words: Sequence[Word], like: Sequence[Sequence[Similar]], among: BookQuerySet) -> Counter[_Way]:
    """A space is missing, or one too many: two words are looked for as one, and a long one as two."""
    ways: Counter[_Way] = Counter()
    for at, (first, second) in enumerate(pairwise(words)):
        whole = Word(first.key + second.key)
        similar = engine.similar(WORDS, whole.key, among.db)
        ways |= _had_together([*words[:at], whole, *words[at + 2 :]], [*like[:at], similar, *like[at + 2 :]], among)
    for at in _doubtful([word.key for word in words]):
        for first, second in _halves(words[at].key):
            parted = [*words[:at], first, second, *words[at + 1 :]]
            ways |= _had_together(parted, [*like[:at], (), (), *like[at + 1 :]], among, is_whole=True)
    return Counter({replace(way, distance=way.distance + SPACE): books for way, books in ways.items()})


def _halves(key: str) -> Iterator[tuple[Word, Word]]:
    """The two words that a word may be, each with some letters."""
    for at in range(LEAST_PART, len(key) - LEAST_PART + 1)[:MOST_PARTED]:
        yield Word(key[:at]), Word(key[at:])


def _by_the_others(
    words: Sequence[Word], like: Sequence[Sequence[Similar]], at: int, among: BookQuerySet
) -> Counter[_Way]:
    """In place of one word, any of the books that have the others: its first letter may be wrong, too.

    A word that is alone is looked for by what comes after that letter.
    """
    key = words[at].key
    if len(words) > 1:
        terms = [term for place, term in enumerate(map(_term, words, like)) if place != at]
        ids = engine.with_words(WORDS, terms, among, _KEYS, MOST_COMPARED)
    elif len(key) > LEAST_REST:
        ids = engine.first_holding(PARTS, [(key[1:],)], among, MOST_COMPARED)
    else:
        return Counter()
    texts = _texts(ids)
    known = Counter(chain.from_iterable(map(set, texts)))
    own = nearest(key, list(known.items()), most_errors_among_few(key))
    return _ways(words, [*like[:at], own, *like[at + 1 :]], texts)


def _term(word: Word, others: Sequence[Similar]) -> Term:
    return replace(term_of(word, is_prefix=True), others=tuple(each.text for each in others))


def _texts(ids: Sequence[int]) -> list[list[str]]:
    """The words of each of these books."""
    return [f"{title} {authors}".split(" ") for title, authors in Book.objects.filter(pk__in=ids).values_list(*_KEYS)]


def _ways(words: Sequence[Word], like: Sequence[Sequence[Similar]], texts: Iterable[Sequence[str]]) -> Counter[_Way]:
    found = (_way(words, like, text) for text in texts)
    return Counter(way for way in found if way is not None)


def _way(words: Sequence[Word], like: Sequence[Sequence[Similar]], place: Sequence[str]) -> _Way | None:
    """The nearest of a book whose words these are; None if it hasn't all, as an index out of step may say."""
    has = set(place)
    chosen = [
        Similar(word.key, 1, 0)
        if has_word(place, word, is_prefix=True)
        else next((each for each in others if each.text in has), None)
        for word, others in zip(words, like, strict=True)
    ]
    near = [each for each in chosen if each is not None]
    if len(near) < len(words):
        return None
    return _Way(" ".join(each.text for each in near), sum(each.distance for each in near))


def _with_parts(keys: Sequence[str], like: Sequence[Sequence[Similar]], among: BookQuerySet) -> Iterator[str]:
    """Those in which parts of words stay as they are, and the others are corrected."""
    is_part = [not is_sought_inside(Word(key)) or bool(among.first_matching(key, 1)) for key in keys]
    if not any(is_part) or all(is_part):
        return
    choices = [
        [Similar(key, 1, 0)] if stays else others[:MOST_PER_PART]
        for key, stays, others in zip(keys, is_part, like, strict=True)
    ]
    ways = sorted(product(*choices), key=lambda way: sum(choice.distance for choice in way))
    yield from (" ".join(choice.text for choice in way) for way in ways[:MOST_CHOICES])
