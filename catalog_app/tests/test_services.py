"""What staff does to books: each change whole, explained in the ledger, and made once per key."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bookstore_project.api import etags
from bookstore_project.api.problems import IdempotencyConflict, Invalid, NotFound, PreconditionFailed, Unavailable
from bookstore_project.api.representations import MAX_STOCK
from bookstore_project.replication import reads
from bookstore_project.replication.sqlite_pair.locks.mutex import writer_lock
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from bookstore_project.replication.tests.support.replica_files import (
    Rows,
    assert_copies_equal,
    change_around,
    head,
    rows,
)
from bookstore_project.settings import topology
from catalog_app.restocking import restock_to
from catalog_app.selectors import book_get
from catalog_app.serializers import book_bytes
from catalog_app.services import book_create, book_restock, book_retire, book_update
from tests.actors import all_at_once
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.every_engine

KEY = "0123456789abcdef"
ISBN = "9780306406157"
FIELDS = {"title": "T", "authors": "A", "isbn13": None, "topic": "t", "price": Decimal("9.90"), "quantity": 3}


def body_of(book_id: int) -> bytes:
    with reads.reading("catalog"):
        return book_bytes(book_get(book_id))


def shown(book_id: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(body_of(book_id))
    return found


def ledger(book_id: int) -> Rows:
    return rows(
        "catalog-2",
        f"SELECT kind, change, balance, actor FROM catalog_app_ledgerentry WHERE book_id = {book_id} ORDER BY id",
    )


def test_a_new_book_begins_its_ledger(seven_books: Path) -> None:
    made = json.loads(book_create(fields=FIELDS, actor="ann").value.body)
    assert made == {
        "id": 8,
        "title": "T",
        "authors": "A",
        "isbn13": None,
        "topic": "t",
        "price": "9.90",
        "quantity": 3,
        "version": 1,
    }
    assert shown(8) == made
    assert ledger(8) == [("initial", 3, 3, "ann")]
    assert_copies_equal("catalog")


LATE: list[Callable[[float], object]] = [
    lambda deadline: book_create(fields=FIELDS, actor="ann", deadline=deadline),
    lambda deadline: book_create(fields=FIELDS, actor="ann", key=KEY, deadline=deadline),
    lambda deadline: book_update(book_id=1, fields={"quantity": 1}, actor="ann", deadline=deadline),
    lambda deadline: book_restock(book_id=1, quantity=1, actor="ann", deadline=deadline),
    lambda deadline: book_retire(book_id=1, actor="ann", deadline=deadline),
]


@pytest.mark.parametrize("change", LATE, ids=["create", "create with a key", "update", "restock", "retire"])
def test_what_comes_after_its_deadline_changes_nothing(seven_books: Path, change: Callable[[float], object]) -> None:
    before = head("catalog-1")
    with pytest.raises(Unavailable, match="after its deadline"):
        change(time.time() - 0.01)
    assert head("catalog-1") == before
    change(time.time() + 60)
    assert head("catalog-1") > before


@pytest.mark.two_files
def test_the_deadline_is_looked_at_under_the_lock(seven_books: Path) -> None:
    """Whoever waited for the lock past its deadline must not change anything: somebody was told that it failed."""
    deadline = time.time() + 0.05
    with ThreadPoolExecutor(1) as pool:
        with writer_lock(topology.lock_dir("catalog"), timeout_s=PATIENCE_S):
            late = pool.submit(book_retire, book_id=1, actor="ann", deadline=deadline)
            while time.time() <= deadline:
                time.sleep(0.001)
        with pytest.raises(Unavailable, match="after its deadline"):
            late.result()


def test_a_repeat_after_its_deadline_gets_the_answer_that_was_given(seven_books: Path) -> None:
    first = book_restock(book_id=1, quantity=1, actor="ann", key=KEY).value
    again = book_restock(book_id=1, quantity=1, actor="ann", key=KEY, deadline=1.0).value
    assert (again.body, again.is_repeat) == (first.body, True)


def test_a_kept_answer_has_the_status_with_which_it_was_given(seven_books: Path) -> None:
    book_create(fields=FIELDS, actor="ann", key=KEY)
    book_restock(book_id=1, quantity=1, actor="ann", key=KEY[::-1])
    kept = rows("catalog-1", "SELECT status FROM catalog_app_keyedanswer ORDER BY status")
    assert kept == [(200,), (201,)]


def test_an_edit_raises_the_version_and_a_changed_quantity_is_a_correction(seven_books: Path) -> None:
    book_update(book_id=1, fields={"price": Decimal("9.90"), "quantity": 12}, actor="ann")
    assert (shown(1)["price"], shown(1)["quantity"], shown(1)["version"]) == ("9.90", 12, 2)
    assert ledger(1)[1:] == [("correction", -38, 12, "ann")]
    assert_copies_equal("catalog")


def test_an_edit_to_what_it_is_already_changes_nothing(seven_books: Path) -> None:
    position, body = head("catalog-1"), body_of(1)
    committed = book_update(book_id=1, fields={"price": Decimal("30.00"), "quantity": 50}, actor="ann")
    assert (committed.value, committed.position, head("catalog-1")) == (body, position, position)


def test_if_match_lets_only_today_through(seven_books: Path) -> None:
    stale = etags.etag_of(body_of(1))
    book_update(book_id=1, fields={"price": Decimal(1)}, actor="ann", if_match=stale)
    for attempt in (
        lambda: book_update(book_id=1, fields={"price": Decimal(2)}, actor="ann", if_match=stale),
        lambda: book_retire(book_id=1, actor="ann", if_match=stale),
        lambda: book_update(book_id=1, fields={"price": Decimal(2)}, actor="ann", if_match='"other"'),
    ):
        with pytest.raises(PreconditionFailed, match="version 2"):
            attempt()
    assert shown(1)["price"] == "1.00"
    book_update(book_id=1, fields={"price": Decimal(3)}, actor="ann", if_match="*")
    book_retire(book_id=1, actor="ann", if_match=f'"x", {etags.etag_of(body_of(1))}')


def test_editors_with_one_etag_change_a_book_once(seven_books: Path) -> None:
    today = etags.etag_of(body_of(1))
    prices = map(Decimal, range(1, 7))
    actors = all_at_once(
        [lambda: book_update(book_id=1, fields={"price": next(prices)}, actor="a", if_match=today)] * 6
    )
    assert sum(actor.error is None for actor in actors) == 1
    assert shown(1)["version"] == 2


def test_a_restock_adds_copies(seven_books: Path) -> None:
    assert json.loads(book_restock(book_id=2, quantity=5, actor="ann").value.body)["quantity"] == 55
    assert ledger(2)[1:] == [("restock", 5, 55, "ann")]


def test_a_shelf_has_its_bounds(seven_books: Path) -> None:
    book_restock(book_id=2, quantity=MAX_STOCK - 50, actor="ann")
    with pytest.raises(Invalid, match="room for 0 more"):
        book_restock(book_id=2, quantity=1, actor="ann")
    assert shown(2)["quantity"] == MAX_STOCK


@pytest.mark.parametrize("book_id", [0, 99, 2**63, 10**30])
def test_unknown_books_are_not_found(seven_books: Path, book_id: int) -> None:
    for attempt in (
        lambda: book_update(book_id=book_id, fields={"price": 1}, actor="ann"),
        lambda: book_restock(book_id=book_id, quantity=1, actor="ann"),
        lambda: book_retire(book_id=book_id, actor="ann"),
    ):
        with pytest.raises(NotFound):
            attempt()


def test_a_retired_book_is_gone_and_its_ledger_stays(seven_books: Path) -> None:
    book_retire(book_id=1, actor="ann")
    with pytest.raises(NotFound):
        body_of(1)
    with pytest.raises(NotFound):
        book_retire(book_id=1, actor="ann")
    assert len(ledger(1)) == 1
    assert_copies_equal("catalog")


def test_an_isbn_is_on_sale_once(seven_books: Path) -> None:
    book_update(book_id=1, fields={"isbn13": ISBN}, actor="ann")
    for attempt in (
        lambda: book_create(fields={**FIELDS, "isbn13": ISBN}, actor="ann"),
        lambda: book_update(book_id=2, fields={"isbn13": ISBN}, actor="ann"),
    ):
        with pytest.raises(Invalid) as caught:
            attempt()
        assert caught.value.extra["errors"] == {"isbn13": ["A book with this ISBN-13 is on sale already."]}
    book_retire(book_id=1, actor="ann")
    book_update(book_id=2, fields={"isbn13": ISBN}, actor="ann")
    assert_copies_equal("catalog")


def test_a_second_book_without_isbn_is_a_second_book(seven_books: Path) -> None:
    for _ in range(2):
        book_create(fields=FIELDS, actor="ann")
    assert rows("catalog-1", "SELECT id, title, quantity FROM catalog_app_book WHERE id > 7") == [
        (number, FIELDS["title"], FIELDS["quantity"]) for number in (8, 9)
    ]
    assert_copies_equal("catalog")


# ------------------------------------------------------------------------------------------- idempotency keys


def test_a_repeated_creation_gets_the_bytes_of_the_first(seven_books: Path) -> None:
    first = book_create(fields=FIELDS, actor="ann", key=KEY).value
    book_update(book_id=8, fields={"price": Decimal(1)}, actor="ann")
    again = book_create(fields=FIELDS, actor="ann", key=KEY).value
    assert (again.body, first.is_repeat, again.is_repeat) == (first.body, False, True)
    assert rows("catalog-1", "SELECT count(*) FROM catalog_app_book") == [(8,)]
    assert_copies_equal("catalog")


def test_a_repeated_restock_adds_copies_once(seven_books: Path) -> None:
    actors = all_at_once([lambda: book_restock(book_id=1, quantity=5, actor="ann", key=KEY).value.body] * 6)
    assert len({actor.result() for actor in actors}) == 1
    assert shown(1)["quantity"] == 55
    assert len(ledger(1)) == 2


def test_a_key_serves_one_request_only(seven_books: Path) -> None:
    book_restock(book_id=1, quantity=5, actor="ann", key=KEY)
    with pytest.raises(IdempotencyConflict):
        book_restock(book_id=1, quantity=6, actor="ann", key=KEY)
    with pytest.raises(IdempotencyConflict):
        book_restock(book_id=2, quantity=5, actor="ann", key=KEY)
    with pytest.raises(IdempotencyConflict):
        book_create(fields=FIELDS, actor="ann", key=KEY)
    assert (shown(1)["quantity"], shown(2)["quantity"]) == (55, 50)


def test_a_key_whose_request_failed_may_be_used_again(seven_books: Path) -> None:
    with pytest.raises(NotFound):
        book_restock(book_id=99, quantity=5, actor="ann", key=KEY)
    assert not book_restock(book_id=1, quantity=5, actor="ann", key=KEY).value.is_repeat


# ------------------------------------------------------------------------------------------ periodic restock


def test_a_periodic_restock_fills_up_what_is_low(seven_books: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog_app.restocking.BATCH", 2)
    for book_id, copies in ((1, 0), (2, 19), (3, 20), (4, 3)):
        book_update(book_id=book_id, fields={"quantity": copies}, actor="ann")
    book_update(book_id=5, fields={"quantity": 0}, actor="ann")
    book_retire(book_id=5, actor="ann")
    assert restock_to(20) == 3
    assert [shown(book_id)["quantity"] for book_id in (1, 2, 3, 4, 6)] == [20, 20, 20, 20, 50]
    assert ledger(2)[-1] == ("restock", 1, 20, "restock")
    assert rows("catalog-1", "SELECT quantity FROM catalog_app_book WHERE id = 5") == [(0,)]
    assert restock_to(20) == 0
    assert_copies_equal("catalog")


CHANGES: dict[str, Callable[[int], object]] = {
    "update": lambda book_id: book_update(book_id=book_id, fields={"topic": "new"}, actor="a"),
    "restock": lambda book_id: book_restock(book_id=book_id, quantity=1, actor="a"),
    "retire": lambda book_id: book_retire(book_id=book_id, actor="a"),
}


@pytest.mark.two_files
@pytest.mark.parametrize("change", CHANGES)
def test_a_row_that_one_file_has_lost_is_no_missing_book(seven_books: Path, change: str) -> None:
    change_around("catalog-1", "PRAGMA foreign_keys = OFF", "DELETE FROM catalog_app_book WHERE id = 1")
    CHANGES[change](1)
    assert read_witness(topology.witness_file("catalog")).in_sync == ("catalog-2",)
    assert rows("catalog-2", "SELECT version FROM catalog_app_book WHERE id = 1") == [(2,)]
