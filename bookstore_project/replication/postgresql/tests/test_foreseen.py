"""Changes that say beforehand what they look at: made together, each is as if it were alone."""

import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import copy_context
from functools import partial

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from bookstore_project.replication import rows
from bookstore_project.replication.errors import WriteRefused
from bookstore_project.replication.events import changes_noted
from bookstore_project.replication.foreseen import Foreseen
from bookstore_project.replication.interface import Made
from bookstore_project.replication.postgresql.tests.database_rows import assert_copies_equal
from bookstore_project.replication.tests.shelf.models import Article, Movement, Note, Shelf
from bookstore_project.replication.transaction import get_verified, run, run_all
from tests.actors import Actor

pytestmark = pytest.mark.usefixtures("seven_articles")
STOCK = 50


class NotEnough(Exception):
    pass


def taking(copies: int, *, article: int = 1, receipt: int = 0, then: Callable[[], object] = int) -> Foreseen[int]:
    """Takes as many, once per receipt, and gives what is left."""
    of = uuid.UUID(int=receipt) if receipt else uuid.uuid4()

    def change() -> int:
        found = get_verified(Article, article)
        if found is None or rows.exists((Movement, "receipt", of)):
            return -1
        if found.quantity < copies:
            raise NotEnough
        take(found, copies, of)
        then()
        return found.quantity

    return Foreseen(change, rows=[(Article, article)], values=[(Movement, "receipt", of)], new={Movement: 1})


def take(found: Article, copies: int, receipt: uuid.UUID) -> None:
    found.quantity -= copies
    found.version += 1
    rows.update(found, "quantity", "version")
    movement = Movement(article=found, change=-copies, balance=found.quantity, receipt=receipt, title=found.title)
    movement.price, movement.made_at = found.price, timezone.now()
    rows.insert(movement)


def left(article: int = 1) -> tuple[int, int]:
    """By its row, and by its movements."""
    found = run("shelf", lambda: Article.objects.get(pk=article)).value
    moved = run("shelf", lambda: list(Movement.objects.filter(article=article).order_by("pk"))).value
    assert [each.balance for each in moved] == sorted((each.balance for each in moved), reverse=True), "in order"
    return found.quantity, sum(each.change for each in moved)


def outcomes(made: Sequence[Made[int]]) -> list[object]:
    assert_copies_equal("shelf")
    return [type(each.error) if each.error else each.outcome().value for each in made]


def test_each_sees_what_the_one_before_it_has_left() -> None:
    made = run_all("shelf", [taking(20), taking(20), taking(20), taking(10), taking(1, article=99)])
    assert outcomes(made) == [30, 10, NotEnough, 0, -1]
    assert left() == (0, 0)
    positions = [each.outcome().position for each in made if each.error is None]
    assert positions[:3] == list(range(positions[0], positions[0] + 3))


def test_of_two_with_one_receipt_the_second_is_a_repeat() -> None:
    assert outcomes(run_all("shelf", [taking(1, receipt=7), taking(2), taking(1, receipt=7)])) == [49, 47, -1]


def fail() -> None:
    raise NotEnough


def test_what_one_took_before_it_failed_is_there_for_the_next() -> None:
    made = run_all("shelf", [taking(1), taking(49, then=fail), taking(49)])
    assert outcomes(made) == [49, NotEnough, 0]


def write_a_shelf_twice() -> None:
    rows.insert(Shelf(name="first"))
    rows.insert(Shelf(name="first"))


def refer_to_nothing() -> None:
    rows.insert(Movement(article_id=99, change=0, balance=0, title="t", price=1, made_at=timezone.now()))


REFUSED: dict[str, Callable[[], object]] = {
    "a value that is there": write_a_shelf_twice,
    "a reference to nothing": refer_to_nothing,
}


@pytest.mark.parametrize("way", REFUSED)
def test_what_the_database_refuses_of_one_takes_back_that_one_alone(way: str) -> None:
    made = run_all("shelf", [taking(1), taking(2, then=REFUSED[way]), taking(4)])
    assert outcomes(made) == [49, IntegrityError, 45]
    assert left() == (45, 45)


def write_what_is_gone() -> int:
    rows.insert(Note(key=uuid.uuid4()))
    rows.update(Article(pk=99, quantity=1, version=2), "quantity", "version")
    return 0


def ask_whatever_it_says() -> int:
    with suppress(WriteRefused):
        Note.objects.count()
    return 1


def test_a_row_that_is_gone_is_the_error_of_whoever_writes_it() -> None:
    made = run_all("shelf", [taking(1), Foreseen(write_what_is_gone), Foreseen(ask_whatever_it_says), taking(4)])
    assert outcomes(made) == [49, WriteRefused, 1, 45]
    assert run("shelf", Note.objects.count).value == 0


def change_by_object() -> None:
    found = Article.objects.get(pk=1)
    found.quantity -= 5
    found.save()


