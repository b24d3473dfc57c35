"""Changes that the ledger doesn't explain are refused, whichever way they are written."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.db.models import F

from bookstore_project.replication.errors import WriteRefused
from bookstore_project.replication.tests.support.engines import but_for_files
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, dump
from bookstore_project.replication.transaction import run
from catalog_app.models import Book, LedgerEntry

pytestmark = pytest.mark.every_engine


def _lone_ledger_row() -> None:
    LedgerEntry.objects.create(
        book_id=1, kind="restock", change=5, balance=55, title="x", unit_price=1, created_at="2026-01-01T00:00:00Z"
    )


def _sale_that_takes_too_few() -> None:
    Book.objects.filter(pk=1).update(quantity=F("quantity") - 1, version=F("version") + 1)
    LedgerEntry.objects.create(
        book_id=1,
        kind="sale",
        change=-2,
        balance=48,
        order=uuid.uuid4(),
        quantity=2,
        title="x",
        unit_price=1,
        created_at="2026-01-01T00:00:00Z",
    )


def _delete_book() -> None:
    with connections["catalog-1"].cursor() as cursor:
        cursor.execute("PRAGMA defer_foreign_keys = ON")
        cursor.execute("DELETE FROM catalog_app_book WHERE id = 1")


AGAINST_THE_RULES: dict[str, tuple[Callable[[], Any], str]] = {
    "stock without ledger row": (
        lambda: Book.objects.filter(pk=1).update(quantity=9, version=F("version") + 1),
        "changes by -41, its ledger by 0",
    ),
    "ledger row without stock": (_lone_ledger_row, "whose stock doesn't move"),
    "ledger row that says another number": (_sale_that_takes_too_few, "changes by -1, its ledger by -2"),
    "changed ledger row": (lambda: LedgerEntry.objects.filter(book=1).update(actor="me"), "never changed"),
    "deleted ledger row": (lambda: LedgerEntry.objects.filter(book=1).delete(), "never changed and never deleted"),
    "kept version": (lambda: Book.objects.filter(pk=1).update(price=1), "keeps its version"),
    "skipped version": (lambda: Book.objects.filter(pk=1).update(price=1, version=9), "keeps its version"),
    "book with copies and no ledger": (
        lambda: Book.objects.create(title="x", topic="y", price=1, quantity=3),
        "changes by 3, its ledger by 0",
    ),
    "deleted book": (_delete_book, "retire it"),
}


@pytest.mark.parametrize("rule", but_for_files(AGAINST_THE_RULES, "deleted book"))
def test_a_change_that_the_ledger_does_not_explain_is_refused(seven_books: Path, rule: str) -> None:
    change, complaint = AGAINST_THE_RULES[rule]
    before = dump("catalog-1")
    with pytest.raises(WriteRefused, match=complaint):
        run("catalog", change)
    assert dump("catalog-1") == before
    assert_copies_equal("catalog")
