"""A word of a search, as the indexes find it, and as a book has it."""

from collections.abc import Sequence

from bookstore_project.replication.text_indexes import Term
from bookstore_project.text.search_keys import Word

LEAST_INSIDE = 3
"""Characters that an index finds inside of words."""


def is_sought_inside(word: Word) -> bool:
    """Whether books are looked through that have it inside of a word: not for one or two letters or digits.

    That would take a look at every book. In scripts without spaces, two characters are a word.
    """
    return len(word.key) >= LEAST_INSIDE or not word.key.isascii() or not word.key


def term_of(word: Word, *, is_prefix: bool) -> Term:
    return Term(word.key, is_prefix, tuple(word.apart.split()))


def has_word(place: Sequence[str], word: Word, *, is_prefix: bool) -> bool:
    """Whether the index finds it among these words: see `term_of`."""
    if word.key in place or (is_prefix and any(each.startswith(word.key) for each in place)):
        return True
    return bool(word.apart) and all(each in place for each in word.apart.split())