def taken_back() -> None:
    found = get_verified(Article, 1)
    assert found is not None
    alias = str(found._state.db)
    with transaction.atomic(using=alias):
        take(found, 5, uuid.uuid4())
    with pytest.raises(NotEnough), transaction.atomic(using=alias):
        take_and_fail(found)


def take_and_fail(found: Article) -> None:
    take(found, 5, uuid.uuid4())
    raise NotEnough


WAYS: dict[str, Callable[[], object]] = {
    "update": lambda: Article.objects.filter(pk=1).update(quantity=F("quantity") - 5, version=F("version") + 1),
    "save": change_by_object,
    "a savepoint": taken_back,
}


@pytest.mark.parametrize("way", WAYS)
def test_what_was_written_in_another_way_is_seen_by_the_next(way: str) -> None:
    assert outcomes(run_all("shelf", [taking(1), taking(1, then=WAYS[way]), taking(1)])) == [49, 48, 42]


def test_numbers_are_in_the_order_of_changes_though_one_of_them_foresees_nothing() -> None:
    """`left` asserts it."""
    changes: list[Callable[[], int]] = [taking(1), taking(1).change, taking(1, then=fail), taking(1)]
    made = run_all("shelf", changes)
    assert outcomes(made) == [49, 48, NotEnough, 47]
    assert left() == (47, 47)


def test_one_that_asks_sees_what_it_has_written_itself() -> None:
    def change() -> int:
        rows.insert(Note(key=uuid.UUID(int=1), text="here"))
        return Note.objects.filter(text="here").count()

    assert outcomes(run_all("shelf", [taking(1), Foreseen(change), Foreseen(change)])) == [49, 1, IntegrityError]


def test_rows_that_receivers_add_belong_to_the_member_that_they_are_about() -> None:
    def due(changes: Sequence[object], **kwargs: object) -> Callable[[], None]:
        return lambda: rows.insert(Note(key=uuid.uuid4(), text="noted"))

    changes_noted.connect(due, sender="shelf")
    try:
        made = run_all("shelf", [taking(1), taking(1)])
    finally:
        changes_noted.disconnect(due, sender="shelf")
    assert outcomes(made) == [49, 48]
    tables = [[change.table for change in each.outcome().changes] for each in made]
    assert tables == [["shelf_article", "shelf_movement", "shelf_note"]] * 2


def fail_unminded() -> None:
    """In an atomic block without a savepoint: Django has all of the transaction taken back."""
    alias = str(Article.objects.get(pk=1)._state.db)
    with pytest.raises(NotEnough), transaction.atomic(using=alias, savepoint=False):
        raise NotEnough


def test_what_is_to_be_taken_back_takes_no_further_writes() -> None:
    def write_on() -> int:
        fail_unminded()
        rows.insert(Note(key=uuid.uuid4()))
        return 0

    made = run_all("shelf", [taking(1), Foreseen(write_on), taking(1)])
    assert outcomes(made) == [49, TransactionManagementError, 48]


@pytest.mark.parametrize("fails", [fail, fail_unminded])
@pytest.mark.parametrize("others", [0, 1])
def test_what_is_left_for_on_commit_by_what_is_taken_back_never_runs(fails: Callable[[], None], others: int) -> None:
    told = list[str]()

    def change() -> int:
        transaction.on_commit(lambda: told.append("ran"))
        change_by_object()
        fails()
        return 0

    outcomes(run_all("shelf", [*(taking(1) for _ in range(others)), Foreseen(change)]))
    assert told == []
    assert left() == (50 - others, 50 - others)


def test_a_value_counts_in_whatever_form_it_is_written() -> None:
    def change() -> int:
        is_there = rows.exists((Movement, "balance", 7))
        if not is_there:
            movement = Movement(article_id=1, change=0, balance="7", title="t", price=1, made_at=timezone.now())
            rows.insert(movement)
        return int(is_there)

    made = run_all("shelf", [Foreseen(change, values=[(Movement, "balance", 7)], new={Movement: 1})] * 2)
    assert outcomes(made) == [0, 1]


def test_a_row_counts_in_whatever_form_its_key_is_written() -> None:
    def change() -> int:
        found = get_verified(Article, 1)
        assert found is not None
        rows.update(Article(pk="1", quantity=found.quantity - 1, version=found.version + 1), "quantity", "version")
        return found.quantity

    assert outcomes(run_all("shelf", [Foreseen(change, rows=[(Article, 1)]) for _ in range(2)])) == [50, 49]


def write_in_a_thread() -> None:
    """That has inherited the context, as those of `asyncio.to_thread`."""
    Actor(partial(copy_context().run, rows.insert, Note(key=uuid.uuid4()))).result()


def test_a_foreseen_change_writes_from_its_own_thread_alone() -> None:
    made = run_all("shelf", [taking(1), taking(2, then=write_in_a_thread), taking(1)])
    assert outcomes(made) == [49, WriteRefused, 48]
