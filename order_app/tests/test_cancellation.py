"""A cancellation: the copies come back once, whoever retries, dies in between, or comes at the same time."""

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from functools import partial
from io import StringIO
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.db.migrations.exceptions import IrreversibleError
from django.utils import timezone
from django.utils.module_loading import import_string
from pytest_django.fixtures import Settings

from bookstore_project.api import headers, idempotency
from bookstore_project.api.problems import (
    Conflict,
    IdempotencyConflict,
    Invalid,
    NotFound,
    OutcomeUnknown,
    Unavailable,
)
from bookstore_project.api.representations import MAX_STOCK
from bookstore_project.api.sales import Line
from bookstore_project.nodes.client import NeverSent, NoAnswer, Reply
from bookstore_project.replication import events, failpoints
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, rows
from bookstore_project.replication.transaction import run
from bookstore_project.settings import topology
from order_app import cancellation, clients
from order_app.cancellation import cancel
from order_app.models import CancelledLine, Order, OrderChange, OrderLine, SweepMark
from order_app.order_changes import Asked, Changed, collect, refund
from order_app.purchase import purchase
from order_app.sweeper import Sweeper
from order_app.tests.catalog import Wire
from tests.actors import Actor, Pause, all_at_once

KEY = "a-key-of-some-length"
BASKET = (Line(1, 2), Line(2, 5))


@pytest.fixture
def order(wire: Wire) -> uuid.UUID:
    """Two copies of book 1, and five of book 2."""
    bought = purchase(key="the-key-of-a-purchase", lines=BASKET).value.order.pk
    wire.calls.clear()
    return bought


@pytest.fixture
def dies() -> Iterator[Callable[[str], None]]:
    """Makes whoever comes to a point die there, once."""

    def at(point: str) -> None:
        def die() -> None:
            del failpoints.hooks[point]
            raise KeyboardInterrupt(point)

        failpoints.hooks[point] = die

    yield at
    failpoints.hooks.clear()


def asked(order: uuid.UUID, key: str | None = KEY, *, reason: str = "") -> Asked:
    return Asked(order, "ann", reason, key)


def stocks() -> list[int]:
    found = {tuple(row[0] for row in rows(alias, STOCK)) for alias in ("catalog-1", "catalog-2")}
    assert len(found) == 1
    return [int(str(each)) for each in found.pop()]


STOCK = "SELECT quantity FROM catalog_app_book WHERE id IN (1, 2) ORDER BY id"


def standing(changed: Changed) -> tuple[str, list[int]]:
    return changed.order.status, [line.cancelled for line in changed.order.lines.all()]


def change_book(wire: Wire, book: int, method: str, fields: dict[str, object] | None = None) -> None:
    """By the catalog's own route, as a front would."""
    body = json.dumps(fields or {}).encode()
    sent = {headers.ACTING_USER: "ann"}
    node = topology.NODES["catalog-1"]
    answer = wire(node, method, f"/api/v1/books/{book}/", body=body, extra_headers=sent, timeout_s=9)
    assert answer.status in (200, 204), answer


def assert_all_agrees() -> None:
    assert_copies_equal("order")
    assert_copies_equal("catalog")
    call_command("audit", stdout=StringIO())


def test_a_whole_order_is_cancelled_and_its_copies_are_for_sale_again(wire: Wire, order: uuid.UUID) -> None:
    done = cancel(asked(order, reason="changed her mind")).value
    assert standing(done) == ("cancelled", [2, 5])
    assert stocks() == [50, 50]
    assert wire.calls == [("catalog-2", "POST")]
    made = done.change
    assert (made.kind, made.progress, made.actor, made.reason) == ("cancelled", "done", "ann", "changed her mind")
    assert rows("order-2", "SELECT status FROM order_app_order") == [("cancelled",)]
    assert_all_agrees()


