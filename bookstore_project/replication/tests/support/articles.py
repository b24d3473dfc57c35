"""An article that gets another price and title, and the price as a gated read shows it."""

from django.db.models import F

from bookstore_project.replication import reads
from bookstore_project.replication.tests.shelf.models import Article
from bookstore_project.replication.transaction import run

REPRICE = {"price": 5, "title": "New", "version": F("version") + 1}


def reprice(article_id: int = 1) -> int:
    return run("shelf", lambda: Article.objects.filter(pk=article_id).update(**REPRICE)).position


def raise_price(article_id: int = 1) -> int:
    """By one; returns the position."""
    change = {"price": F("price") + 1, "version": F("version") + 1}
    return run("shelf", lambda: Article.objects.filter(pk=article_id).update(**change)).position


def price_of(article_id: int, alias: str, keys: tuple[str, ...] = ()) -> tuple[str, int]:
    """The price as a gated read shows it, and the position that it was read at."""
    with reads.reading("shelf", alias=alias, keys=keys) as snapshot:
        return str(Article.objects.get(pk=article_id).price), snapshot.position
