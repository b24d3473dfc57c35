"""The sweeper: what was sold becomes an order, by whoever is left."""

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from bookstore_project.api.problems import Unavailable
from bookstore_project.api.sales import Line
from bookstore_project.nodes.client import NeverSent
from bookstore_project.replication.folder_locks import try_lock
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, rows
from bookstore_project.replication.transaction import run
from bookstore_project.settings import topology
from order_app import cancellation, clients, sweeper
from order_app.clients import Standing
from order_app.models import SweepMark
from order_app.purchase import purchase
from order_app.sweeper import Sweeper
from order_app.tests.catalog import Wire, sales_and_orders, sold

pytestmark = pytest.mark.every_engine

LOCK = topology.lock_dir(topology.ORDER) / "sweeper"


def sell(book: int = 1, quantity: int = 1) -> None:
    """A purchase whose process dies after the sale."""
    clients.sell(order=uuid.uuid4(), lines=[Line(book, quantity)], deadline=4e9, is_first_attempt=False)


def test_sold_copies_without_order_get_one(wire: Wire) -> None:
    purchase(key=None, lines=[Line(1, 1)])
    sell(2, 3)
    sell(3, 1)
    assert Sweeper().sweep(grace_s=0) == 2
    sales, orders = sales_and_orders()
    assert sales == orders
    assert len(orders) == 3
    assert Sweeper().sweep(grace_s=0) == 0
    assert_copies_equal("order")


def test_a_young_sale_is_left_to_its_purchase(wire: Wire) -> None:
    sell()
    mine = Sweeper()
    assert mine.sweep(grace_s=60) == 0
    assert rows("order-1", "SELECT count(*) FROM order_app_order") == [(0,)]
    assert mine.sweep(grace_s=0) == 1


