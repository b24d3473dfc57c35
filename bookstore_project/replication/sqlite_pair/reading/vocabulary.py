"""The words of a text index that begin with a letter, kept in the memory of the process until the index changes.

SQLite finds them by going through all places at which each of them stands: a twentieth of a second, with a million
books. https://sqlite.org/fts5.html#the_fts5vocab_virtual_table_module
"""

import threading
from array import array
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from django.db import connections

from bookstore_project.replication.sqlite_pair.files.text_index import table_of, vocabulary_of
from bookstore_project.replication.text_indexes import TextIndex

MOST_WORDS = 200_000
"""That are kept: of the letters that were asked for last. They take some 15 MB."""
MOST_LETTERS = 100
"""Of which any are kept: there are more that no word begins with than anybody has memory for."""
_LAST = "\U0010ffff"


@dataclass(frozen=True)
class Words:
    """Words of an index, and in how many rows each of them is; as of a state of the index."""

    state: tuple[Any, ...]
    terms: list[str]
    rows: "array[int]"


_kept: OrderedDict[tuple[str, str, str], Words] = OrderedDict()
"""By alias, index and letter; those that were used last come last."""
_lock = threading.Lock()


def beginning_with(letter: str, index: TextIndex, using: str) -> Words:
    """Within a transaction: the words as the snapshot has them."""
    key, state = (using, index.name, letter), _state(index, using)
    with _lock:
        words = _kept.get(key)
        if words is not None and words.state == state:
            _kept.move_to_end(key)
            return words
    words = _read(letter, index, using, state)
    with _lock:
        _kept[key] = words
        _kept.move_to_end(key)
        while len(_kept) > 1 and _is_too_much():
            _kept.popitem(last=False)
    return words


def _is_too_much() -> bool:
    return len(_kept) > MOST_LETTERS or sum(len(each.terms) for each in _kept.values()) > MOST_WORDS


def _state(index: TextIndex, using: str) -> tuple[Any, ...]:
    """Another one after each change of the index: FTS5 keeps its totals in row 1, and its segments in row 10."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT nonce FROM replication_incarnation), group_concat(hex(block)) "
            f'FROM "{table_of(index)}_data" WHERE id IN (1, 10)'
        )
        state: tuple[Any, ...] = cursor.fetchone()
    return state


def _read(letter: str, index: TextIndex, using: str, state: tuple[Any, ...]) -> Words:
    with connections[using].cursor() as cursor:
        cursor.execute(
            f'SELECT term, doc FROM "{vocabulary_of(index)}" WHERE term >= %s AND term < %s',
            (letter, f"{letter}{_LAST}"),
        )
        found = cursor.fetchall()
    return Words(state, [term for term, _ in found], array("I", [rows for _, rows in found]))