def test_a_part_is_cancelled_and_then_the_rest(order: uuid.UUID) -> None:
    assert standing(cancel(asked(order), [Line(2, 2)]).value) == ("completed", [0, 2])
    assert stocks() == [48, 47]
    assert standing(cancel(asked(order, None), [Line(1, 2)]).value) == ("completed", [2, 2])
    assert standing(cancel(asked(order, None)).value) == ("cancelled", [2, 5])
    assert stocks() == [50, 50]
    with pytest.raises(Conflict, match="Every copy of this order"):
        cancel(asked(order, None))
    assert_all_agrees()


def test_a_repeat_cancels_nothing_more_and_asks_nobody(wire: Wire, order: uuid.UUID) -> None:
    first = cancel(asked(order), [Line(2, 2)])
    wire.calls.clear()
    again = cancel(asked(order), [Line(2, 2)]).value
    assert (again.is_repeat, standing(again), again.change.pk) == (True, ("completed", [0, 2]), first.value.change.pk)
    assert (wire.calls, stocks()) == ([], [48, 47])


@pytest.mark.parametrize("lines", [None, [Line(2, 3)], [Line(1, 2)], [Line(1, 1), Line(2, 2)]])
def test_a_key_used_for_another_cancellation_is_a_conflict(order: uuid.UUID, lines: list[Line] | None) -> None:
    cancel(asked(order), [Line(2, 2)])
    with pytest.raises(IdempotencyConflict):
        cancel(asked(order), lines)
    with pytest.raises(IdempotencyConflict):
        collect(asked(order))
    other = purchase(key=None, lines=[Line(2, 2)]).value.order.pk
    with pytest.raises(IdempotencyConflict):
        cancel(asked(other), [Line(2, 2)])
    assert stocks() == [48, 45]


def test_what_does_not_fit_the_order_is_refused_and_changes_nothing(order: uuid.UUID) -> None:
    with pytest.raises(Conflict, match="2 copies are left of"):
        cancel(asked(order), [Line(2, 1), Line(1, 3)])
    with pytest.raises(Invalid, match="Book 3 isn't in this order"):
        cancel(asked(order), [Line(3, 1)])
    with pytest.raises(NotFound):
        cancel(asked(uuid.uuid4()))
    assert stocks() == [48, 45]
    assert rows("order-1", "SELECT count(*) FROM order_app_orderchange") == [(0,)]


@pytest.mark.every_engine
@pytest.mark.parametrize("point", ["cancellation-decided", "cancellation-returned"])
def test_whoever_dies_between_two_steps_is_followed_by_a_retry(
    order: uuid.UUID, dies: Callable[[str], None], point: str
) -> None:
    dies(point)
    with pytest.raises(KeyboardInterrupt):
        cancel(asked(order), [Line(2, 2)])
    call_command("audit", stdout=StringIO())  # What is on its way is no fault.
    again = cancel(asked(order), [Line(2, 2)]).value
    assert (again.is_repeat, again.change.progress, standing(again)) == (True, "done", ("completed", [0, 2]))
    assert stocks() == [48, 47]
    assert_all_agrees()


@pytest.mark.every_engine
@pytest.mark.parametrize("point", ["cancellation-decided", "cancellation-returned"])
def test_whoever_dies_between_two_steps_is_followed_by_the_sweeper(
    order: uuid.UUID, dies: Callable[[str], None], point: str
) -> None:
    dies(point)
    with pytest.raises(KeyboardInterrupt):
        cancel(asked(order))
    assert cancellation.finish(grace_s=60) == 0, "left to whoever is at it"
    assert cancellation.finish(grace_s=0) == 1
    assert cancellation.finish(grace_s=0) == 0
    assert stocks() == [50, 50]
    assert rows("order-1", "SELECT progress FROM order_app_orderchange") == [("done",)]
    assert_all_agrees()