def test_a_clock_that_was_set_back_leaves_no_sale_out(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        sell()
    ages = iter((10.0, -3600.0, 10.0))
    monkeypatch.setattr(sweeper, "_age_s", lambda sale: next(ages))
    assert Sweeper().sweep() == 3


def test_a_young_sale_holds_back_what_seems_older_behind_it(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        sell()
    ages = iter((10.0, 1.0, 10.0))
    monkeypatch.setattr(sweeper, "_age_s", lambda sale: next(ages))
    mine = Sweeper()
    assert mine.sweep() == 1
    monkeypatch.setattr(sweeper, "_age_s", lambda sale: 10.0)
    assert mine.sweep() == 2


def test_a_sweep_goes_on_where_the_last_one_ended(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeper, "MARK_EVERY", 2)
    mine = Sweeper()
    for _ in range(3):
        sell()
    assert mine.sweep(grace_s=0) == 3
    assert sweeper.read_mark() > 0
    wire.calls.clear()
    assert mine.sweep(grace_s=0) == Sweeper().sweep(grace_s=0) == 0
    assert len(wire.calls) == 2, "each asked once, for what came after its mark"


def test_a_refusal_is_no_order(wire: Wire) -> None:
    with pytest.raises(Exception, match="left of"):
        purchase(key="k" * 16, lines=[Line(1, 1000)])
    assert Sweeper().sweep(grace_s=0) == 0
    assert sold(1) == 0


def test_a_sweep_without_catalog_is_tried_again(wire: Wire) -> None:
    sell()

    def refuse(node: str) -> None:
        raise NeverSent(node)

    wire.before = refuse
    mine = Sweeper()
    with pytest.raises(Unavailable):
        mine.sweep(grace_s=0)
    wire.heal()
    assert mine.sweep(grace_s=0) == 1


def _note(swept: list[Sweeper]) -> Callable[[Sweeper], None]:
    def note(sweeping: Sweeper) -> None:
        swept.append(sweeping)

    return note


@pytest.mark.two_files
def test_one_of_two_sweeps_at_a_time_and_nobody_keeps_the_lock(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    swept: list[Sweeper] = []
    monkeypatch.setattr(Sweeper, "sweep", _note(swept))
    mine, other = Sweeper(), Sweeper()
    with try_lock(LOCK) as is_theirs:
        assert is_theirs
        mine.step()
        assert swept == []
    mine.step()
    other.step()
    assert swept == [mine, other]


@pytest.mark.two_files
def test_a_process_that_hangs_in_its_round_is_waited_for_no_longer_than_patience(wire: Wire) -> None:
    now = 100.0
    mine = Sweeper(clock=lambda: now)
    sell()
    wire.calls.clear()
    with try_lock(LOCK):
        mine.step()
        now += sweeper.PATIENCE_S - 0.1
        mine.step()
        assert wire.calls == []
        now += 0.2
        mine.step()
        assert len(wire.calls) == 1
    now += 1
    mine.step()
    with try_lock(LOCK):
        wire.calls.clear()
        mine.step()
        assert wire.calls == [], "had it meanwhile: patience begins anew"


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors as Linux shows them")
def test_waiting_for_the_lock_costs_no_descriptors(wire: Wire) -> None:
    mine = Sweeper()
    with try_lock(LOCK):
        mine.step()
        before = open_descriptors()
        for _ in range(20):
            mine.step()
        assert open_descriptors() <= before + 3


@pytest.fixture
def at_rest(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Sweeper:
    """After a round that has left nothing to do, of a sweeper for which no sale is too young."""
    monkeypatch.setattr(sweeper, "_age_s", lambda moved: 10.0)
    mine = Sweeper()
    mine.step()
    wire.calls.clear()
    return mine


def _count(monkeypatch: pytest.MonkeyPatch) -> list[Sweeper]:
    swept: list[Sweeper] = []
    sweep = Sweeper.sweep

    def noting(mine: Sweeper) -> int:
        swept.append(mine)
        return sweep(mine)

    monkeypatch.setattr(Sweeper, "sweep", noting)
    return swept


def test_at_rest_a_round_asks_where_the_catalog_stands_and_no_more(
    wire: Wire, at_rest: Sweeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept = _count(monkeypatch)
    at_rest.step()
    assert swept == []
    assert [method for _, method in wire.calls] == ["GET"]


def test_a_sale_ends_the_rest(wire: Wire, at_rest: Sweeper) -> None:
    sell()
    at_rest.step()
    sales, orders = sales_and_orders()
    assert sales == orders
    assert orders


def test_a_change_of_the_orders_ends_the_rest(wire: Wire, at_rest: Sweeper, monkeypatch: pytest.MonkeyPatch) -> None:
    run(topology.ORDER, lambda: SweepMark.objects.update_or_create(pk=1, defaults={"sale": 0}))
    swept = _count(monkeypatch)
    at_rest.step()
    assert swept == [at_rest]


def test_another_timeline_of_the_catalog_ends_the_rest(
    wire: Wire, at_rest: Sweeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept = _count(monkeypatch)
    monkeypatch.setattr(clients, "standing", lambda: Standing("another", 0))
    at_rest.step()
    assert swept == [at_rest]


def test_there_is_no_rest_while_a_sale_is_too_young(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeper, "_age_s", lambda moved: 1.0)
    mine = Sweeper()
    sell()
    mine.step()
    mine.step()
    assert rows("order-1", "SELECT count(*) FROM order_app_order") == [(0,)]
    monkeypatch.setattr(sweeper, "_age_s", lambda moved: 10.0)
    mine.step()
    assert rows("order-1", "SELECT count(*) FROM order_app_order") == [(1,)]


def test_there_is_no_rest_while_copies_are_on_their_way_back(
    wire: Wire, at_rest: Sweeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancellation, "is_any_pending", lambda: True)
    sell()
    at_rest.step()
    at_rest.step()
    swept = _count(monkeypatch)
    at_rest.step()
    assert swept == [at_rest]
