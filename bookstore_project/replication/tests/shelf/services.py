"""What changes articles: each is one replicated transaction, and leaves a movement behind."""

import uuid
from decimal import Decimal

from django.utils import timezone

from bookstore_project.replication import rows
from bookstore_project.replication.tests.shelf.models import Article, Movement
from bookstore_project.replication.transaction import Committed, get_verified, run

SEVEN = (
    ("A drill for thick walls", "tools", "30.00"),
    ("A saw", "tools", "25.50"),
    ("A ladder, and the art of climbing it", "tall things", "19.90"),
    ("A hat stand", "tall things", "14.95"),
    ("Garden gloves", "things for spring", "22.00"),
    ("Why seeds are so small: a box of them", "things for spring", "18.25"),
    ("A watering can", "things for spring", "12.80"),
)


class NotEnough(Exception):
    """Nothing was taken."""


def put_seven() -> None:
    """Articles 1 to 7, fifty of each."""

    def change() -> None:
        for number, (title, kind, price) in enumerate(SEVEN, start=1):
            _put(Article(id=number, title=title, kind=kind, price=Decimal(price), quantity=50))

    run("shelf", change)


def put(title: str) -> None:
    """One of a new article."""
    run("shelf", lambda: _put(Article(title=title, kind="new things", price=1, quantity=1)))


def restock(article_id: int = 1, quantity: int = 1) -> Committed[Movement | None]:
    return run("shelf", lambda: _move(article_id, quantity, None))


def take(article_id: int = 1, quantity: int = 1, receipt: uuid.UUID | None = None) -> Committed[Movement | None]:
    """Once per receipt: a repeat gets the same movement. Raises NotEnough."""

    def change() -> Movement | None:
        known = Movement.objects.filter(receipt=receipt).first() if receipt else None
        return known or _move(article_id, -quantity, receipt)

    committed = run("shelf", change)
    if committed.value is None:
        raise NotEnough
    return committed


def _put(article: Article) -> None:
    article.save(force_insert=True)
    _note_movement(article, article.quantity, None)


def _move(article_id: int, change: int, receipt: uuid.UUID | None) -> Movement | None:
    article = get_verified(Article, article_id)
    assert article is not None
    if article.quantity + change < 0:
        return None
    article.quantity += change
    article.version += 1
    rows.update(article, "quantity", "version")
    return _note_movement(article, change, receipt)


def _note_movement(article: Article, change: int, receipt: uuid.UUID | None) -> Movement:
    movement = Movement(
        article=article,
        change=change,
        balance=article.quantity,
        receipt=receipt,
        title=article.title,
        price=article.price,
        made_at=timezone.now(),
    )
    rows.insert(movement)
    return movement
