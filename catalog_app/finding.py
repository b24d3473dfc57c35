"""Finding books by words as people type them: unfinished, misspelled, best first.

Of the books that have all words, those come first that are called so; then those with the words as they stand in the
title; with what begins so in the title; in title and authors; and last those that have them inside of words (but for
one or two letters). Within each group the book that has been in the shop for longest is first. A whole ISBN finds its
book, and nothing else; the beginning of one, from four digits on, its books if no book has the number as a word. If
nothing is found, words are corrected (`corrections`). Everything runs inside a gated read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from bookstore_project.replication.engine import engine
from bookstore_project.text.search_keys import Word, search_key, words_of
from catalog_app.corrections import corrections
from catalog_app.listing import in_order
from catalog_app.models import ISBN_PREFIXES, Book, BookQuerySet, beginning_isbn, whole_isbn13
from catalog_app.search_terms import has_word, is_sought_inside, term_of
from catalog_app.text_indexes import WORDS

MOST_BOOKS = 1000
"""That are found: who wants others says more words."""
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
    if ids := _beginning_isbn(search, among):
        return Found(ids)
    for corrected in corrections(words, among):
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


def _beginning_isbn(search: str, among: BookQuerySet) -> list[int]:
    """As somebody types one, with hyphens or without. A number that begins otherwise is a year, or a title."""
    digits = search_key(search).replace(" ", "")  # Each group of digits, though it be there twice.
    if not digits.isdecimal() or not digits.startswith(ISBN_PREFIXES):
        return []
    return list(beginning_isbn(digits, among, MOST_BOOKS))[:MOST_BOOKS]


def _ids(search: str, words: Sequence[Word], among: BookQuerySet) -> list[int]:
    if len(words) > 1 and _may_be_inside(words):
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
                terms = [term_of(word, is_prefix=is_prefix) for word in words]
                yield engine.with_words(WORDS, terms, among, columns, MOST_BOOKS)
    if _may_be_inside(words):
        yield among.first_matching(search, MOST_BOOKS)


def _may_be_inside(words: Sequence[Word]) -> bool:
    """Whether books that have the words inside of others are worth looking for: an index knows one of them."""
    return any(map(is_sought_inside, words))


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
        if all(has_word(place, word, is_prefix=is_prefix) for word in words):
            return number
    return len(ways) + 1
