"""Lab 1: does one copy of each book stay in the shop window, whoever asks for how many, how, and when?"""

import threading
import uuid
from pathlib import Path
from typing import Any

import pytest

from bookstore_project.api.problems import StoreError
from bookstore_project.api.sales import Line
from bookstore_project.replication import failpoints
from bookstore_project.replication.tests.support.replica_files import rows
from bookstore_project.replication.transaction import run
from catalog_app import sales
from catalog_app.errors import LinesUnavailable, OutOfStock
from catalog_app.services import book_update
from tests.actors import Actor, Pause
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.usefixtures("seven_books")


def put_stock(copies: int, book: int = 1) -> None:
    book_update(book_id=book, fields={"quantity": copies}, actor="check")


def stock(book: int = 1) -> int:
    return int(str(rows("catalog-1", f"SELECT quantity FROM catalog_app_book WHERE id = {book}")[0][0]))


def buy(*lines: Line, order: uuid.UUID | None = None) -> StoreError | None:
    """Why not; None if it was sold."""
    try:
        sales.order_sell(order=order or uuid.uuid4(), lines=lines, deadline=None, is_first_attempt=False)
    except StoreError as error:
        return error
    return None


def assert_refused(error: StoreError | None, left: int) -> None:
    assert error is not None, f"it was sold; {stock()} copies of book 1 are left"
    assert isinstance(error, OutOfStock | LinesUnavailable), f"it was refused by {error!r}"
    (line,) = error.extra["lines"]
    assert line["left"] == left, f"the refusal says that {line['left']} are left, not {left}"


def test_the_last_copy_stays(seven_books: Path) -> None:
    """Of two copies one is sold; the second customer hears `out_of_stock`, and that none is left."""
    put_stock(2)
    assert buy(Line(1, 1)) is None, "the first copy of two was refused"
    assert_refused(buy(Line(1, 1)), 0)
    assert stock() == 1


def test_who_wants_all_gets_none() -> None:
    """Who wants all three copies is refused, and hears that two are left; then two are sold."""
    put_stock(3)
    assert_refused(buy(Line(1, 3)), 2)
    assert buy(Line(1, 2)) is None, "two copies of three were refused"
    assert stock() == 1


def test_what_is_gone_stays_gone() -> None:
    """Of a book that has no copy at all, none is left: not minus one."""
    put_stock(0)
    assert_refused(buy(Line(1, 1)), 0)


def test_baskets() -> None:
    """A basket with the last copy of one book in it is refused as a whole."""
    put_stock(1, book=1)
    before = stock(2)
    assert_refused(buy(Line(2, 1), Line(1, 1)), 0)
    assert (stock(1), stock(2)) == (1, before)


def test_a_refusal_stays_what_it_was() -> None:
    """A purchase that was refused is refused again under its key, with the same answer."""
    put_stock(2)
    order = uuid.uuid4()
    first = buy(Line(1, 2), order=order)
    assert_refused(first, 1)
    put_stock(50)
    assert_refused(buy(Line(1, 2), order=order), 1)


def test_two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second customer comes while the first one's sale is under way: one of them gets the one copy for sale."""
    put_stock(2)
    came = threading.Semaphore(0)

    def noted(*arguments: Any, **options: Any) -> Any:
        came.release()
        return run(*arguments, **options)

    monkeypatch.setattr(sales, "run", noted)
    failpoints.hooks["before-commit"] = hold = Pause()
    first = Actor(lambda: buy(Line(1, 1)))
    hold.wait_until_reached()
    assert came.acquire(timeout=PATIENCE_S)
    second = Actor(lambda: buy(Line(1, 1)))
    while second.is_alive() and not came.acquire(timeout=0.1):
        pass  # It looks, or waits for the lock.
    hold.let_go()
    refused = [error for error in (first.result(), second.result()) if error is not None]
    assert len(refused) == 1, f"{2 - len(refused)} copies were sold; {stock()} are left"
    assert stock() == 1
