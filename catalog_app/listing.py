"""Lists of books, page by page: how long they are is known, and what stands before a page is hardly read."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, overload

from bookstore_project.api.cursors import Cursor
from bookstore_project.replication.engine import engine
from catalog_app.models import Book, BookQuerySet
from catalog_app.row_counts import BOOKS, BOOKS_BY_TOPIC


class ListedBooks(Sequence[Book]):
    """The books of a query, in its order; `count` says how many, if there is a quicker way than to look at all."""

    def __init__(self, rows: BookQuerySet, count: Callable[[], int] | None = None) -> None:
        self.rows = rows
        self._count = rows.count if count is None else count

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Book: ...
    @overload
    def __getitem__(self, index: slice) -> "list[Book]": ...
    def __getitem__(self, index: int | slice) -> "Book | list[Book]":
        if isinstance(index, int):
            return in_order(self.keys(range(len(self))[index], 1))[0]
        start, stop, _ = index.indices(len(self))
        return in_order(self.keys(start, max(0, stop - start)))

    def keys(self, start: int, most: int) -> list[int]:
        """Primary keys of the books from that place on. Found in an index alone, from the end that is nearer."""
        after = max(0, len(self) - start - most)
        if start <= after:
            return list(self.rows.values_list("pk", flat=True)[start : start + most])
        until = len(self) - start
        return list(self.rows.reverse().values_list("pk", flat=True)[after:until])[::-1]

    def behind(self, cursor: Cursor | str, most: int) -> list[Book]:
        """The first books behind that place, or with START of all; nothing that stands before is read."""
        keys: list[int] = []
        for part in self.rows.behind(cursor) if isinstance(cursor, Cursor) else [self.rows]:
            keys += part.values_list("pk", flat=True)[: most - len(keys)]
            if len(keys) == most:
                break
        return in_order(keys)

    @cached_property
    def _length(self) -> int:
        return self._count()


def in_order(keys: Sequence[int]) -> list[Book]:
    """The books of these keys, which are there."""
    books = Book.objects.in_bulk(keys)
    return [books[key] for key in keys]


def number_of_books(**given: Any) -> int:
    """How many there are with these values of `retired` and `topic`."""
    counted = engine.counted(BOOKS_BY_TOPIC if "topic" in given else BOOKS, given, Book.objects.db)
    return sum(each.rows for each in counted)


def topics_of_books() -> list[str]:
    """Of books on sale and retired, those with most books first."""
    number: Counter[str] = Counter()
    for each in engine.counted(BOOKS_BY_TOPIC, {}, Book.objects.db):
        number[each.values[1]] += each.rows
    return [topic for topic, _ in number.most_common()]


def topics() -> list[dict[str, Any]]:
    """Each topic that has books on sale, with how many; those with most first."""
    counted = engine.counted(BOOKS_BY_TOPIC, {"retired": False}, Book.objects.db)
    rows = sorted((-each.rows, each.values[2], each.values[1]) for each in counted)
    return [{"topic": topic, "titles": -rows} for rows, _, topic in rows]
