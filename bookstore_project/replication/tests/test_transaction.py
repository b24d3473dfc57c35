"""A replicated transaction: both files or neither, whichever way Django writes."""

import uuid
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F

from bookstore_project.api.sales import Line
from bookstore_project.replication import reads
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from bookstore_project.replication.tests.support.books import reprice
from bookstore_project.replication.tests.support.replica_files import (
    assert_copies_equal,
    dump,
    execute,
    head,
    lead,
    rows,
)
from bookstore_project.replication.transaction import get_verified, run
from catalog_app.models import Book, KeyedAnswer, LedgerEntry
from catalog_app.sales import order_sell

BOTH = ("catalog-1", "catalog-2")
KEY = uuid.UUID(int=7)


def keyed(number: int, body: str = "") -> KeyedAnswer:
    return KeyedAnswer(key=uuid.UUID(int=number), fingerprint="f", status=200, body=body)


def test_a_sale_stands_in_both_files(seven_books: Path) -> None:
    order_sell(order=uuid.uuid4(), lines=[Line(1, 3)], deadline=None, is_first_attempt=False)
    for alias in BOTH:
        assert rows(alias, "SELECT quantity, version FROM catalog_app_book WHERE id = 1") == [(47, 2)]
        assert rows(alias, "SELECT kind, change FROM catalog_app_ledgerentry ORDER BY id DESC LIMIT 1") == [
            ("sale", -3)
        ]
    assert_copies_equal("catalog")


def test_an_exception_takes_everything_back(seven_books: Path) -> None:
    before = dump("catalog-1")

    def change() -> None:
        Book.objects.get(pk=1).save()
        keyed(1).save()
        raise ValueError("changed my mind")

    with pytest.raises(ValueError, match="changed my mind"):
        run("catalog", change)
    assert dump("catalog-1") == before
    assert_copies_equal("catalog")


def test_a_constraint_error_belongs_to_the_caller(seven_books: Path) -> None:
    before = dump("catalog-1")
    with pytest.raises(IntegrityError):
        run("catalog", lambda: Book.objects.filter(pk=1).update(price=-1, version=F("version") + 1))
    assert dump("catalog-1") == before
    run("catalog", lambda: Book.objects.get(pk=1).save())  # The replicas are as usable as before.
    assert_copies_equal("catalog")


def _swap_isbns() -> None:
    first, second = Book.objects.get(pk=1), Book.objects.get(pk=2)
    first.isbn13, second.isbn13, theirs = None, first.isbn13, second.isbn13
    first.save()
    second.save()
    # The row has its next version already: this is the same change.
    Book.objects.filter(pk=1).update(isbn13=theirs)


def _bulk_update() -> None:
    books = list(Book.objects.all())
    for book in books:
        book.topic = f"topic {book.pk}"
        book.version += 1
    Book.objects.bulk_update(books, ["topic", "version"])


def _savepoint_rolled_back() -> None:
    Book.objects.filter(pk=1).update(topic="kept", version=F("version") + 1)
    with suppress(LookupError), transaction.atomic(using=lead()):
        Book.objects.filter(pk=2).update(topic="lost", version=F("version") + 1)
        raise LookupError


def _nested() -> None:
    Book.objects.get(pk=1).save()
    run("catalog", lambda: Book.objects.get(pk=2).save())


