"""Sales: at most once per order, never more than there is, and an answer stays what it was."""

import time
import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from django.db.models import F

from bookstore_project.api.problems import IdempotencyConflict, NotFound, StoreError, Unavailable
from bookstore_project.api.sales import Line, Sale
from bookstore_project.replication import failpoints, reads
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, head, rows
from bookstore_project.replication.transaction import run
from catalog_app.errors import OutOfStock
from catalog_app.models import Book, LedgerEntry
from catalog_app.sales import order_sell
from catalog_app.services import book_create, book_restock, book_retire, book_update
from tests.actors import Actor, Pause, all_at_once

pytestmark = pytest.mark.every_engine

BOTH = ("catalog-1", "catalog-2")


def sell(
    order: uuid.UUID,
    *,
    book: int = 1,
    quantity: int = 1,
    deadline: float | None = None,
    is_first_attempt: bool = False,
) -> Sale:
    lines = [Line(book, quantity)]
    return order_sell(order=order, lines=lines, deadline=deadline, is_first_attempt=is_first_attempt).value


def refused(order: uuid.UUID, *, book: int = 1, quantity: int = 1, is_first_attempt: bool = False) -> StoreError:
    with pytest.raises((OutOfStock, NotFound)) as caught:
        sell(order, book=book, quantity=quantity, is_first_attempt=is_first_attempt)
    return caught.value


def put_stock(copies: int, book: int = 1) -> None:
    book_update(book_id=book, fields={"quantity": copies}, actor="test")


def stock(book: int = 1) -> int:
    found = {rows(alias, f"SELECT quantity FROM catalog_app_book WHERE id = {book}")[0][0] for alias in BOTH}
    assert len(found) == 1
    return int(str(found.pop()))


def assert_ledger_explains_stock() -> None:
    for alias in BOTH:
        assert not rows(
            alias,
            "SELECT book.id FROM catalog_app_book AS book LEFT JOIN catalog_app_ledgerentry AS entry "
            "ON entry.book_id = book.id GROUP BY book.id HAVING book.quantity <> coalesce(sum(entry.change), 0)",
        )


@pytest.fixture
def order(seven_books: Path) -> uuid.UUID:
    return uuid.uuid4()


def test_forty_buyers_share_twenty_copies(seven_books: Path) -> None:
    put_stock(20)
    actors = all_at_once([lambda: sell(uuid.uuid4())] * 40)
    assert sum(isinstance(actor.value, Sale) for actor in actors) == 20
    assert sum(isinstance(actor.error, OutOfStock) for actor in actors) == 20
    assert stock() == 0
    assert_ledger_explains_stock()
    assert_copies_equal("catalog")


def test_sellers_of_one_order_sell_it_once(order: uuid.UUID) -> None:
    sales = [actor.result() for actor in all_at_once([lambda: sell(order, quantity=2)] * 8)]
    assert sorted(sale.is_repeat for sale in sales if isinstance(sale, Sale)) == [False] + [True] * 7
    assert len({sale.lines for sale in sales if isinstance(sale, Sale)}) == 1
    assert stock() == 48


def test_a_repeat_gets_title_and_price_as_sold(order: uuid.UUID) -> None:
    first = sell(order, quantity=2)
    book_update(book_id=1, fields={"title": "New", "price": 1}, actor="test")
    again = sell(order, quantity=2)
    assert again.is_repeat
    assert (again.lines, again.sold_at) == (first.lines, first.sold_at)
    assert stock() == 48


@pytest.mark.parametrize(("book", "quantity"), [(2, 1), (1, 2)])
def test_an_order_that_asks_for_something_else_is_a_conflict(order: uuid.UUID, book: int, quantity: int) -> None:
    sell(order)
    with pytest.raises(IdempotencyConflict):
        sell(order, book=book, quantity=quantity)
    assert (stock(1), stock(2)) == (49, 50)


