"""A purchase: at most once, made exactly once, whatever happens between its two halves."""

import time
import uuid
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from itertools import pairwise

import pytest

from bookstore_project.api import idempotency
from bookstore_project.api.problems import IdempotencyConflict, OutcomeUnknown, Unavailable
from bookstore_project.api.sales import Line
from bookstore_project.nodes.client import NeverSent, NoAnswer
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, rows
from bookstore_project.settings import topology
from order_app import clients
from order_app.errors import Refused
from order_app.models import Order
from order_app.purchase import purchase
from order_app.sweeper import Sweeper
from order_app.tests.catalog import Wire, sales_and_orders, sold
from tests.actors import all_at_once

pytestmark = pytest.mark.every_engine

KEY = "a key of some length"


def buy(key: str | None = KEY, *, book: int = 1, quantity: int = 1) -> Order:
    return purchase(key=key, lines=[Line(book, quantity)]).value.order


def copies(order: Order) -> int:
    return sum(line.quantity for line in order.lines.all())


def order_count() -> int:
    ((count,),) = rows("order-1", "SELECT count(*) FROM order_app_order")
    return int(str(count))


class Killed(BaseException):
    """The process ends here: nobody catches it."""


def once(error: BaseException) -> Callable[[str], None]:
    """Raises the error at the first call, and nothing after it."""
    errors = [error]

    def strike(node: str) -> None:
        if errors:
            raise errors.pop()

    return strike


def always(make_error: Callable[[str], Exception]) -> Callable[[str], None]:
    def strike(node: str) -> None:
        raise make_error(node)

    return strike


def test_a_purchase_is_sold_and_written_in_all_four_files(wire: Wire) -> None:
    bought = purchase(key=KEY, lines=[Line(2, 3)])
    order = bought.value.order
    assert not bought.value.is_repeat
    assert (order.id, order.total) == (idempotency.order_id(KEY), Decimal("76.50"))
    (line,) = order.lines.all()
    assert (line.book, line.quantity, line.title, line.unit_price) == (2, 3, "RPCs for Noobs", Decimal("25.50"))
    assert sold(2) == 3
    sales, orders = sales_and_orders()
    assert sales == orders
    assert_copies_equal("order")
    assert_copies_equal("catalog")


def test_a_repeat_gives_the_same_order_and_asks_nobody(wire: Wire) -> None:
    first = buy()
    wire.calls.clear()
    again = purchase(key=KEY, lines=[Line(1, 1)]).value
    assert again.is_repeat
    assert (again.order.id, again.order.created_at, again.order.sale) == (first.id, first.created_at, first.sale)
    assert (wire.calls, sold(1), order_count()) == ([], 1, 1)


@pytest.mark.parametrize(("book", "quantity"), [(2, 1), (1, 2)])
def test_a_key_used_for_another_purchase_is_a_conflict(wire: Wire, book: int, quantity: int) -> None:
    buy()
    with pytest.raises(IdempotencyConflict):
        buy(book=book, quantity=quantity)
    assert order_count() == 1


def test_purchases_without_a_key_are_different_ones(wire: Wire) -> None:
    assert buy(None).id != buy(None).id
    assert sold(1) == 2


@pytest.mark.parametrize(
    ("book", "quantity", "code"), [(1, 51, "out_of_stock"), (99, 1, "not_found"), (2**63 - 1, 1, "not_found")]
)
def test_a_refusal_comes_from_the_catalog_and_stays(wire: Wire, book: int, quantity: int, code: str) -> None:
    for is_repeat in (False, True):
        with pytest.raises(Refused) as caught:
            buy(book=book, quantity=quantity)
        assert (caught.value.code, caught.value.is_repeat) == (code, is_repeat)
    assert order_count() == 0


def test_replicas_of_the_catalog_take_turns(wire: Wire) -> None:
    for _ in range(6):
        buy(None)
    asked = [node for node, _ in wire.calls]
    assert sorted(asked) == ["catalog-1"] * 3 + ["catalog-2"] * 3
    assert all(one != other for one, other in pairwise(asked))


def test_a_dead_catalog_replica_costs_nothing(wire: Wire) -> None:
    def refuse(node: str) -> None:
        if node == "catalog-1":
            raise NeverSent(node)

    wire.before = refuse
    assert [copies(buy(None)) for _ in range(4)] == [1] * 4
    assert (sold(1), order_count()) == (4, 4)


def test_an_answer_lost_on_the_way_is_asked_for_at_the_other_replica(wire: Wire) -> None:
    wire.after = once(NoAnswer("reset"))
    buy()
    assert len({node for node, _ in wire.calls}) == 2
    assert (sold(1), order_count()) == (1, 1)


def test_a_catalog_that_refuses_connections_has_surely_sold_nothing(wire: Wire) -> None:
    wire.before = always(NeverSent)
    with pytest.raises(Unavailable):
        buy()
    wire.heal()
    buy()
    assert (sold(1), order_count()) == (1, 1)


def test_no_answer_from_anybody_is_unknown_and_the_retry_finds_out(wire: Wire) -> None:
    wire.after = always(NoAnswer)
    with pytest.raises(OutcomeUnknown) as caught:
        buy()
    assert caught.value.extra == {
        "order": str(idempotency.order_id(KEY)),
        "idempotency_key": KEY,
        "service": "catalog",
    }
    wire.heal()
    assert copies(buy()) == 1
    assert (sold(1), order_count()) == (1, 1)


