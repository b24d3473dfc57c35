"""Returns: copies of a cancelled order come back once, and never more of them than were sold."""

import uuid
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db.migrations.exceptions import IrreversibleError
from django.db.utils import IntegrityError
from pytest_django import Settings

from bookstore_project.api.problems import Conflict, IdempotencyConflict, Invalid, NotFound
from bookstore_project.api.representations import MAX_STOCK
from bookstore_project.api.sales import Line, Return, movements_as_json, parse_movements
from bookstore_project.replication import reads
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, head, rows
from bookstore_project.replication.transaction import run
from catalog_app import selectors
from catalog_app.models import Book, LedgerEntry
from catalog_app.returns import copies_return, movements_of
from catalog_app.sales import order_sell
from catalog_app.services import book_restock, book_retire, book_update
from catalog_app.tests.test_selling import assert_ledger_explains_stock, put_stock, stock
from tests.actors import all_at_once

pytestmark = pytest.mark.every_engine

BASKET = (Line(1, 2), Line(2, 5))


@pytest.fixture
def order(seven_books: Path) -> uuid.UUID:
    """Sold: two copies of book 1, five of book 2."""
    made = uuid.uuid4()
    order_sell(order=made, lines=BASKET, deadline=None, is_first_attempt=False)
    return made


def give_back(order: uuid.UUID, *lines: Line, cancellation: uuid.UUID | None = None) -> Return:
    return copies_return(
        cancellation=cancellation or uuid.uuid4(), order=order, lines=lines or BASKET, actor="ann"
    ).value


def test_all_lines_come_back_in_one_transaction_at_the_price_of_the_sale(order: uuid.UUID) -> None:
    book_update(book_id=1, fields={"price": "99.00", "title": "Renamed"}, actor="ann")
    before, version = head("catalog-1"), rows("catalog-1", "SELECT version FROM catalog_app_book WHERE id = 1")
    returned = give_back(order)
    assert [(line.book, line.quantity) for line in returned.lines] == [(1, 2), (2, 5)]
    assert (stock(1), stock(2), returned.is_repeat) == (50, 50, False)
    assert head("catalog-1") == before + 1
    assert rows("catalog-2", "SELECT version FROM catalog_app_book WHERE id = 1") == [(int(str(version[0][0])) + 1,)]
    assert rows(
        "catalog-2",
        "SELECT change, balance, actor, title = (SELECT title FROM catalog_app_ledgerentry WHERE kind = 'sale' "
        "AND book_id = 1), unit_price FROM catalog_app_ledgerentry WHERE kind = 'return' AND book_id = 1",
    ) == [(2, 50, "ann", 1, rows("catalog-2", "SELECT unit_price FROM catalog_app_ledgerentry LIMIT 1")[0][0])]
    assert_ledger_explains_stock()
    assert_copies_equal("catalog")


def test_a_repeat_brings_nothing_more_back(order: uuid.UUID) -> None:
    cancellation = uuid.uuid4()
    first = give_back(order, cancellation=cancellation)
    again = give_back(order, *reversed(BASKET), cancellation=cancellation)
    assert (again.lines, again.is_repeat) == (first.lines, True)
    assert (stock(1), stock(2)) == (50, 50)
    with pytest.raises(IdempotencyConflict):
        give_back(order, Line(1, 1), cancellation=cancellation)
    with pytest.raises(IdempotencyConflict):
        give_back(order, Line(1, 2), cancellation=cancellation)


def test_copies_come_back_in_parts_and_never_more_than_were_sold(order: uuid.UUID) -> None:
    give_back(order, Line(2, 2))
    give_back(order, Line(2, 3))
    for lines in ([Line(2, 1)], [Line(1, 3)], [Line(1, 1), Line(2, 1)], [Line(3, 1)]):
        with pytest.raises(Conflict):
            give_back(order, *lines)
    assert (stock(1), stock(2), stock(3)) == (48, 50, 50)
    give_back(order, Line(1, 2))
    assert stock(1) == 50


def test_what_was_not_sold_does_not_come_back(order: uuid.UUID) -> None:
    refused = uuid.uuid4()
    put_stock(0, book=4)
    with pytest.raises(Exception, match="left of"):
        order_sell(order=refused, lines=[Line(4, 1)], deadline=None, is_first_attempt=False)
    for unknown in (refused, uuid.uuid4()):
        with pytest.raises(NotFound):
            give_back(unknown, Line(4, 1))
    assert stock(4) == 0


