"""Looking for words in columns that have search keys."""

from collections.abc import Iterable, Mapping

from django.db.models import Q

from bookstore_project.text.search_keys import Word, words_of


def containing(search: str, keys: Mapping[str, str], others: Iterable[str] = ()) -> Q:
    """The condition that each word of `search` is in one of the columns.

    `keys` are columns of search keys, each with the name of its text; `others` hold numbers and the like. Raises
    UnfitText for a search with characters that no text can have.
    """
    condition = Q()
    for word in words_of(search):
        found = in_texts(word, keys)
        for column in others:
            found |= Q(**{f"{column}__icontains": word.key or word.literal})
        condition &= found
    return condition


def containing_all(words: Iterable[Word], keys: Mapping[str, str]) -> Q:
    """The condition that each of these words is in one of the texts; `keys` as for `containing`."""
    condition = Q()
    for word in words:
        condition &= in_texts(word, keys)
    return condition


def in_texts(word: Word, keys: Mapping[str, str]) -> Q:
    """The condition that a word is in one of the texts; `keys` as for `containing`."""
    found = Q()
    for key, text in keys.items():
        found |= Q(**{f"{text}__icontains": word.literal}) if word.literal else _in_key(word, key)
    return found


def _in_key(word: Word, key: str) -> Q:
    found = Q(**{f"{key}__contains": word.key})
    if not word.apart:
        return found
    # Whole words: `j k` is not in `raj kumar`.
    found |= Q(**{key: word.apart})
    found |= Q(**{f"{key}__startswith": f"{word.apart} "})
    found |= Q(**{f"{key}__endswith": f" {word.apart}"})
    found |= Q(**{f"{key}__contains": f" {word.apart} "})
    # Each of these holds every part. So most rows need one look, and not five.
    return Q(**{f"{key}__contains": max(word.apart.split(), key=len)}) & found