@pytest.mark.two_files
def test_unknown_and_then_unavailable_is_still_unknown(wire: Wire) -> None:
    """The first attempt may be selling while the second is turned away."""
    witness = topology.witness_file("catalog")

    def lose_the_answer_and_the_witness(node: str) -> None:
        if witness.exists():
            witness.rename(witness.with_suffix(".away"))
            raise NoAnswer(node)

    wire.after = lose_the_answer_and_the_witness
    with pytest.raises(OutcomeUnknown):
        buy()
    assert len({node for node, _ in wire.calls}) == 2


def test_an_unknown_outcome_without_a_key_tells_the_key_to_ask_again_with(wire: Wire) -> None:
    wire.after = always(NoAnswer)
    with pytest.raises(OutcomeUnknown) as caught:
        buy(None)
    wire.heal()
    order = buy(caught.value.extra["idempotency_key"])
    assert str(order.id) == caught.value.extra["order"]
    assert (sold(1), order_count()) == (1, 1)


def test_killed_between_sale_and_order_the_sweeper_finishes_it(wire: Wire) -> None:
    wire.after = once(Killed())
    with pytest.raises(Killed):
        buy(quantity=2)
    assert (sold(1), order_count()) == (2, 0)
    assert Sweeper().sweep(grace_s=0) == 1
    again = purchase(key=KEY, lines=[Line(1, 2)]).value
    assert again.is_repeat
    assert again.order.id == idempotency.order_id(KEY)
    assert (sold(1), order_count()) == (2, 1)


def test_killed_between_sale_and_order_the_retry_finishes_it(wire: Wire) -> None:
    wire.after = once(Killed())
    with pytest.raises(Killed):
        buy()
    assert copies(buy()) == 1
    assert Sweeper().sweep(grace_s=0) == 0
    assert (sold(1), order_count()) == (1, 1)


@pytest.mark.two_files
def test_an_order_service_that_cannot_write_after_the_sale_does_not_say_failed(wire: Wire) -> None:
    witness = topology.witness_file("order")

    def lose_the_witness(node: str) -> None:
        witness.rename(witness.with_suffix(".away"))

    wire.after = lose_the_witness
    with pytest.raises(OutcomeUnknown, match="copies are sold") as caught:
        buy()
    assert caught.value.extra["idempotency_key"] == KEY
    wire.heal()
    witness.with_suffix(".away").rename(witness)
    assert copies(buy()) == 1
    assert (sold(1), order_count()) == (1, 1)


def test_an_attempt_without_time_left_sells_nothing(wire: Wire) -> None:
    with pytest.raises(Unavailable):
        purchase(key=KEY, lines=[Line(1, 1)], deadline=time.time() - 1)
    assert sold(1) == 0


@pytest.mark.two_files
def test_where_orders_cannot_be_read_nothing_is_sold_under_a_new_key_either(wire: Wire) -> None:
    witness = topology.witness_file(topology.ORDER)
    witness.rename(witness.with_suffix(".away"))
    with pytest.raises(Unavailable):
        purchase(key=None, lines=[Line(1, 1)])
    assert (sold(1), wire.calls) == (0, [])


def test_a_first_attempt_whose_key_was_used_after_all_buys_nothing_more(wire: Wire) -> None:
    first = buy()
    again = purchase(key=KEY, lines=[Line(1, 1)], is_first_attempt=True).value
    assert (again.order.id, again.is_repeat) == (first.id, True)
    assert (sold(1), order_count()) == (1, 1)
    with pytest.raises(Refused) as caught:
        purchase(key=KEY, lines=[Line(1, 2)], is_first_attempt=True)
    assert caught.value.code == "idempotency_conflict"


def test_the_first_attempt_is_first_at_one_replica_only(wire: Wire) -> None:
    """An answer lost on the way: the second attempt's no must stand in the ledger, for the first may still come."""
    wire.before = once(NoAnswer("stalled"))
    with pytest.raises(Refused):
        purchase(key=KEY, lines=[Line(1, 51)], is_first_attempt=True)
    assert rows("catalog-1", "SELECT kind FROM catalog_app_ledgerentry WHERE quantity = 51") == [("refusal",)]


def test_one_key_makes_one_order_however_many_ask(wire: Wire) -> None:
    """200 purchases by 8 clients, each key asked for ten times."""
    keys = [f"key number {number:08}" for number in range(20)]

    def client(offset: int) -> set[uuid.UUID]:
        return {buy(keys[(offset * 7 + turn) % len(keys)], book=3).id for turn in range(25)}

    actors = all_at_once([partial(client, offset) for offset in range(8)])
    ids: set[uuid.UUID] = set()
    for actor in actors:
        found = actor.result()
        assert isinstance(found, set)
        ids |= found
    assert ids == {idempotency.order_id(key) for key in keys}
    assert (sold(3), order_count()) == (20, 20)
    sales, orders = sales_and_orders()
    assert sorted(map(str, sales)) == sorted(map(str, orders))
    assert_copies_equal("order")
    assert_copies_equal("catalog")


def test_waiting_for_a_slot_ends_with_the_deadline(wire: Wire) -> None:
    for _ in range(clients.CONCURRENT_SALES):
        clients._slots.acquire()
    try:
        with pytest.raises(Unavailable, match="Too many purchases"):
            purchase(key=KEY, lines=[Line(1, 1)], deadline=time.time() + 0.05)
    finally:
        clients._slots.release(clients.CONCURRENT_SALES)
    buy()
