"""A writer that dies between any two steps: what it left is finished, once, and never seen half."""

import uuid
from pathlib import Path

import pytest

from bookstore_project.api.sales import Line
from bookstore_project.replication import failpoints, reads
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from bookstore_project.replication.tests.support.maintenance import Maintenance
from bookstore_project.replication.tests.support.replica_files import (
    KilledAt,
    Rows,
    assert_copies_equal,
    floor,
    head,
    opened,
    rows,
)
from bookstore_project.replication.transaction import run, settle
from catalog_app.models import Book
from catalog_app.sales import order_sell

pytestmark = pytest.mark.processes

ORDER = uuid.UUID(int=42)
SELL = (
    "import uuid; from bookstore_project.api.sales import Line; from catalog_app.sales import order_sell\n"
    "order_sell(order=uuid.UUID(int=42), lines=[Line(1, 3)], deadline=None, is_first_attempt=False)"
)
POINTS = ["begun", "before-commit", "committed-catalog-1", "committed-catalog-2", "committed", "invalidated", "floor"]
BEFORE_ANY_COMMIT = POINTS[:2]


def sell_again() -> bool:
    sold = order_sell(order=ORDER, lines=[Line(1, 3)], deadline=None, is_first_attempt=False)
    return sold.value.is_repeat


def sales(alias: str) -> Rows:
    return rows(alias, f"SELECT count(*) FROM catalog_app_ledgerentry WHERE \"order\" = '{ORDER.hex}'")


@pytest.mark.parametrize("point", POINTS)
def test_a_sale_cut_short_is_made_once_by_the_retry(seven_books: Path, killed_at: KilledAt, point: str) -> None:
    killed_at(point, SELL)
    assert sell_again() is (point not in BEFORE_ANY_COMMIT)
    for alias in ("catalog-1", "catalog-2"):
        assert sales(alias) == [(1,)]
        assert rows(alias, "SELECT quantity FROM catalog_app_book WHERE id = 1") == [(47,)]
    assert_copies_equal("catalog")


@pytest.mark.parametrize("first", ["catalog-1", "catalog-2"])
@pytest.mark.parametrize("point", ["committed-catalog-1", "committed"])
def test_no_read_shows_old_after_new(seven_books: Path, killed_at: KilledAt, point: str, first: str) -> None:
    killed_at(point, SELL)
    second = "catalog-2" if first == "catalog-1" else "catalog-1"
    seen = []
    for alias in (first, second, first):
        with reads.reading("catalog", alias=alias):
            seen.append(Book.objects.get(pk=1).quantity)
    assert seen == sorted(seen, reverse=True), "an old value came after the new one"
    settle("catalog")
    assert_copies_equal("catalog")


def test_a_read_finishes_what_a_dead_writer_left(seven_books: Path, killed_at: KilledAt) -> None:
    before = floor("catalog")
    killed_at("committed", SELL)
    assert floor("catalog") == before
    with reads.reading("catalog", alias="catalog-2") as snapshot:
        assert snapshot.position == before + 1
        assert Book.objects.get(pk=1).quantity == 47
    assert_copies_equal("catalog")


def test_an_entry_on_one_file_only_is_rolled_forward_before_the_next_write(
    seven_books: Path, killed_at: KilledAt
) -> None:
    before = head("catalog-2")
    killed_at("committed-catalog-1", SELL)
    assert (head("catalog-1"), head("catalog-2")) == (before + 1, before)
    committed = run("catalog", lambda: Book.objects.get(pk=2).save())
    assert committed.position == before + 2
    assert_copies_equal("catalog")


@pytest.mark.parametrize("point", ["settle-rolled", "settle-committed", "settle-invalidated"])
def test_a_settler_that_dies_too_is_no_different(seven_books: Path, killed_at: KilledAt, point: str) -> None:
    killed_at("committed-catalog-1", SELL)
    killed_at(point, 'from bookstore_project.replication.transaction import settle; settle("catalog")')
    assert sell_again() is True
    assert sales("catalog-1") == sales("catalog-2") == [(1,)]
    assert_copies_equal("catalog")


def test_a_settled_entry_is_invalidated_before_it_becomes_visible(
    seven_books: Path, killed_at: KilledAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_at("committed", SELL)
    told: list[tuple[int, int, list[str]]] = []
    monkeypatch.setattr(
        "bookstore_project.replication.invalidation.pushes.invalidate",
        lambda timeline, entries: told.extend((floor("catalog"), e.position, e.cache_keys) for e in entries),
    )
    before = floor("catalog")
    settle("catalog")
    assert told == [(before, before + 1, ["book:1"])]


def test_a_repeat_that_changes_nothing_is_answered_after_settling(seven_books: Path, killed_at: KilledAt) -> None:
    killed_at("committed-catalog-1", SELL)
    order: list[str] = []
    failpoints.hooks["settle-invalidated"] = lambda: order.append("settled")
    assert sell_again() is True
    assert order == ["settled"]
    assert floor("catalog") == head("catalog-1") == head("catalog-2")


@pytest.mark.parametrize(
    ("alias", "damage", "complaint"),
    [
        ("catalog-2", "hash = 'another'", "departs"),
        ("catalog-1", "payload = replace(payload, '47', '48')", "hash chain breaks"),
    ],
)
def test_a_log_that_does_not_fit_is_not_rolled_forward(
    seven_books: Path, killed_at: KilledAt, alias: str, damage: str, complaint: str
) -> None:
    killed_at("committed-catalog-1", SELL)
    with opened(alias) as connection:
        connection.execute(f"UPDATE replication_logentry SET {damage} WHERE position = {head(alias)}")
    sell_again()
    witness = read_witness(get_service("catalog").witness_file)
    assert alias not in witness.in_sync
    assert complaint in witness.out[alias].reason
    Maintenance(get_service("catalog")).step()
    assert_copies_equal("catalog")
    assert rows(alias, "SELECT quantity FROM catalog_app_book WHERE id = 1") == [(47,)]
