"""Reads of the catalog. Each runs inside a gated read or a replicated transaction."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db.models import QuerySet

from bookstore_project.api import problems
from bookstore_project.api.representations import MAX_BOOK_ID
from bookstore_project.replication import reads, rows
from bookstore_project.replication.foreseen import Value
from bookstore_project.text.canonical import unfit_in
from catalog_app import finding
from catalog_app.finding import FoundBooks
from catalog_app.listing import ListedBooks, number_of_books
from catalog_app.models import Book, BookChange, KeyedAnswer, LedgerEntry


def book_get(book_id: int) -> Book:
    """The book of that id, as the log says it is.

    Raises NotFound if there is none, or it is retired; Unavailable if its row is damaged.
    """
    book = reads.get_verified(Book, book_id) if book_id <= MAX_BOOK_ID else None
    if book is None or book.retired:
        raise problems.NotFound(f"There is no book {book_id}.")
    return book


def order_is_known(order: uuid.UUID) -> bool:
    """Whether this order was answered before, yes or no."""
    return rows.exists(*answers_of(order))


def answers_of(order: uuid.UUID) -> tuple[Value, ...]:
    """What shows that it was answered before."""
    return (LedgerEntry, "order", order), (KeyedAnswer, "key", order)


@dataclass(frozen=True)
class Books:
    """Books on sale, in the order asked for; and what was really looked for, if nothing else was found."""

    rows: ListedBooks | FoundBooks
    corrected: str | None = None


def books_matching(query: Mapping[str, Any]) -> Books:
    """Books by topic, by words that they contain, and by words as people type them."""
    of_topic = {"topic": query["topic"]} if query["topic"] else {}
    books = Book.objects.on_sale().filter(**of_topic).matching(query["search"])
    if query.get("stock"):
        books = books.running_low() if query["stock"] == "low" else books.filter(quantity=0)
    ordering = query.get("ordering")
    if not query["find"]:
        is_counted = not query["search"] and not query.get("stock")
        count = partial(number_of_books, retired=False, **of_topic) if is_counted else None
        return Books(ListedBooks(books.sorted_by(ordering or "id"), count))
    found = finding.find(query["find"], books)
    if ordering:
        return Books(ListedBooks(books.filter(pk__in=found.ids).sorted_by(ordering)), found.corrected)
    return Books(FoundBooks(found.ids), found.corrected)


def books_of_topic(topic: str) -> ListedBooks:
    if unfit_in(topic):  # No book has it; and of a null character not every engine can be asked.
        return ListedBooks(Book.objects.none())
    books = Book.objects.on_sale().filter(topic=topic).order_by("id")
    return ListedBooks(books, partial(number_of_books, retired=False, topic=topic))


def history_of(book_id: int) -> QuerySet[BookChange]:
    """Of a book on sale or retired, newest first. Raises NotFound if there never was such a book."""
    if book_id > MAX_BOOK_ID or not Book.objects.filter(pk=book_id).exists():
        raise problems.NotFound(f"There is no book {book_id}.")
    return BookChange.objects.filter(book=book_id).order_by("-id")


def sold_for(order: uuid.UUID) -> list[LedgerEntry]:
    """The ledger's rows of this order's sale; none if nothing was sold for it."""
    return list(LedgerEntry.objects.filter(order=order, kind=LedgerEntry.Kind.SALE).order_by("pk"))


MOVED: tuple[str, ...] = (LedgerEntry.Kind.SALE, LedgerEntry.Kind.RETURN)
"""Kinds of the ledger's rows that belong to what an order bought, and gave back."""


def moved_after(number: int, limit: int, kinds: Sequence[str] = MOVED) -> list[LedgerEntry]:
    """The ledger's rows of sales and returns above a number, oldest first; the last of these has all of its rows."""
    moved = LedgerEntry.objects.filter(kind__in=kinds)
    found = list(moved.filter(pk__gt=number)[:limit])
    if len(found) == limit:
        last = found[-1]
        found += moved.filter(pk__gt=last.pk, order=last.order, cancellation=last.cancellation)
    return found
