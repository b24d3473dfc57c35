"""An order of several books: all lines or none, once, and a no that names what is missing."""

import uuid
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from bookstore_project.api.problems import IdempotencyConflict, NotFound
from bookstore_project.api.sales import Line, Sale
from bookstore_project.replication import reads
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, head, rows
from bookstore_project.replication.transaction import run
from catalog_app import selectors
from catalog_app.errors import LinesUnavailable, OutOfStock, PriceChanged
from catalog_app.models import KeyedAnswer
from catalog_app.sales import order_sell, sales_of
from catalog_app.services import book_create, book_restock, book_retire, book_update
from catalog_app.tests.test_selling import assert_ledger_explains_stock, put_stock, stock
from tests.actors import all_at_once

pytestmark = pytest.mark.every_engine

BASKET = (Line(3, 2), Line(1, 1), Line(2, 5))


@pytest.fixture
def order(seven_books: Path) -> uuid.UUID:
    return uuid.uuid4()


def sell(order: uuid.UUID, *lines: Line, is_first_attempt: bool = False) -> Sale:
    return order_sell(order=order, lines=lines, deadline=None, is_first_attempt=is_first_attempt).value


def missing(error: Exception) -> list[tuple[int, str, int, int]]:
    assert isinstance(error, LinesUnavailable | OutOfStock | PriceChanged | NotFound)
    return [(line["book"], line["code"], line["asked"], line["left"]) for line in error.extra["lines"]]


def test_all_lines_are_sold_in_one_transaction_and_numbered_one_after_the_other(order: uuid.UUID) -> None:
    before = head("catalog-1")
    sale = sell(order, *BASKET)
    assert [(line.book, line.quantity) for line in sale.lines] == [(3, 2), (1, 1), (2, 5)]
    first = sale.lines[0].number
    assert [line.number for line in sale.lines] == [first, first + 1, first + 2]
    assert [stock(book) for book in (1, 2, 3)] == [49, 45, 48]
    assert head("catalog-1") == before + 1
    assert_ledger_explains_stock()
    assert_copies_equal("catalog")


def test_a_repeat_sells_nothing_more_whatever_its_lines_order(order: uuid.UUID) -> None:
    first = sell(order, *BASKET)
    again = sell(order, *reversed(BASKET))
    assert (again.lines, again.is_repeat) == (first.lines, True)
    assert [stock(book) for book in (1, 2, 3)] == [49, 45, 48]


@pytest.mark.parametrize(
    "other",
    [BASKET[:2], (*BASKET, Line(4, 1)), (Line(3, 2), Line(1, 1), Line(2, 4)), (Line(3, 2), Line(1, 1), Line(4, 5))],
)
def test_a_repeat_with_other_lines_is_a_conflict(order: uuid.UUID, other: tuple[Line, ...]) -> None:
    sell(order, *BASKET)
    with pytest.raises(IdempotencyConflict) as caught:
        sell(order, *other)
    assert caught.value.extra == {"is_bought": True}
    assert [stock(book) for book in (1, 2, 3, 4)] == [49, 45, 48, 50]


def test_nothing_is_sold_if_a_line_is_missing_and_each_missing_one_is_named(order: uuid.UUID) -> None:
    put_stock(3, book=1)
    put_stock(0, book=2)
    book_update(book_id=4, fields={"price": Decimal("9.99")}, actor="test")
    book_retire(book_id=5, actor="test")
    lines = (
        Line(1, 4),
        Line(2, 1),
        Line(3, 1),
        Line(4, 1, Decimal("10.00")),
        Line(5, 1),
        Line(99, 2),
    )
    with pytest.raises(LinesUnavailable) as caught:
        sell(order, *lines)
    assert missing(caught.value) == [
        (1, "out_of_stock", 4, 3),
        (2, "out_of_stock", 1, 0),
        (4, "price_changed", 1, 50),
        (5, "not_found", 1, 0),
        (99, "not_found", 2, 0),
    ]
    assert "3 copies are left of" in str(caught.value)
    assert "costs 9.99 now" in str(caught.value)
    assert [stock(book) for book in (1, 2, 3, 4)] == [3, 0, 50, 50]
    assert rows("catalog-2", "SELECT book_id, quantity FROM catalog_app_ledgerentry WHERE kind = 'refusal'") == [
        (1, 4),
        (2, 1),
    ]
    assert_ledger_explains_stock()
    assert_copies_equal("catalog")


