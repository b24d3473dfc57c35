"""What a decision about one service means for the other is said before it is taken, and found afterwards."""

from pathlib import Path

import pytest
from django.core.management.base import CommandError

from bookstore_project.archive.tests.shop import buy, command, orders
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.service import get_service
from bookstore_project.replication.tests.support.maintenance import Maintenance
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, held, rows
from bookstore_project.settings import topology
from order_app.sweeper import Sweeper
from order_app.tests.catalog import Wire, reach


@pytest.fixture
def direct(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Wire:
    made = Wire()
    reach(made, monkeypatch)
    return made


def left_behind(alias: str, sales: int) -> None:
    """The alias's file misses these purchases, and the other file is lost."""
    with held(alias):
        for _ in range(sales):
            buy()
    service = topology.NODES[alias].service
    (gone,) = (name for name in get_service(service).aliases if name != alias)
    for leftover in topology.database_file(gone).parent.iterdir():
        leftover.unlink()
    with pytest.raises(Unavailable):
        buy()


def test_orders_whose_sales_an_older_catalog_lacks_are_counted_and_found(shop: Path) -> None:
    buy()
    left_behind("catalog-1", 2)
    text = command("replication", "promote", "catalog-1", "--yes")
    assert "2 orders would have no sale in the ledger" in text
    Maintenance(get_service("catalog")).step()
    with pytest.raises(CommandError, match="don't agree"):
        command("audit")
    # A sale's number is never given out again: the next purchase doesn't collide with an order of the lost history.
    assert buy() in orders(topology.database_file("order-1"))
    assert_copies_equal("catalog")


def test_orders_that_an_older_copy_lacks_are_written_again_from_the_ledger(direct: Wire) -> None:
    sweeper = Sweeper()
    kept = buy()
    left_behind_orders = [kept]
    with held("order-1"):
        left_behind_orders += [buy(), buy()]
    assert sweeper.sweep(grace_s=0) == 0
    for leftover in topology.database_file("order-2").parent.iterdir():
        leftover.unlink()
    text = command("replication", "promote", "order-1", "--yes")
    assert "2 sales have no order in these files: the sweeper writes them by the ledger" in text
    assert rows("order-1", "SELECT count(*) FROM order_app_order") == [(1,)]
    assert sweeper.sweep(grace_s=0) == 2, "the process that had swept them in the former history begins anew"
    Maintenance(get_service("order")).step()
    assert orders(topology.database_file("order-2")) == set(left_behind_orders)
    assert "Ledger and orders agree" in command("audit")
