"""Orders that somebody changes by SQL, past the services: which guard finds it, on one file and on both."""

import sqlite3
import uuid
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from bookstore_project.archive.audit import Audit, audit
from bookstore_project.archive.tests.shop import buy, command
from bookstore_project.replication import reads
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from bookstore_project.replication.tests.support.maintenance import Maintenance
from bookstore_project.replication.tests.support.replica_files import (
    assert_copies_equal,
    change_around,
    execute,
    opened,
    rows,
)
from bookstore_project.replication.transaction import run
from bookstore_project.settings import topology
from order_app.cancellation import cancel
from order_app.models import Order
from order_app.order_changes import Asked, collect, refund, reopen
from order_app.tests.catalog import Wire, reach

SERVICE = get_service(topology.ORDER)
BOTH = tuple(SERVICE.aliases)
CHANGES = {
    "title": "UPDATE order_app_orderline SET title = 'Another', title_key = 'another'",
    "copies": "UPDATE order_app_orderline SET quantity = 2",
    "price": "UPDATE order_app_orderline SET unit_price = 0.01",
    "book": "UPDATE order_app_orderline SET book = 3",
    "moment": "UPDATE order_app_order SET created_at = '2031-01-01 00:00:00'",
    "first sale": "UPDATE order_app_order SET sale = 999",
    "collected": "UPDATE order_app_order SET status = 'collected'",
    "cancelled": "UPDATE order_app_order SET status = 'cancelled'",
    "refund": "UPDATE order_app_order SET refunded = 9.9",
}
OF_THE_LINE = ("title", "copies", "price", "book", "moment")
"""Compared with the ledger; the others with the order's lines and history."""


@pytest.fixture
def order(shop: Path, monkeypatch: pytest.MonkeyPatch) -> uuid.UUID:
    reach(Wire(), monkeypatch)
    return buy(2)


def audited() -> Audit:
    with reads.reading(topology.ORDER) as orders, reads.reading(topology.CATALOG) as catalog:
        return audit(reads.rows(catalog), reads.rows(orders))


def written() -> list[tuple[object, ...]]:
    with reads.reading(topology.ORDER):
        return list(Order.objects.values_list("status", "refunded", "lines__title", "lines__quantity"))


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_one_file_is_taken_back_with_the_file(order: uuid.UUID, change: str) -> None:
    """The triggers have noted it, and no entry of the log says it."""
    before = written()
    with opened(BOTH[0]) as tool:
        tool.execute(CHANGES[change])
    buy(3)
    assert read_witness(SERVICE.witness_file).in_sync == BOTH[1:]
    Maintenance(SERVICE).step()
    assert read_witness(SERVICE.witness_file).in_sync == BOTH
    assert written()[-1:] == before
    assert_copies_equal(topology.ORDER)
    assert audited().is_clean


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_one_file_that_no_trigger_saw_is_found_by_its_digest(order: uuid.UUID, change: str) -> None:
    before = written()
    change_around(BOTH[0], CHANGES[change])
    maintenance = Maintenance(SERVICE)
    maintenance.scrub()
    assert read_witness(SERVICE.witness_file).in_sync == BOTH[1:]
    maintenance.step()
    assert written() == before
    assert_copies_equal(topology.ORDER)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("is_seen", [True, False])
def test_a_change_of_both_files_is_sold_from_by_nobody(order: uuid.UUID, change: str, is_seen: bool) -> None:
    for alias in BOTH:
        if is_seen:
            with opened(alias) as tool:
                tool.execute(CHANGES[change])
        else:
            change_around(alias, CHANGES[change])
    if not is_seen:
        with suppress(Unavailable):
            Maintenance(SERVICE).scrub()
    with pytest.raises(Unavailable):
        collect(Asked(order, "ann"))
    with pytest.raises(CommandError):
        command("audit")


@pytest.mark.every_engine
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_is_replicated_is_found_by_the_audit(order: uuid.UUID, change: str) -> None:
    """In a shell, within a transaction: files and log are as they should be."""
    assert audited().is_clean
    run(topology.ORDER, lambda: execute(CHANGES[change]))
    assert_copies_equal(topology.ORDER)
    found = audited()
    is_of_line = change in OF_THE_LINE
    assert (found.differing, found.states_differing) == (int(is_of_line), int(not is_of_line))
    assert found.named
    with pytest.raises(CommandError, match="don't agree"):
        command("audit")


@pytest.mark.every_engine
def test_what_staff_did_is_no_fault(order: uuid.UUID) -> None:
    for made in (order, buy(3), buy(3)):
        cancel(Asked(made, "ann", "damaged"))
        refund(Asked(made, "ann"), Decimal("9.99"))
        refund(Asked(made, "ann"), None)
    collect(Asked(buy(1), "ann"))
    again = buy(1)
    for do in (collect, reopen, collect):
        do(Asked(again, "ann"))
    to_hand_out = buy(1)
    for do in (collect, reopen):
        do(Asked(to_hand_out, "ann"))
    refund(Asked(buy(1), "ann"), Decimal("0.29"))
    assert audited().is_clean
    assert {str(status) for (status,) in rows(BOTH[1], "SELECT status FROM order_app_order")} == {
        "completed", "collected", "cancelled",
    }  # fmt: skip


def test_a_history_that_lost_what_led_to_a_state_is_found(order: uuid.UUID) -> None:
    collect(Asked(order, "ann"))
    copy = sqlite3.connect(":memory:")
    with opened(BOTH[0]) as orders, opened("catalog-1") as catalog:
        orders.backup(copy)
        for (trigger,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            copy.execute(f'DROP TRIGGER "{trigger}"')
        copy.execute("DELETE FROM order_app_orderchange")
        assert audit(catalog.execute, copy.execute).states_differing == 1
    copy.close()
