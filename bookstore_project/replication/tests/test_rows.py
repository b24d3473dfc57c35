"""One row at a time, without the ORM's compiler: the same rows, objects and signals as with it."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connections
from django.db.models import F
from django.db.models.signals import post_save
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookstore_project.replication import rows
from bookstore_project.replication.errors import Unavailable, WriteRefused
from bookstore_project.replication.tests.shelf.models import Article, Movement, Note
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, change_around, lead
from bookstore_project.replication.transaction import get_verified, run

pytestmark = pytest.mark.every_engine


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


def test_an_object_made_from_an_image_is_the_one_that_a_query_gives(seven_articles: Path) -> None:
    def change() -> None:
        Article.objects.filter(pk=2).update(price="0.10", code="9780306406157", version=F("version") + 1)
        for model in (Article, Movement):
            for queried in model.objects.all():
                # Unchanged rows only: article 2 has no digest of its new values yet.
                if model is Article and queried.pk == 2:
                    continue
                made = get_verified(model, queried.pk)
                assert made == queried
                assert vars(made) | {"_state": None} == vars(queried) | {"_state": None}

    run("shelf", change)


@pytest.mark.two_files
def test_a_row_changed_behind_the_logs_back_is_not_given(seven_articles: Path) -> None:
    for alias in ("shelf-1", "shelf-2"):
        change_around(alias, "UPDATE shelf_article SET quantity = 1000 WHERE id = 1")
    with pytest.raises(Unavailable, match="row 1 of shelf_article isn't what the log says"):
        run("shelf", lambda: get_verified(Article, 1))


@pytest.mark.two_files
def test_a_row_that_vanished_is_not_taken_for_one_that_never_was(seven_articles: Path) -> None:
    assert run("shelf", lambda: get_verified(Article, 12345)).value is None
    for alias in ("shelf-1", "shelf-2"):
        change_around(alias, "PRAGMA foreign_keys = OFF", "DELETE FROM shelf_article WHERE id = 1")
    with pytest.raises(Unavailable, match="isn't what the log says"):
        run("shelf", lambda: get_verified(Article, 1))


def test_reading_for_a_decision_needs_a_transaction(seven_articles: Path) -> None:
    with pytest.raises(WriteRefused, match="needs a replicated transaction"):
        get_verified(Article, 1)


def test_an_inserted_row_gets_its_number_and_is_announced(seven_articles: Path) -> None:
    def change() -> Movement:
        article = Article.objects.get(pk=1)
        row = Movement(
            article=article,
            change=0,
            balance=article.quantity,
            title="t",
            price=article.price,
            made_at=timezone.now(),
        )
        rows.insert(row)
        return row

    with heard() as told:
        row = run("shelf", change).value
    assert [(call["instance"], call["created"]) for call in told] == [(row, True)]
    assert run("shelf", lambda: Movement.objects.latest("pk")).value == row
    assert_copies_equal("shelf")


def movements_of(article: Article, balances: range) -> list[Movement]:
    now = timezone.now()
    return [
        Movement(article=article, change=0, balance=balance, title="t", price=article.price, made_at=now)
        for balance in balances
    ]


@pytest.mark.parametrize("numbered", [True, False])
def test_many_rows_are_inserted_in_their_order_with_what_each_of_them_has(
    seven_articles: Path, numbered: bool
) -> None:
    def change() -> list[Movement]:
        made = movements_of(Article.objects.get(pk=1), range(2 * rows.AT_ONCE + 7))
        rows.insert_all(made, numbered=numbered)
        return made

    made = run("shelf", change).value
    newest = list(Movement.objects.using("shelf-1").order_by("-pk")[: len(made)])[::-1]
    assert [row.balance for row in newest] == [row.balance for row in made]
    assert [row.pk for row in made] == [row.pk if numbered else None for row in newest]
    assert {(row.made_at, row.price, row.receipt) for row in newest} == {(made[0].made_at, made[0].price, None)}
    assert_copies_equal("shelf")


def test_of_many_rows_one_that_breaks_a_rule_takes_all_of_them_back(seven_articles: Path) -> None:
    def change() -> None:
        shared = {"title": "t", "kind": "k", "price": "1.00"}
        rows.insert_all([Article(code=code, **shared) for code in ("one", "two", "one")], numbered=True)

    with pytest.raises(IntegrityError):
        run("shelf", change)
    assert run("shelf", Article.objects.count).value == len(range(7))
    assert_copies_equal("shelf")


def test_a_second_row_under_one_key_is_the_callers_error(seven_articles: Path) -> None:
    def change() -> None:
        for _ in range(2):
            rows.insert(Note(key=uuid.UUID(int=1)))

    with pytest.raises(IntegrityError):
        run("shelf", change)
    assert_copies_equal("shelf")


def test_an_update_writes_the_named_fields_and_is_announced(seven_articles: Path) -> None:
    def change() -> None:
        article = Article.objects.get(pk=1)
        article.kind, article.title, article.version = "new", "not named", article.version + 1
        rows.update(article, "kind", "kind_key", "version")

    with heard() as told:
        run("shelf", change)
    assert [(call["created"], call["update_fields"]) for call in told] == [(False, {"kind", "kind_key", "version"})]
    article = run("shelf", lambda: Article.objects.get(pk=1)).value
    assert (article.kind, article.version) == ("new", 2)
    assert article.title != "not named"
    assert_copies_equal("shelf")


def test_an_update_of_a_row_that_is_gone_is_refused(seven_articles: Path) -> None:
    with pytest.raises(WriteRefused, match="not in the database any more"):
        run("shelf", lambda: rows.update(Article(pk=99, kind="t"), "kind"))


@pytest.mark.two_files
def test_who_wants_to_know_of_the_statements_hears_of_these_too(seven_articles: Path) -> None:
    refused: list[str] = []

    def refuse(execute: object, sql: str, *_: object) -> None:
        refused.append(sql)
        raise LookupError(sql)

    def change() -> None:
        with CaptureQueriesContext(connections[lead()]) as noted:
            rows.insert(Note(key=uuid.UUID(int=1)))
        assert ["INSERT" in query["sql"] for query in noted.captured_queries] == [True]
        with connections[lead()].execute_wrapper(refuse), pytest.raises(LookupError):
            rows.insert(Note(key=uuid.UUID(int=2)))
        assert len(refused) == 1

    run("shelf", change)
    assert run("shelf", lambda: rows.exists((Note, "key", uuid.UUID(int=1)))).value
    assert not run("shelf", lambda: rows.exists((Note, "key", uuid.UUID(int=2)))).value