def test_a_refusal_stays_a_refusal(order: uuid.UUID) -> None:
    first = refused(order, quantity=51)
    book_restock(book_id=1, quantity=100, actor="test")
    again = refused(order, quantity=51)
    assert (again.detail, first.is_repeat, again.is_repeat) == (first.detail, False, True)
    assert stock() == 150
    with pytest.raises(IdempotencyConflict):
        sell(order, quantity=1)
    assert_ledger_explains_stock()
    assert_copies_equal("catalog")


def test_the_first_attempt_of_a_key_nobody_knows_leaves_no_refusal(order: uuid.UUID) -> None:
    position = head("catalog-1")
    refused(order, quantity=51, is_first_attempt=True)
    refused(order, book=99, is_first_attempt=True)
    assert head("catalog-1") == position
    book_restock(book_id=1, quantity=1, actor="test")
    assert not sell(order, quantity=51).is_repeat


def test_a_late_attempt_of_a_refused_order_sells_nothing(order: uuid.UUID) -> None:
    """It set out first, stalled, and comes when the client has been told no."""
    put_stock(0)
    refused(order)
    book_restock(book_id=1, quantity=5, actor="test")
    with pytest.raises(OutOfStock):
        sell(order, is_first_attempt=True)
    assert stock() == 5


def test_an_attempt_after_its_deadline_sells_nothing(order: uuid.UUID) -> None:
    position = head("catalog-1")
    with pytest.raises(Unavailable, match="after its deadline"):
        sell(order, deadline=time.time() - 0.001)
    assert (stock(), head("catalog-1")) == (50, position)
    assert not sell(order, deadline=time.time() + 60).is_repeat


def test_the_deadline_is_checked_under_the_lock(order: uuid.UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    pause = Pause()
    failpoints.hooks["begun"] = pause
    deadline = time.time() + 60
    seller = Actor(lambda: sell(order, deadline=deadline))
    pause.wait_until_reached()
    monkeypatch.setattr("bookstore_project.nodes.deadlines.time.time", lambda: deadline + 1)
    pause.let_go()
    with pytest.raises(Unavailable, match="after its deadline"):
        seller.result()
    assert stock() == 50


def test_what_was_sold_in_time_is_told_after_the_deadline(order: uuid.UUID) -> None:
    sell(order)
    assert sell(order, deadline=time.time() - 1).is_repeat


def test_an_unknown_book_stays_unknown_to_its_order(order: uuid.UUID) -> None:
    assert refused(order, book=8).is_repeat is False
    book_create(fields={"title": "Late", "topic": "t", "price": 1, "quantity": 5}, actor="test")
    assert run("catalog", lambda: Book.objects.filter(pk=8).exists()).value
    again = refused(order, book=8)
    assert (again.code, again.is_repeat) == ("not_found", True)
    with pytest.raises(IdempotencyConflict):
        sell(order, book=1)
    assert not sell(uuid.uuid4(), book=8).is_repeat


def test_a_retired_book_is_not_sold(order: uuid.UUID) -> None:
    sell(order)
    book_retire(book_id=1, actor="test")
    assert refused(uuid.uuid4()).code == "not_found"
    assert sell(order).is_repeat, "an answer given once stays true"
    assert stock() == 49


@pytest.mark.parametrize("sells", [sell, lambda order: refused(order, quantity=51)])
def test_sales_and_refusals_leave_one_ledger_row(order: uuid.UUID, sells: Callable[[uuid.UUID], object]) -> None:
    for _ in range(3):
        sells(order)
    for alias in BOTH:
        ((count,),) = rows(alias, f"SELECT count(*) FROM catalog_app_ledgerentry WHERE \"order\" = '{order.hex}'")
        assert count == 1
    assert_ledger_explains_stock()


def test_the_ledger_row_of_a_sale_survives_as_sold(seven_books: Path) -> None:
    order = uuid.uuid4()
    sell(order)
    run("catalog", lambda: Book.objects.filter(pk=1).update(title="New", price=1, version=F("version") + 1))
    with reads.reading("catalog"):
        row = LedgerEntry.objects.get(order=order)
        assert (row.title, row.unit_price) == ("How to get a good grade in DOS in 40 minutes a day", Decimal("30.00"))