def test_many_at_once_bring_back_what_was_sold_once(order: uuid.UUID) -> None:
    cancellation = uuid.uuid4()

    def same() -> bool:
        return give_back(order, cancellation=cancellation).is_repeat

    assert sorted(bool(actor.result()) for actor in all_at_once([same] * 6)) == [False] + [True] * 5
    assert (stock(1), stock(2)) == (50, 50)
    assert_ledger_explains_stock()
    assert_copies_equal("catalog")


def test_of_many_cancellations_at_once_no_more_succeed_than_were_sold(order: uuid.UUID) -> None:
    def another() -> bool:
        try:
            give_back(order, Line(2, 2))
        except Conflict:
            return False
        return True

    assert sum(bool(actor.result()) for actor in all_at_once([another] * 5)) == 2
    assert stock(2) == 49


def test_copies_of_a_retired_book_come_back_too(order: uuid.UUID) -> None:
    book_retire(book_id=2, actor="ann")
    give_back(order)
    assert stock(2) == 50
    assert rows("catalog-1", "SELECT retired FROM catalog_app_book WHERE id = 2") == [(1,)]


def test_copies_wait_until_there_is_room_for_them(order: uuid.UUID) -> None:
    cancellation = uuid.uuid4()
    put_stock(MAX_STOCK - 1, book=2)
    with pytest.raises(Invalid, match="room for 1 more"):
        give_back(order, cancellation=cancellation)
    assert (stock(1), stock(2)) == (48, MAX_STOCK - 1)
    put_stock(MAX_STOCK - 5, book=2)
    give_back(order, cancellation=cancellation)
    assert (stock(1), stock(2)) == (50, MAX_STOCK)


def test_a_repeated_sale_gets_its_answer_after_the_copies_came_back(order: uuid.UUID) -> None:
    give_back(order)
    again = order_sell(order=order, lines=BASKET, deadline=None, is_first_attempt=False).value
    assert again.is_repeat
    assert [(line.book, line.quantity) for line in again.lines] == [(1, 2), (2, 5)]
    assert (stock(1), stock(2)) == (50, 50)


def test_lists_of_sales_and_returns_are_in_order_and_never_cut_one(order: uuid.UUID) -> None:
    give_back(order, Line(1, 1), Line(2, 1))
    book_restock(book_id=1, quantity=1, actor="ann")
    order_sell(order=uuid.uuid4(), lines=[Line(1, 1)], deadline=None, is_first_attempt=False)
    give_back(order, Line(2, 4), Line(1, 1))
    for limit in range(1, 8):
        found, after = [], 0
        with reads.reading("catalog"):
            while movements := movements_of(selectors.moved_after(after, limit)):
                found += parse_movements(movements_as_json(movements))
                after = found[-1].last
        assert [[line.book for line in each.lines] for each in found] == [[1, 2], [1, 2], [1], [2, 1]]
        assert [isinstance(each, Return) for each in found] == [False, True, False, True]


@pytest.mark.parametrize("members", [{"cancellation": ""}, {"order": None}, {"change": 1}])
def test_the_database_refuses_a_return_that_is_none(order: uuid.UUID, members: dict[str, object]) -> None:
    fields = {"cancellation": str(uuid.uuid4()), "order": order, "change": 2} | members

    def write() -> None:
        entry = LedgerEntry.objects.filter(kind="sale", book=1).get()
        entry.pk, entry.kind = None, LedgerEntry.Kind.RETURN
        for name, value in fields.items():
            setattr(entry, name, value)
        Book.objects.filter(pk=1).update(quantity=48 + int(entry.change), version=9)
        entry.save(force_insert=True)

    with pytest.raises(IntegrityError):
        run("catalog", write)


@pytest.mark.large
def test_a_ledger_without_returns_goes_back_to_the_schema_of_before(order: uuid.UUID, settings: Settings) -> None:
    settings.REPLICATION = settings.REPLICATION | {"LEASE_S": 0}
    call_command("migrate", "catalog_app", "0005", database="catalog-1", verbosity=0)
    call_command("migrate", database="catalog-1", verbosity=0)
    assert_copies_equal("catalog")
    give_back(order)
    with pytest.raises(IrreversibleError, match="2 rows of the ledger are returns"):
        call_command("migrate", "catalog_app", "0005", database="catalog-1", verbosity=0)
    assert stock(2) == 50
