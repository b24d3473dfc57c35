"""Made-up books into the catalog, batch by batch; each batch notes in the catalog how far its seed is."""

import uuid
from dataclasses import replace
from functools import partial
from http import HTTPStatus

from bookstore_project.replication import reads
from bookstore_project.replication.transaction import run
from bookstore_project.settings import topology
from catalog_app.importing.batches import Patience, add_books, with_patience
from catalog_app.making.rules import MOST_BOOKS, MOST_SEEDS, MadeBook, made_book
from catalog_app.models import Book, KeyedAnswer

ACTOR = "make_books"
_PURPOSE = uuid.UUID("5b0d2a52-33a0-4d0c-9f5e-2a8b6f6f3c11")


def books_made(seed: int) -> int:
    """How many books of this seed the catalog was given, those that were changed or retired since among them."""
    with reads.reading(topology.CATALOG):
        return _made(seed)


def make_batch(seed: int, until: int, size: int, patience: Patience) -> int:
    """Adds the next `size` books of a seed, but none above `until`; how many there are then.

    Each book once, whoever is killed, or makes books of the same seed meanwhile. Raises Unavailable or
    OutcomeUnknown when patience has ended, ValueError for numbers out of range.
    """
    if not (0 <= seed < MOST_SEEDS and 0 <= until <= MOST_BOOKS and size >= 1):
        raise ValueError(f"seed {seed}, up to {until} books by {size}")
    return with_patience(lambda: run(topology.CATALOG, partial(_add, seed, until, size)).value, patience)


def _add(seed: int, until: int, size: int) -> int:
    """Within a transaction."""
    made = _made(seed)
    end = min(made + size, until)
    if end <= made:
        return made
    add_books(_not_sold_yet([made_book(seed, number) for number in range(made, end)]), ACTOR)
    # In the same transaction: it says what is in, neither more nor less.
    KeyedAnswer.objects.update_or_create(
        key=_key(seed), defaults={"fingerprint": f"{ACTOR} {seed}", "status": HTTPStatus.OK, "body": str(end)}
    )
    return end


def _not_sold_yet(books: list[MadeBook]) -> list[MadeBook]:
    """A number that a book of the shop has already stays with that one."""
    wanted = [book.isbn13 for book in books]
    taken = set(Book.objects.on_sale().filter(isbn13__in=wanted).values_list("isbn13", flat=True))
    return [replace(book, isbn13=None) if book.isbn13 in taken else book for book in books]


def _made(seed: int) -> int:
    known = KeyedAnswer.objects.filter(pk=_key(seed)).first()
    return int(known.body) if known else 0


def _key(seed: int) -> uuid.UUID:
    return uuid.uuid5(_PURPOSE, str(seed))
