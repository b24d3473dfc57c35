"""One row at a time, without the ORM's compiler: the same rows, objects and signals as with it."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError
from django.db.models import F
from django.db.models.signals import post_save
from django.utils import timezone

from bookstore_project.replication import rows
from bookstore_project.replication.errors import Unavailable, WriteRefused
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, change_around
from bookstore_project.replication.transaction import get_verified, run
from catalog_app.models import Book, KeyedAnswer, LedgerEntry


@contextmanager
def heard() -> Iterator[list[dict[str, Any]]]:
    """What `post_save` tells its receivers meanwhile."""
    told: list[dict[str, Any]] = []

    def listen(sender: object, **kwargs: Any) -> None:
        told.append(kwargs)

    post_save.connect(listen)
    try:
        yield told
    finally:
        post_save.disconnect(listen)


def test_an_object_made_from_an_image_is_the_one_that_a_query_gives(seven_books: Path) -> None:
    def change() -> None:
        Book.objects.filter(pk=2).update(price="0.10", isbn13="9780306406157", version=F("version") + 1)
        for model in (Book, LedgerEntry):
            for queried in model.objects.all():
                # Unchanged rows only: book 2 has no digest of its new values yet.
                if model is Book and queried.pk == 2:
                    continue
                made = get_verified(model, queried.pk)
                assert made == queried
                assert vars(made) | {"_state": None} == vars(queried) | {"_state": None}

    run("catalog", change)


def test_a_row_changed_behind_the_logs_back_is_not_given(seven_books: Path) -> None:
    for alias in ("catalog-1", "catalog-2"):
        change_around(alias, "UPDATE catalog_app_book SET quantity = 1000 WHERE id = 1")
    with pytest.raises(Unavailable, match="row 1 of catalog_app_book isn't what the log says"):
        run("catalog", lambda: get_verified(Book, 1))


def test_a_row_that_vanished_is_not_taken_for_one_that_never_was(seven_books: Path) -> None:
    assert run("catalog", lambda: get_verified(Book, 12345)).value is None
    for alias in ("catalog-1", "catalog-2"):
        change_around(alias, "PRAGMA foreign_keys = OFF", "DELETE FROM catalog_app_book WHERE id = 1")
    with pytest.raises(Unavailable, match="isn't what the log says"):
        run("catalog", lambda: get_verified(Book, 1))


def test_reading_for_a_decision_needs_a_transaction(seven_books: Path) -> None:
    with pytest.raises(WriteRefused, match="needs a replicated transaction"):
        get_verified(Book, 1)


def test_an_inserted_row_gets_its_number_and_is_announced(seven_books: Path) -> None:
    def change() -> LedgerEntry:
        book = Book.objects.get(pk=1)
        row = LedgerEntry(
            book=book,
            kind="correction",
            change=0,
            balance=book.quantity,
            title="t",
            unit_price=book.price,
            created_at=timezone.now(),
        )
        rows.insert(row)
        return row

    with heard() as told:
        row = run("catalog", change).value
    assert [(call["instance"], call["created"]) for call in told] == [(row, True)]
    assert run("catalog", lambda: LedgerEntry.objects.latest("pk")).value == row
    assert_copies_equal("catalog")


def test_a_second_row_under_one_key_is_the_callers_error(seven_books: Path) -> None:
    def change() -> None:
        for _ in range(2):
            rows.insert(KeyedAnswer(key=uuid.UUID(int=1), fingerprint="f", status=200))

    with pytest.raises(IntegrityError):
        run("catalog", change)
    assert_copies_equal("catalog")


def test_an_update_writes_the_named_fields_and_is_announced(seven_books: Path) -> None:
    def change() -> None:
        book = Book.objects.get(pk=1)
        book.topic, book.title, book.version = "new", "not named", book.version + 1
        rows.update(book, "topic", "topic_key", "version")

    with heard() as told:
        run("catalog", change)
    assert [(call["created"], call["update_fields"]) for call in told] == [(False, {"topic", "topic_key", "version"})]
    book = run("catalog", lambda: Book.objects.get(pk=1)).value
    assert (book.topic, book.version) == ("new", 2)
    assert book.title != "not named"
    assert_copies_equal("catalog")


def test_an_update_of_a_row_that_is_gone_is_refused(seven_books: Path) -> None:
    with pytest.raises(WriteRefused, match="not in the database any more"):
        run("catalog", lambda: rows.update(Book(pk=99, topic="t"), "topic"))
