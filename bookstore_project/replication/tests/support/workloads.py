"""What the two services' customers change and see, in a few words, for tests that treat both alike."""

import uuid
from typing import Protocol

from django.db.models import F
from django.utils import timezone

from bookstore_project.replication import reads, rows
from bookstore_project.replication.tests.desk.models import Line, Mark, Slip
from bookstore_project.replication.tests.shelf.models import Article, Note
from bookstore_project.replication.transaction import run


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


class Articles:
    service = "shelf"
    edit = "UPDATE shelf_article SET quantity = quantity + 7 WHERE id = 2"
    damage = "UPDATE shelf_article SET version = version - 1 WHERE id = 1"

    def prepare(self) -> None:
        run("shelf", lambda: [Article.objects.create(title="A saw", kind="tools", price=1) for _ in "12"])

    def write(self) -> None:
        run("shelf", lambda: Article.objects.filter(pk=1).update(version=F("version") + 1))

    def pad(self) -> None:
        run("shelf", lambda: Note.objects.create(key=uuid.uuid4(), text="x"))

    def count(self) -> int:
        article = reads.get_verified(Article, 1)
        assert article is not None
        return article.version


class Slips:
    service = "desk"
    edit = "UPDATE desk_line SET quantity = 7 WHERE number = 2"
    damage = "UPDATE desk_line SET quantity = 9 WHERE number = 1"

    def prepare(self) -> None:
        self.write()

    def write(self) -> None:
        def insert() -> None:
            number = Slip.objects.count() + 1
            slip = Slip(id=uuid.uuid4(), number=number, made_at=timezone.now())
            rows.insert(slip)
            rows.insert(Line(number=number, slip=slip, article=1, title="A saw", quantity=1))

        run("desk", insert)

    def pad(self) -> None:
        def move_on() -> None:
            Mark.objects.update_or_create(pk=1, create_defaults={}, defaults={"number": F("number") + 1})

        run("desk", move_on)

    def count(self) -> int:
        keys = Line.objects.order_by("number").values_list("pk", flat=True)
        return len([reads.get_verified(Line, key) for key in keys])


GOODS: dict[str, Goods] = {"shelf": Articles(), "desk": Slips()}
