"""The audit of files at rest: what it must find in those of a store that has sold something."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bookstore_project.sqlite_files import opened
from tests.chaos.audit import (
    is_judged,
    ledger_gaps,
    order_gaps,
    return_gaps,
    taken_back,
    unequal_files,
    wait_until_swept,
)
from tests.chaos.checker import Violation
from tests.chaos.history import NEVER, Asked, Kind, Outcome, Recorder, State, read_history
from tests.chaos.injector import Doubt
from tests.chaos.log_recorder import LogRecorder, RecordedEntry, steps_of
from tests.client import Shop
from tests.databases import SERVICES, files
from tests.store import Store
from tests.writer_lock import held

Check = Callable[[Store], Iterator[str]]


@pytest.fixture
def resting(shared_store: Store, shop: Shop, tmp_path: Path) -> Store:
    """A copy of the files of a store with an order in it; nothing runs there."""
    assert shop.front.buy(1).status == 201
    order = shop.front.buy(2, 3).json["id"]
    assert shop.front.cancel(order, [(2, 2)]).status == 200
    wait_until_swept(shared_store)
    copy = Store(tmp_path / "var")
    for service in SERVICES:
        (copy.data / "locks" / service / "mutex").mkdir(parents=True)
        with held(shared_store.data / "locks" / service / "mutex"):  # The sweeper may write between the two.
            for path, target in zip(files(shared_store, service), files(copy, service), strict=True):
                target.parent.mkdir(parents=True)
                with opened(path) as source, closing(sqlite3.connect(target)) as sink:
                    source.backup(sink)
    return copy


def change(store: Store, service: str, sql: str) -> None:
    """In both files, so that they don't differ."""
    for path in files(store, service):
        with opened(path, is_writable=True) as connection:
            connection.execute(sql)


def test_files_of_a_healthy_store_pass(resting: Store) -> None:
    assert [*unequal_files(resting), *ledger_gaps(resting), *order_gaps(resting), *return_gaps(resting)] == []


@pytest.mark.parametrize(
    ("check", "service", "sql"),
    [
        (order_gaps, "order", "DELETE FROM order_app_orderline"),
        (order_gaps, "order", "UPDATE order_app_orderline SET quantity = quantity + 1"),
        (order_gaps, "catalog", "DELETE FROM catalog_app_ledgerentry WHERE kind = 'sale'"),
        (return_gaps, "order", "DELETE FROM order_app_cancelledline"),
        (return_gaps, "order", "UPDATE order_app_orderline SET cancelled = 0"),
        (return_gaps, "order", "UPDATE order_app_order SET status = 'cancelled'"),
        (return_gaps, "catalog", "DELETE FROM catalog_app_ledgerentry WHERE kind = 'return'"),
        (ledger_gaps, "catalog", "UPDATE catalog_app_book SET quantity = quantity - 1 WHERE id = 1"),
        (ledger_gaps, "catalog", "UPDATE catalog_app_ledgerentry SET balance = balance + 1 WHERE kind = 'sale'"),
    ],
)
def test_what_does_not_add_up_is_found(resting: Store, check: Check, service: str, sql: str) -> None:
    change(resting, service, sql)
    assert list(check(resting))


def test_files_that_differ_are_found(resting: Store) -> None:
    with opened(files(resting, "catalog")[1], is_writable=True) as connection:
        connection.execute("UPDATE catalog_app_book SET price = price + 1 WHERE id = 3")
    assert any("catalog_app_book" in told for told in unequal_files(resting))


def test_the_recorder_tells_each_version_and_notices_what_is_taken_back(shared_store: Store, shop: Shop) -> None:
    recorder = LogRecorder(shared_store, "catalog")
    recorder.look()
    given = recorder.head
    order = shop.front.buy(2, 3).json
    recorder.look()
    before, sold = steps_of(recorder.entries, given)[2][-2:]
    assert before.is_given
    assert sold.orders == (order["id"],)
    assert (sold.change, sold.state.quantity) == (-3, before.state.quantity - 3)
    now = {entry.position: entry for entry in recorder.entries}
    assert list(taken_back(recorder, now)) == []
    assert list(taken_back(recorder, {**now, given: RecordedEntry(given, 1, "[]", "[]", "another")}))
    del now[recorder.head]
    assert list(taken_back(recorder, now))


def test_a_party_that_was_killed_leaves_its_operation_open(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "actor")
    recorder.ask(Asked(Kind.READ, 1))
    recorder.answer(Outcome.OK, state=State(1, 2, "3.00"), via="catalog-1")
    recorder.ask(Asked(Kind.SELL, 1, "order", 2))
    recorder.killed_at("begun")
    recorder.close()
    (done, cut_short), points = read_history(tmp_path)
    assert (done.outcome, done.state, points) == (Outcome.OK, State(1, 2, "3.00"), ["begun"])
    assert (cut_short.outcome, cut_short.responded, cut_short.asked.copies) == (Outcome.OPEN, NEVER, 2)


def test_reads_of_a_file_with_hidden_damage_are_not_judged_and_all_others_are(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "actor")
    recorder.ask(Asked(Kind.READ, 1))
    recorder.answer(Outcome.OK, state=State(1, 2, "3.00"), via="catalog-1")
    recorder.close()
    ((read,), _) = read_history(tmp_path)
    assert is_judged(read, [])
    assert is_judged(read, [Doubt("catalog-2", 0, NEVER), Doubt("catalog-1", 0, read.invoked - 60)])
    assert not is_judged(read, [Doubt("catalog-1", read.responded, NEVER)])


def test_a_violation_shows_its_evidence() -> None:
    assert str(Violation("sold twice", ("one", "two"))).splitlines() == ["sold twice", "      one", "      two"]
