"""Writes that replication can't carry are refused at the line that tried, with what to do instead."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.db.models import F

from bookstore_project.replication import reads
from bookstore_project.replication.errors import WriteRefused
from bookstore_project.replication.tests.desk.models import Slip
from bookstore_project.replication.tests.shelf.models import Article, Note
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, dump
from bookstore_project.replication.transaction import run, verify

pytestmark = pytest.mark.every_engine


def raw_update(alias: str) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute("UPDATE shelf_article SET price = 1")


OUTSIDE: dict[str, Callable[[], Any]] = {
    "create": lambda: Article.objects.create(title="x", kind="y", price=1),
    "save": lambda: Article(title="x", kind="y", price=1).save(),
    "update": lambda: Article.objects.update(price=1),
    "delete": lambda: Note.objects.all().delete(),
    "bulk_create": lambda: Article.objects.bulk_create([Article(title="x", kind="y", price=1)]),
    "get_or_create": lambda: Article.objects.get_or_create(title="x"),
    "update past the router": lambda: Article.objects.using("shelf-2").update(price=1),
    "create past the router": lambda: Article.objects.using("shelf-1").create(title="x", kind="y", price=1),
    "raw SQL": lambda: raw_update("shelf-1"),
}


@pytest.mark.parametrize("way", OUTSIDE)
def test_a_write_outside_a_transaction_says_what_to_do(seven_articles: Path, way: str) -> None:
    before = dump("shelf-2")
    with pytest.raises(WriteRefused, match=r'transaction.run\("shelf", change\)'):
        OUTSIDE[way]()
    assert dump("shelf-2") == before
    assert_copies_equal("shelf")


def test_a_write_inside_a_read_is_refused(seven_articles: Path) -> None:
    with reads.reading("shelf"):
        with pytest.raises(WriteRefused):
            Article.objects.update(price=1)
        with pytest.raises(WriteRefused, match="inside of a read"):
            run("shelf", lambda: None)
    assert_copies_equal("shelf")


@pytest.mark.two_files
def test_a_write_to_the_other_copy_inside_a_transaction_is_refused(seven_articles: Path) -> None:
    with pytest.raises(WriteRefused, match="shelf-2 was written directly"):
        run("shelf", lambda: Article.objects.using("shelf-2").update(price=1, version=F("version") + 1))
    assert_copies_equal("shelf")


def test_a_write_to_another_service_inside_a_transaction_is_refused(seven_articles: Path) -> None:
    with pytest.raises(WriteRefused, match=r'run\("desk", change\)'):
        run("shelf", lambda: Slip.objects.all().delete())
    with pytest.raises(WriteRefused, match=r'run\("desk", change\)'):
        run("shelf", lambda: Slip.objects.using("desk-1").update(number=1))


def test_verify_needs_a_transaction(seven_articles: Path) -> None:
    with reads.reading("shelf"):
        article = Article.objects.get(pk=1)
    with pytest.raises(WriteRefused, match="needs a replicated transaction"):
        verify(article)