def test_a_refused_basket_stays_refused_word_for_word(order: uuid.UUID) -> None:
    put_stock(0, book=1)
    with pytest.raises(LinesUnavailable) as first:
        sell(order, *BASKET)
    book_restock(book_id=1, quantity=10, actor="test")
    with pytest.raises(LinesUnavailable) as again:
        sell(order, *BASKET)
    assert (again.value.detail, missing(again.value)) == (first.value.detail, missing(first.value))
    assert (first.value.is_repeat, again.value.is_repeat) == (False, True)
    with pytest.raises(IdempotencyConflict) as other:
        sell(order, *BASKET[:2])
    assert other.value.extra == {"is_bought": False}
    assert not sell(uuid.uuid4(), *BASKET).is_repeat
    assert_copies_equal("catalog")


def test_the_first_attempt_of_a_key_nobody_knows_leaves_no_refusal(order: uuid.UUID) -> None:
    put_stock(0, book=1)
    before = head("catalog-1")
    with pytest.raises(LinesUnavailable):
        sell(order, *BASKET, is_first_attempt=True)
    assert head("catalog-1") == before


def test_at_another_price_than_seen_nothing_is_sold_and_at_the_same_one_it_is(order: uuid.UUID) -> None:
    seen = Decimal("30.00")
    book_update(book_id=1, fields={"price": Decimal("31.00")}, actor="test")
    for is_repeat in (False, True):
        with pytest.raises(PriceChanged) as caught:
            sell(order, Line(1, 1, seen))
        assert (missing(caught.value), caught.value.is_repeat) == ([(1, "price_changed", 1, 50)], is_repeat)
    assert caught.value.extra["lines"][0]["unit_price"] == "31.00"
    assert stock() == 50
    other = uuid.uuid4()
    sale = sell(other, Line(1, 1, Decimal("31.00")))
    assert sale.lines[0].unit_price == Decimal("31.00")
    assert sell(other, Line(1, 1, Decimal("31.00"))).is_repeat
    with pytest.raises(IdempotencyConflict):
        sell(other, Line(1, 1, seen))


def test_a_single_missing_line_says_what_is_left_when_asked_again(order: uuid.UUID) -> None:
    for is_repeat in (False, True):
        with pytest.raises(OutOfStock) as caught:
            sell(order, Line(1, 51))
        assert (missing(caught.value), caught.value.is_repeat) == ([(1, "out_of_stock", 51, 50)], is_repeat)


def test_baskets_that_share_books_never_sell_more_than_there_is(seven_books: Path) -> None:
    """Twenty copies of each of three books, forty baskets of two of them, in every order."""
    for book in (1, 2, 3):
        put_stock(20, book)
    pairs = [(Line(a, 1), Line(b, 1)) for a, b in ((1, 2), (2, 3), (3, 1), (2, 1))] * 10
    actors = all_at_once([partial(sell, uuid.uuid4(), *lines) for lines in pairs])
    sold = [actor.value for actor in actors if isinstance(actor.value, Sale)]
    assert all(isinstance(actor.error, LinesUnavailable) for actor in actors if actor.value is None)
    for book in (1, 2, 3):
        assert stock(book) == 20 - sum(line.book == book for sale in sold for line in sale.lines)
    assert_ledger_explains_stock()
    assert_copies_equal("catalog")


def test_lists_of_sales_never_cut_a_basket(order: uuid.UUID) -> None:
    sell(uuid.uuid4(), Line(4, 1))
    sell(order, *BASKET)
    sell(uuid.uuid4(), Line(4, 1))
    for limit in (2, 3, 4, 100):
        listed, after = [], 0
        while True:
            with reads.reading("catalog"):
                found = sales_of(selectors.moved_after(after, limit))
            if not found:
                break
            listed += [len(sale.lines) for sale in found]
            after = found[-1].lines[-1].number
        assert listed == [1, 3, 1]


def test_a_refusal_that_was_recorded_before_orders_had_lines_is_told_as_ever(order: uuid.UUID) -> None:
    run("catalog", lambda: KeyedAnswer.objects.create(key=order, fingerprint="1 of 8", status=404))
    book_create(fields={"title": "Late", "topic": "t", "price": 1, "quantity": 5}, actor="test")
    with pytest.raises(NotFound) as caught:
        sell(order, Line(8, 1))
    assert caught.value.is_repeat
