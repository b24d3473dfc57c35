"""Finding books by words as people type them: unfinished, misspelled, best first.

Of the books that have all words, those come first that are called so; then those with the words as they stand in the
title; with what begins so in the title; in title and authors; and last those that have them inside of words. Within
each group the book that has been in the shop for longest is first. A whole ISBN finds its book, and nothing else. If
nothing is found, words are corrected by those that are like them, so that a book has all of them: with the fewest
errors, and of what is as near, what most books have. Everything runs inside a gated read.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import overload

from bookstore_project.replication.engine import engine
from bookstore_project.replication.text_indexes import Similar, Term
from bookstore_project.text.search_keys import Word, search_key, words_of
from catalog_app.listing import in_order
from catalog_app.models import Book, BookQuerySet, whole_isbn13
from catalog_app.text_indexes import WORDS

MOST_BOOKS = 1000
"""That are found: who wants others says more words."""
MOST_COMPARED = 500
"""Books that are looked at for how a search may be meant."""
MOST_CORRECTED = 8
"""Words of a search that is corrected."""
MOST_CHOICES = 24
"""Ways to correct a search some words of which stand inside of others: so many are tried."""
MOST_PER_PART = 5
"""Words that one of them may be meant for."""
_TITLE, _ALL = ("title_key",), ("title_key", "authors_key")


@dataclass(frozen=True)
class Found:
    """Ids of books, best first; and the words by which they were found, if those aren't the ones asked for."""

    ids: Sequence[int]
    corrected: str | None = None


def find(search: str, among: BookQuerySet) -> Found:
    """The best of these books. Raises UnfitText for a search with characters that no text can have."""
    words = words_of(search)
    if ids := _with_isbn(search, among):
        return Found(ids)
    if ids := _ids(search, words, among):
        return Found(ids)
    for corrected in _corrections(words, among):
        if ids := _ids(corrected, words_of(corrected), among):
            return Found(ids, corrected)
    return Found(())


class FoundBooks(Sequence[Book]):
    """The books of those ids, read as they are shown: page by page."""

    def __init__(self, ids: Sequence[int]) -> None:
        self._ids = ids

    def __len__(self) -> int:
        return len(self._ids)

    @overload
    def __getitem__(self, index: int) -> Book: ...
    @overload
    def __getitem__(self, index: slice) -> "list[Book]": ...
    def __getitem__(self, index: int | slice) -> "Book | list[Book]":
        if isinstance(index, int):
            return Book.objects.get(pk=self._ids[index])
        return in_order(self._ids[index])


def _with_isbn(search: str, among: BookQuerySet) -> list[int]:
    isbn13 = whole_isbn13(search)
    return list(among.filter(isbn13=isbn13).values_list("pk", flat=True)) if isbn13 else []


def _ids(search: str, words: Sequence[Word], among: BookQuerySet) -> list[int]:
    if len(words) > 1:
        containing = among.first_matching(search, MOST_BOOKS + 1)
        if len(containing) <= MOST_BOOKS:
            return _ranked(search, words, containing)
    ids: dict[int, None] = {}
    for group in _groups(search, words, among):
        ids.update(dict.fromkeys(group))
        if len(ids) >= MOST_BOOKS:
            break
    return list(ids)[:MOST_BOOKS]


def _groups(search: str, words: Sequence[Word], among: BookQuerySet) -> Iterator[Sequence[int]]:
    """Best first; a later one may name again what an earlier one has."""
    if not words:
        return
    if all(word.key for word in words):
        named = among.filter(title_key=search_key(search)).order_by("pk")
        yield list(named.values_list("pk", flat=True)[:MOST_BOOKS])
        for columns in (_TITLE, _ALL):
            for is_prefix in (False, True):
                terms = [_term(word, is_prefix=is_prefix) for word in words]
                yield engine.with_words(WORDS, terms, among, columns, MOST_BOOKS)
    yield among.first_matching(search, MOST_BOOKS)


