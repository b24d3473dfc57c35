"""A book that gets another price and title, and the price as a gated read shows it."""

from django.db.models import F

from bookstore_project.replication import reads
from bookstore_project.replication.transaction import run
from catalog_app.models import Book

REPRICE = {"price": 5, "title": "New", "version": F("version") + 1}


def reprice(book_id: int = 1) -> int:
    return run("catalog", lambda: Book.objects.filter(pk=book_id).update(**REPRICE)).position


def raise_price(book_id: int = 1) -> int:
    """By one; returns the position."""
    return run(
        "catalog", lambda: Book.objects.filter(pk=book_id).update(price=F("price") + 1, version=F("version") + 1)
    ).position


def price_of(book_id: int, alias: str, keys: tuple[str, ...] = ()) -> tuple[str, int]:
    """The price as a gated read shows it, and the position that it was read at."""
    with reads.reading("catalog", alias=alias, keys=keys) as snapshot:
        return str(Book.objects.get(pk=book_id).price), snapshot.position