WAYS: dict[str, Callable[[], Any]] = {
    "save": lambda: Book.objects.get(pk=1).save(),
    "save of some fields": lambda: Book.objects.get(pk=1).save(update_fields=["price"]),
    "create": lambda: keyed(1).save(),
    "delete": lambda: KeyedAnswer.objects.get(pk=KEY).delete(),
    "delete of a set": lambda: KeyedAnswer.objects.all().delete(),
    "update with expressions": lambda: Book.objects.update(price=F("price") * 2, version=F("version") + 1),
    "bulk_create": lambda: KeyedAnswer.objects.bulk_create([keyed(1), keyed(2)]),
    "bulk_create that updates": lambda: KeyedAnswer.objects.bulk_create(
        [keyed(7, "new"), keyed(8)], update_conflicts=True, unique_fields=["key"], update_fields=["body"]
    ),
    "bulk_update": _bulk_update,
    "get_or_create": lambda: KeyedAnswer.objects.get_or_create(
        pk=uuid.UUID(int=9), defaults={"fingerprint": "f", "status": 200}
    ),
    "update_or_create of an old row": lambda: KeyedAnswer.objects.update_or_create(pk=KEY, defaults={"body": "new"}),
    "update_or_create of a new row": lambda: KeyedAnswer.objects.update_or_create(
        pk=uuid.UUID(int=9), defaults={"fingerprint": "f", "status": 200}
    ),
    "raw SQL": lambda: execute("UPDATE catalog_app_book SET price = 7, version = version + 1 WHERE id < 4"),
    "REPLACE": lambda: execute(
        "REPLACE INTO catalog_app_keyedanswer (key, fingerprint, status, body) VALUES (%s, 'f', 404, 'r')", (KEY.hex,)
    ),
    "a moved primary key": lambda: execute("UPDATE catalog_app_keyedanswer SET key = %s", (uuid.UUID(int=8).hex,)),
    "swapped unique values": _swap_isbns,
    "a savepoint that rolls back": _savepoint_rolled_back,
    "a transaction in a transaction": _nested,
    "text with NUL, quotes and other scripts": lambda: KeyedAnswer.objects.update_or_create(
        pk=uuid.UUID(int=9), defaults={"fingerprint": "f", "status": 200, "body": "a\x00b 'c' \"d\" \\ ثقة 🐍"}
    ),
    "a price that no double shows exactly": lambda: Book.objects.filter(pk=1).update(
        price=Decimal("99999999.99"), version=F("version") + 1
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_write_reaches_both_files(seven_books: Path, way: str) -> None:
    def prepare() -> None:
        keyed(7, "old").save()
        for book_id, isbn in ((1, "9780306406157"), (2, "9780131103627")):
            Book.objects.filter(pk=book_id).update(isbn13=isbn, version=F("version") + 1)

    run("catalog", prepare)
    before, position = dump("catalog-1"), head("catalog-1")
    assert run("catalog", WAYS[way]).position == position + 1
    assert dump("catalog-1") != before
    assert_copies_equal("catalog")


def test_what_a_savepoint_takes_back_is_not_in_the_log(seven_books: Path) -> None:
    run("catalog", _savepoint_rolled_back)
    for alias in BOTH:
        ((payload,),) = rows(alias, "SELECT payload FROM replication_logentry ORDER BY position DESC LIMIT 1")
        assert "kept" in str(payload)
        assert "lost" not in str(payload)
        assert rows(alias, "SELECT count(*) FROM catalog_app_book WHERE topic = 'lost'") == [(0,)]


@pytest.mark.parametrize("error", [TimeoutError("his own"), FileNotFoundError("his own")])
def test_an_os_error_belongs_to_the_caller_and_runs_nothing_again(seven_books: Path, error: OSError) -> None:
    ran = []

    def change() -> None:
        ran.append(1)
        reprice()
        if len(ran) == 1:
            raise error

    before = dump("catalog-1")
    with pytest.raises(type(error), match="his own"):
        run("catalog", change)
    assert dump("catalog-1") == before
    assert read_witness(get_service("catalog").witness_file).in_sync == ("catalog-1", "catalog-2")


def test_swapped_unique_values_arrive_swapped(seven_books: Path) -> None:
    isbns = ("9780306406157", "9780131103627")

    def label() -> None:
        for book_id, isbn in enumerate(isbns, start=1):
            Book.objects.filter(pk=book_id).update(isbn13=isbn, version=2)

    run("catalog", label)
    run("catalog", _swap_isbns)
    for alias in BOTH:
        found = rows(alias, "SELECT isbn13 FROM catalog_app_book WHERE id < 3 ORDER BY id")
        assert found == [(isbns[1],), (isbns[0],)]


def test_a_transaction_that_changes_nothing_leaves_no_entry(seven_books: Path) -> None:
    position = head("catalog-1")
    committed = run("catalog", lambda: Book.objects.filter(pk=1).update(price=F("price")))
    assert (committed.position, committed.changes) == (position, ())
    assert head("catalog-1") == position
    assert_copies_equal("catalog")


def test_an_entry_names_what_it_touches_and_no_more(seven_books: Path) -> None:
    def keys_after(**changes: object) -> object:
        run("catalog", lambda: Book.objects.filter(pk=1).update(version=F("version") + 1, **changes))
        return rows("catalog-2", "SELECT keys FROM replication_logentry ORDER BY position DESC LIMIT 1")[0][0]

    assert keys_after(price=1) == '["book:1"]'
    assert keys_after(title="New") == keys_after(retired=True) == '["book:1","topic:distributed systems"]'
    run("catalog", lambda: keyed(1).save())
    assert rows("catalog-1", "SELECT keys FROM replication_logentry ORDER BY position DESC LIMIT 1") == [("[]",)]


def test_an_entry_names_the_old_and_the_new_topic(seven_books: Path) -> None:
    run("catalog", lambda: Book.objects.filter(pk=1).update(topic="new", version=F("version") + 1))
    ((keys,),) = rows("catalog-2", "SELECT keys FROM replication_logentry ORDER BY position DESC LIMIT 1")
    assert keys == '["book:1","topic:distributed systems","topic:new"]'


def test_a_nested_transaction_is_taken_back_with_the_outer_one(seven_books: Path) -> None:
    before = dump("catalog-1")

    def change() -> None:
        _nested()
        raise LookupError

    with pytest.raises(LookupError):
        run("catalog", change)
    assert dump("catalog-1") == before == dump("catalog-2")


@pytest.mark.parametrize("does_change", [True, False])
def test_a_side_effect_runs_once_when_the_write_is_visible(seven_books: Path, does_change: bool) -> None:
    seen: list[int] = []

    def look() -> None:
        with reads.reading("catalog", alias="catalog-2") as snapshot:
            seen.append(snapshot.position)

    def change() -> None:
        if does_change:
            Book.objects.get(pk=1).save()
        transaction.on_commit(look, using=lead())

    committed = run("catalog", change)
    assert seen == [committed.position]


def test_a_side_effect_of_a_write_taken_back_never_runs(seven_books: Path) -> None:
    seen: list[str] = []

    def change() -> None:
        transaction.on_commit(lambda: seen.append("ran"), using=lead())
        raise LookupError

    with pytest.raises(LookupError):
        run("catalog", change)
    run("catalog", lambda: Book.objects.get(pk=1).save())
    assert seen == []


def test_a_side_effect_that_fails_does_not_undo_the_acknowledgement(seven_books: Path) -> None:
    def change() -> None:
        Book.objects.get(pk=1).save()
        transaction.on_commit(lambda: 1 / 0, using=lead())

    assert run("catalog", change).position == head("catalog-2")


def test_the_two_services_have_logs_of_their_own(seven_books: Path) -> None:
    before = head("order-1")
    run("catalog", lambda: Book.objects.get(pk=1).save())
    assert head("order-1") == before
    assert_copies_equal("order")


def test_the_ledger_row_of_a_sale_survives_as_sold(seven_books: Path) -> None:
    order_sell(order=KEY, lines=[Line(1, 1)], deadline=None, is_first_attempt=False)
    run("catalog", lambda: Book.objects.filter(pk=1).update(title="New", price=1, version=F("version") + 1))
    with reads.reading("catalog"):
        row = LedgerEntry.objects.get(order=KEY)
        assert (row.title, row.unit_price) == ("How to get a good grade in DOS in 40 minutes a day", Decimal("30.00"))


def test_a_row_that_this_transaction_changed_is_still_vouched_for(seven_books: Path) -> None:
    run("catalog", lambda: keyed(1).save(force_insert=True))

    def change() -> tuple[str, KeyedAnswer | None]:
        KeyedAnswer.objects.update(body="new")
        changed = get_verified(KeyedAnswer, uuid.UUID(int=1))
        assert changed is not None
        keyed(2).save(force_insert=True)
        assert get_verified(KeyedAnswer, uuid.UUID(int=2)) is not None
        changed.delete()
        return changed.body, get_verified(KeyedAnswer, uuid.UUID(int=1))

    assert run("catalog", change).value == ("new", None)
    assert_copies_equal("catalog")