def _ranked(search: str, words: Sequence[Word], ids: Sequence[int]) -> list[int]:
    """Few books that contain all of several words, in the same order: quicker than to search five times."""
    if len(ids) < 2 or not all(word.key for word in words):
        return list(ids)
    keys = Book.objects.filter(pk__in=ids).values_list("pk", *_ALL)
    groups = {pk: _group(search_key(search), words, title, authors) for pk, title, authors in keys}
    return sorted(ids, key=lambda pk: (groups[pk], pk))


def _group(search: str, words: Sequence[Word], title_key: str, authors_key: str) -> int:
    """Which of `_groups` is the first that has a book of these keys; the number after them if none does."""
    if title_key == search:
        return 0
    title = title_key.split(" ")
    places = (title, title + authors_key.split(" "))
    ways = [(place, is_prefix) for place in places for is_prefix in (False, True)]
    for number, (place, is_prefix) in enumerate(ways, start=1):
        if all(_has(place, word, is_prefix=is_prefix) for word in words):
            return number
    return len(ways) + 1


def _has(place: Sequence[str], word: Word, *, is_prefix: bool) -> bool:
    """As the index finds it: see `_term`."""
    if word.key in place or (is_prefix and any(each.startswith(word.key) for each in place)):
        return True
    return bool(word.apart) and all(each in place for each in word.apart.split())


def _term(word: Word, *, is_prefix: bool) -> Term:
    return Term(word.key, is_prefix, tuple(word.apart.split()))


def _corrections(words: Sequence[Word], among: BookQuerySet) -> Iterator[str]:
    """Searches that may be meant in place of one that finds nothing, the likeliest first."""
    if not words or len(words) > MOST_CORRECTED or not all(word.key for word in words):
        return
    like = [engine.similar(WORDS, word.key, among.db) for word in words]
    if together := _had_together(words, like, among):
        yield together
    else:
        yield from _with_parts([word.key for word in words], like, among)


def _had_together(words: Sequence[Word], like: Sequence[Sequence[Similar]], among: BookQuerySet) -> str | None:
    """The words, each as it stands or another one that is like it, that a book has: with the fewest errors.

    Of those with as few, what most books have. All is asked for at once: there are too many ways to try each.
    """
    terms = [
        replace(_term(word, is_prefix=True), others=tuple(each.text for each in others))
        for word, others in zip(words, like, strict=True)
    ]
    ids = engine.with_words(WORDS, terms, among, _ALL, MOST_COMPARED)
    keys = Book.objects.filter(pk__in=ids).values_list(*_ALL)
    found = (_way(words, like, f"{title} {authors}".split(" ")) for title, authors in keys)
    ways = Counter(way for way in found if way is not None)
    best = min(ways, key=lambda way: (way.distance, -ways[way], way.text), default=None)
    return best.text if best else None


@dataclass(frozen=True)
class _Way:
    """How a search may be meant, and how far that is from what was typed."""

    text: str
    distance: float


def _way(words: Sequence[Word], like: Sequence[Sequence[Similar]], place: Sequence[str]) -> _Way | None:
    """The nearest of a book whose words these are; None if it hasn't all, as an index out of step may say."""
    has = set(place)
    chosen = [
        Similar(word.key, 1, 0)
        if _has(place, word, is_prefix=True)
        else next((each for each in others if each.text in has), None)
        for word, others in zip(words, like, strict=True)
    ]
    near = [each for each in chosen if each is not None]
    if len(near) < len(words):
        return None
    return _Way(" ".join(each.text for each in near), sum(each.distance for each in near))


def _with_parts(keys: Sequence[str], like: Sequence[Sequence[Similar]], among: BookQuerySet) -> Iterator[str]:
    """Those in which parts of words stay as they are, and the others are corrected."""
    is_part = [bool(among.first_matching(key, 1)) for key in keys]
    if not any(is_part) or all(is_part):
        return
    choices = [
        [Similar(key, 1, 0)] if stays else others[:MOST_PER_PART]
        for key, stays, others in zip(keys, is_part, like, strict=True)
    ]
    ways = sorted(product(*choices), key=lambda way: sum(choice.distance for choice in way))
    yield from (" ".join(choice.text for choice in way) for way in ways[:MOST_CHOICES])