def test_a_clock_that_was_set_back_leaves_no_cancellation_out(
    order: uuid.UUID, dies: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    dies("cancellation-decided")
    with pytest.raises(KeyboardInterrupt):
        cancel(asked(order))
    an_hour_ago = timezone.now() - timedelta(hours=1)
    monkeypatch.setattr(cancellation, "timezone", SimpleNamespace(now=lambda: an_hour_ago))
    assert cancellation.finish(grace_s=60) == 1
    assert stocks() == [50, 50]
    assert_all_agrees()


def test_a_round_of_the_sweeper_finishes_cancellations(
    order: uuid.UUID, dies: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    dies("cancellation-decided")
    with pytest.raises(KeyboardInterrupt):
        cancel(asked(order))
    monkeypatch.setattr("order_app.sweeper.CANCELLATION_GRACE_S", 0)
    Sweeper().step()
    assert stocks() == [50, 50]


@pytest.mark.every_engine
def test_a_retry_and_the_sweeper_at_once_bring_the_copies_back_once(
    order: uuid.UUID, dies: Callable[[str], None]
) -> None:
    dies("cancellation-decided")
    with pytest.raises(KeyboardInterrupt):
        cancel(asked(order))

    def sweep() -> None:
        cancellation.finish(grace_s=0)

    def retry() -> None:
        cancel(asked(order))

    for actor in all_at_once([sweep, retry, sweep, retry]):
        actor.result()
    assert stocks() == [50, 50]
    assert rows("catalog-1", "SELECT count(*) FROM catalog_app_ledgerentry WHERE kind = 'return'") == [(2,)]
    assert_all_agrees()


@pytest.mark.parametrize("error", [NeverSent, NoAnswer])
def test_without_the_catalog_it_is_decided_and_finished_later(
    wire: Wire, order: uuid.UUID, error: type[Exception]
) -> None:
    def fail(node: str) -> None:
        raise error(node)

    setattr(wire, "before" if error is NeverSent else "after", fail)
    with pytest.raises(OutcomeUnknown) as caught:
        cancel(asked(order))
    assert caught.value.extra["idempotency_key"] == KEY
    assert caught.value.extra["order"] == str(order)
    with pytest.raises(Conflict, match="cancelled before"):
        collect(asked(order, None))
    assert cancellation.finish(grace_s=0) == 0
    wire.heal()
    assert cancellation.finish(grace_s=0) == 1
    assert cancel(asked(order)).value.change.progress == "done"
    assert stocks() == [50, 50]
    assert_all_agrees()


def test_a_dead_catalog_replica_costs_nothing(wire: Wire, order: uuid.UUID) -> None:
    def refuse(node: str) -> None:
        if node == "catalog-2":
            raise NeverSent(node)

    wire.before = refuse
    cancel(asked(order))
    assert stocks() == [50, 50]


def test_an_answer_that_is_lost_is_asked_for_at_the_other_replica(wire: Wire, order: uuid.UUID) -> None:
    lost: list[str] = []

    def lose(node: str) -> None:
        if not lost:
            lost.append(node)
            raise NoAnswer(node)

    wire.after = lose
    assert cancel(asked(order)).value.change.progress == "done"
    assert stocks() == [50, 50]


@pytest.mark.parametrize(("status", "code"), [(404, "not_found"), (409, "conflict"), (500, "internal_error")])
def test_an_answer_that_is_not_about_this_order_decides_nothing(
    wire: Wire, order: uuid.UUID, status: int, code: str
) -> None:
    """As of a node of older code, which has no such route."""
    body = json.dumps({"code": code, "detail": "There is nothing here."}).encode()
    reply = Reply(status, {"Content-Type": "application/problem+json"}, body)
    wire.replies = {"catalog-1": reply, "catalog-2": reply}
    with pytest.raises(OutcomeUnknown):
        cancel(asked(order))
    wire.replies = {}
    assert cancel(asked(order)).value.change.progress == "done"
    assert stocks() == [50, 50]


def test_an_order_that_is_sold_and_not_written_yet_can_be_cancelled(wire: Wire) -> None:
    order = uuid.uuid4()
    clients.sell(order=order, lines=BASKET, deadline=4e9, is_first_attempt=False)
    assert standing(cancel(asked(order)).value) == ("cancelled", [2, 5])
    assert stocks() == [50, 50]
    assert Sweeper().sweep(grace_s=0) == 0
    assert_all_agrees()


@pytest.mark.every_engine
def test_after_a_cancellation_the_purchase_is_still_bought_once(order: uuid.UUID) -> None:
    cancel(asked(order))
    again = purchase(key="the-key-of-a-purchase", lines=BASKET).value
    assert (again.is_repeat, again.order.pk, again.order.status) == (True, order, "cancelled")
    assert stocks() == [50, 50]


def test_copies_of_a_retired_book_come_back_too(wire: Wire, order: uuid.UUID) -> None:
    change_book(wire, 2, "DELETE")
    cancel(asked(order))
    assert stocks() == [50, 50]


def test_copies_without_room_on_the_shelf_wait_for_it_and_hold_up_no_other(wire: Wire, order: uuid.UUID) -> None:
    other = purchase(key=None, lines=[Line(1, 1)]).value.order.pk
    change_book(wire, 2, "PATCH", {"quantity": MAX_STOCK})
    with pytest.raises(OutcomeUnknown, match="room for 0 more"):
        cancel(asked(order))
    assert cancellation.finish(grace_s=0) == 0
    cancel(asked(other, None))
    change_book(wire, 2, "PATCH", {"quantity": 10})
    assert cancellation.finish(grace_s=0) == 1
    assert stocks() == [50, 15]
    assert_all_agrees()


def test_an_attempt_after_its_deadline_cancels_nothing(order: uuid.UUID) -> None:
    with pytest.raises(Unavailable, match="after its deadline"):
        cancel(Asked(order, "ann", "", KEY, deadline=1.0))
    assert rows("order-1", "SELECT count(*) FROM order_app_orderchange") == [(0,)]


# ----------------------------------------------------------------------------------- two at the same time
@pytest.mark.every_engine
def test_two_who_cancel_at_once_bring_back_no_more_than_was_sold(order: uuid.UUID) -> None:
    def one() -> bool:
        try:
            cancel(asked(order, None), [Line(2, 2)])
        except Conflict:
            return False
        return True

    assert sum(bool(actor.result()) for actor in all_at_once([one] * 5)) == 2
    assert stocks() == [48, 49]
    assert_all_agrees()


@pytest.mark.every_engine
def test_one_key_at_once_cancels_once(order: uuid.UUID) -> None:
    def one() -> None:
        cancel(asked(order), [Line(2, 2)])

    for actor in all_at_once([one] * 5):
        actor.result()
    assert stocks() == [48, 47]
    assert_all_agrees()


def test_what_is_collected_cannot_be_cancelled_nor_the_other_way_round(order: uuid.UUID) -> None:
    assert collect(asked(order)).value.order.status == "collected"
    with pytest.raises(Conflict, match="has been collected"):
        cancel(asked(order, None))
    with pytest.raises(Conflict, match="collected before"):
        collect(asked(order, None))
    other = purchase(key=None, lines=[Line(1, 1)]).value.order.pk
    cancel(asked(other, None))
    with pytest.raises(Conflict, match="cancelled before"):
        collect(asked(other, None))
    assert stocks() == [48, 45]


@pytest.mark.every_engine
def test_cancelling_and_collecting_at_once_never_does_both(wire: Wire) -> None:
    orders = [purchase(key=None, lines=[Line(1, 1)]).value.order.pk for _ in range(4)]

    def attempt(do: Callable[[Asked], object], order: uuid.UUID) -> Callable[[], bool]:
        def tried() -> bool:
            try:
                do(asked(order, None))
            except Conflict:
                return False
            return True

        return tried

    works = [attempt(do, order) for order in orders for do in (cancel, collect)]
    done = [bool(actor.result()) for actor in all_at_once(works)]
    assert all(one != other for one, other in zip(done[::2], done[1::2], strict=True))
    assert stocks() == [46 + sum(done[::2]), 50]
    assert_all_agrees()


def test_an_order_is_not_collected_while_its_cancellation_is_on_its_way(order: uuid.UUID) -> None:
    pause = failpoints.hooks["cancellation-decided"] = Pause()
    try:
        actor = Actor(lambda: cancel(asked(order)))
        pause.wait_until_reached()
        with pytest.raises(Conflict, match="cancelled before"):
            collect(asked(order, None))
    finally:
        failpoints.hooks.clear()
        pause.let_go()
    actor.result()
    assert stocks() == [50, 50]


@pytest.mark.every_engine
def test_sales_and_cancellations_at_once_leave_all_four_files_in_agreement(wire: Wire) -> None:
    orders = [purchase(key=None, lines=BASKET).value.order.pk for _ in range(4)]
    works: list[Callable[[], object]] = []
    for order in orders:
        works += [
            partial(cancel, asked(order, None), [Line(2, 1)]),
            partial(cancel, asked(order, None), [Line(1, 1), Line(2, 2)]),
            lambda: purchase(key=None, lines=BASKET),
        ]
    for actor in all_at_once(works):
        actor.result()
    assert stocks() == [50 - 16 + 4, 50 - 40 + 12]
    assert_all_agrees()


# --------------------------------------------------------------------------------------------- refunds


def test_a_refund_is_what_cancelled_copies_cost_once(order: uuid.UUID) -> None:
    price = Decimal(str(rows("order-1", "SELECT unit_price FROM order_app_orderline WHERE book = 2")[0][0]))
    with pytest.raises(Conflict, match="name an amount"):
        refund(asked(order), None)
    cancel(asked(order, None), [Line(2, 2)])
    given = refund(asked(order), None).value
    assert (given.change.amount, given.order.refunded, given.is_repeat) == (2 * price, 2 * price, False)
    again = refund(asked(order), None).value
    assert (again.is_repeat, again.order.refunded) == (True, 2 * price)
    with pytest.raises(Conflict, match="name an amount"):
        refund(asked(order, None), None)
    assert_all_agrees()


def test_no_more_is_refunded_than_was_paid(order: uuid.UUID) -> None:
    total = purchase(key="the-key-of-a-purchase", lines=BASKET).value.order.total
    collect(asked(order, None))
    assert refund(asked(order, None), total - 1).value.order.refunded == total - 1
    with pytest.raises(Conflict, match=r"1\.00 haven't been given back"):
        refund(asked(order, None), Decimal("1.01"))
    refund(asked(order, None), Decimal(1))
    assert_all_agrees()


# ----------------------------------------------------------------------- what an operator's decision loses


def lose_the_changes(order: uuid.UUID) -> None:
    """As if the order service had been promoted to a copy of before."""

    def change() -> None:
        CancelledLine.objects.all().delete()
        OrderChange.objects.all().delete()
        OrderLine.objects.update(cancelled=0)
        Order.objects.update(status="completed")

    run(topology.ORDER, change)


@pytest.mark.every_engine
def test_a_cancellation_that_the_order_service_lost_is_written_anew_by_the_ledger(order: uuid.UUID) -> None:
    cancel(asked(order), [Line(2, 2)])
    lose_the_changes(order)
    Sweeper().sweep(grace_s=0)
    assert rows("order-2", "SELECT cancelled FROM order_app_orderline ORDER BY book") == [(0,), (2,)]
    assert rows("order-2", "SELECT kind, progress, actor FROM order_app_orderchange") == [
        ("cancelled", "done", "ann")
    ]
    again = cancel(asked(order), [Line(2, 2)]).value
    assert (again.is_repeat, stocks()) == (True, [48, 47])
    assert_all_agrees()


@pytest.mark.every_engine
def test_copies_that_came_back_before_the_loss_come_back_no_second_time(order: uuid.UUID) -> None:
    cancel(asked(order))
    lose_the_changes(order)
    with pytest.raises(Conflict, match="come back before"):
        cancel(asked(order, KEY + "-2"))
    assert rows("order-1", "SELECT progress FROM order_app_orderchange") == [("void",)]
    with pytest.raises(Conflict, match="come back before"):
        cancel(asked(order, KEY + "-2"))
    Sweeper().sweep(grace_s=0)
    assert rows("order-2", "SELECT cancelled FROM order_app_orderline ORDER BY book") == [(2,), (5,)]
    assert rows("order-2", "SELECT status FROM order_app_order") == [("cancelled",)]
    assert stocks() == [50, 50]
    assert_all_agrees()


def test_returns_that_the_catalog_lost_are_asked_for_again(
    wire: Wire, order: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel(asked(order), [Line(2, 2)])
    monkeypatch.setattr("order_app.sweeper.CANCELLATION_GRACE_S", 0)
    mine = Sweeper()
    mine.step()
    before = len(wire.calls)
    mine.step()
    assert len(wire.calls) == before + 1, "the same timeline is looked through once"
    lose_the_returns()
    mine.step()
    assert stocks() == [48, 45], "the same timeline loses nothing"
    for each in (Sweeper(), mine):
        run("order", lambda: SweepMark.objects.update(timeline="another"))
        each._returns = cancellation.Returns()
        each.step()
        assert stocks() == [48, 47]
    assert rows("catalog-1", "SELECT count(*) FROM catalog_app_ledgerentry WHERE kind = 'return'") == [(1,)]
    assert_all_agrees()


def lose_the_returns() -> None:
    """As if the catalog had been promoted to a copy of before."""

    def change() -> None:
        with connections["catalog-1"].cursor() as cursor:
            cursor.execute("DELETE FROM catalog_app_ledgerentry WHERE kind = 'return'")
            cursor.execute("UPDATE catalog_app_book SET quantity = 45, version = version + 1 WHERE id = 2")

    events.changes_ready.disconnect(dispatch_uid="catalog.ledger", sender="catalog")
    try:
        run("catalog", change)
    finally:
        events.changes_ready.connect(
            import_string("catalog_app.receivers.refuse_unexplained_stock"),
            sender="catalog",
            dispatch_uid="catalog.ledger",
        )


def test_an_order_whose_sale_the_catalog_lost_is_cancelled_and_nothing_comes_back(order: uuid.UUID) -> None:
    lost = uuid.uuid4()

    def without_sale() -> None:
        made = Order.objects.create(id=lost, created_at="2030-01-01T00:00:00Z", sale=999)
        OrderLine.objects.create(sale=999, order=made, book=1, title="Lost", quantity=1, unit_price=1)

    run(topology.ORDER, without_sale)
    done = cancel(asked(lost)).value
    assert (done.change.progress, done.order.status, stocks()) == ("unsold", "cancelled", [48, 45])
    told = StringIO()
    with pytest.raises(CommandError):
        call_command("audit", stdout=told)
    assert told.getvalue().startswith("1 orders have no sale in the ledger.\n  order"), "and nothing else"


@pytest.mark.large
def test_orders_nobody_changed_go_back_to_the_schema_of_before(order: uuid.UUID, settings: Settings) -> None:
    settings.REPLICATION = settings.REPLICATION | {"LEASE_S": 0}
    call_command("migrate", "order_app", "0004", database="order-1", verbosity=0)
    call_command("migrate", database="order-1", verbosity=0)
    assert_copies_equal("order")
    assert rows("order-2", "SELECT status, refunded FROM order_app_order") == [("completed", 0)]
    cancel(asked(order))
    with pytest.raises(IrreversibleError, match="Staff changed orders 1 times"):
        call_command("migrate", "order_app", "0004", database="order-1", verbosity=0)


def test_ids_of_changes_are_not_those_of_orders(order: uuid.UUID) -> None:
    same_key = Asked(order, "ann", "", "the-key-of-a-purchase")
    assert cancel(same_key).value.change.pk not in (order, idempotency.order_id("the-key-of-a-purchase"))
