"""What the two services' customers change and see, in a few words, for tests that treat both alike."""

import uuid
from decimal import Decimal
from typing import Protocol

from django.db.models import F
from django.utils import timezone

from bookstore_project.replication import reads, rows
from bookstore_project.replication.transaction import run
from catalog_app.models import Book, KeyedAnswer
from order_app.models import Order, OrderLine, SweepMark


class Goods(Protocol):
    """What a service's customers change, and what they see of it."""

    service: str
    edit: str
    """SQL that a person may type into the file, for want of knowing better."""
    damage: str
    """SQL that changes what customers see."""

    def prepare(self) -> None: ...

    def write(self) -> None:
        """One more of what `count` counts."""

    def pad(self) -> None:
        """A write that `count` doesn't show."""

    def count(self) -> int:
        """Inside of a read; raises Unavailable if what it rests on isn't what the log says."""


class Books:
    service = "catalog"
    edit = "UPDATE catalog_app_book SET quantity = quantity + 7 WHERE id = 2"
    damage = "UPDATE catalog_app_book SET version = version - 1 WHERE id = 1"

    def prepare(self) -> None:
        run("catalog", lambda: [Book.objects.create(title="A book", topic="t", price=1, quantity=0) for _ in "12"])

    def write(self) -> None:
        run("catalog", lambda: Book.objects.filter(pk=1).update(version=F("version") + 1))

    def pad(self, length: int = 1) -> None:
        key = uuid.uuid4()
        run("catalog", lambda: KeyedAnswer.objects.create(key=key, fingerprint="", status=200, body="x" * length))

    def count(self) -> int:
        book = reads.get_verified(Book, 1)
        assert book is not None
        return book.version


class Orders:
    service = "order"
    edit = "UPDATE order_app_orderline SET quantity = 7 WHERE sale = 2"
    damage = "UPDATE order_app_orderline SET quantity = 9 WHERE sale = 1"

    def prepare(self) -> None:
        self.write()

    def write(self) -> None:
        def insert() -> None:
            number = Order.objects.count() + 1
            order = Order(id=uuid.uuid4(), sale=number, created_at=timezone.now())
            rows.insert(order)
            rows.insert(
                OrderLine(sale=number, order=order, book=1, title="A book", quantity=1, unit_price=Decimal(1))
            )

        run("order", insert)

    def pad(self) -> None:
        run(
            "order",
            lambda: SweepMark.objects.update_or_create(pk=1, create_defaults={}, defaults={"sale": F("sale") + 1}),
        )

    def count(self) -> int:
        keys = OrderLine.objects.order_by("sale").values_list("pk", flat=True)
        return len([reads.get_verified(OrderLine, key) for key in keys])


GOODS: dict[str, Goods] = {"catalog": Books(), "order": Orders()}
