"""A hand-out that was noted by mistake is undone: once, whoever presses when, and in both files."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.db.migrations.exceptions import IrreversibleError
from pytest_django import Settings

from bookstore_project.api import headers
from bookstore_project.api.problems import Conflict, IdempotencyConflict, NotFound
from bookstore_project.api.sales import Line
from bookstore_project.api.tests.api import assert_problem, send
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, rows
from bookstore_project.replication.transaction import run
from bookstore_project.settings import topology
from order_app.cancellation import cancel
from order_app.models import CancelledLine, Order, OrderChange, OrderLine
from order_app.order_changes import Asked, Changed, collect, refund, reopen
from order_app.purchase import purchase
from order_app.sweeper import Sweeper
from order_app.tests.catalog import Wire
from order_app.tests.test_cancellation import assert_all_agrees, stocks
from tests.actors import all_at_once

KEY = "a-key-of-some-length"
HISTORY = "SELECT kind, reason FROM order_app_orderchange ORDER BY created_at, kind"


@pytest.fixture
def order(wire: Wire) -> uuid.UUID:
    """Two copies of book 1, and five of book 2."""
    return purchase(key=None, lines=(Line(1, 2), Line(2, 5))).value.order.pk


def asked(order: uuid.UUID, key: str | None = None, *, reason: str = "") -> Asked:
    return Asked(order, "ann", reason, key)


def test_what_was_handed_out_by_mistake_is_to_be_handed_out_again(order: uuid.UUID) -> None:
    collect(asked(order))
    undone = reopen(asked(order, reason="another customer's")).value
    assert (undone.order.status, undone.change.kind, undone.change.reason) == (
        "completed", "reopened", "another customer's",
    )  # fmt: skip
    assert undone.change.in_words() == "hand-out undone"
    assert stocks() == [48, 45], "the copies stay the customer's"
    assert collect(asked(order)).value.order.status == "collected"
    assert [kind for kind, _ in rows("order-2", HISTORY)] == ["collected", "reopened", "collected"]
    assert_all_agrees()


def test_what_is_to_be_handed_out_again_can_be_cancelled_and_refunded(order: uuid.UUID) -> None:
    collect(asked(order))
    reopen(asked(order))
    assert cancel(asked(order)).value.order.status == "cancelled"
    assert refund(asked(order), None).value.order.refunded
    assert stocks() == [50, 50]
    assert_all_agrees()


def test_a_repeat_undoes_no_second_hand_out(order: uuid.UUID) -> None:
    collect(asked(order))
    assert reopen(asked(order, KEY)).value.is_repeat is False
    collect(asked(order))
    again = reopen(asked(order, KEY)).value
    assert (again.is_repeat, again.order.status) == (True, "collected")
    with pytest.raises(IdempotencyConflict):
        reopen(asked(order, KEY, reason="another"))
    assert_all_agrees()


def test_what_is_not_handed_out_cannot_be_undone(order: uuid.UUID) -> None:
    with pytest.raises(Conflict, match="isn't noted as handed out"):
        reopen(asked(order))
    cancel(asked(order))
    with pytest.raises(Conflict, match="isn't noted as handed out"):
        reopen(asked(order))
    with pytest.raises(NotFound):
        reopen(asked(uuid.uuid4()))
    assert rows("order-1", "SELECT status FROM order_app_order") == [("cancelled",)]
    assert_all_agrees()


def test_of_many_at_once_one_undoes_a_hand_out(order: uuid.UUID) -> None:
    collect(asked(order))

    def attempt(do: Callable[[Asked], Any]) -> Callable[[], bool]:
        def tried() -> bool:
            try:
                do(asked(order))
            except Conflict:
                return False
            return True

        return tried

    undone = [actor.result() for actor in all_at_once([attempt(reopen)] * 4)]
    assert undone.count(True) == 1
    cancelled, collected, reopened = (
        bool(actor.result()) for actor in all_at_once([attempt(cancel), attempt(collect), attempt(reopen)])
    )
    assert cancelled or collected, "whoever came first"
    assert not (reopened and not collected)
    assert_all_agrees()


def test_one_key_at_once_undoes_once(order: uuid.UUID) -> None:
    collect(asked(order))
    found = [actor.result() for actor in all_at_once([lambda: reopen(asked(order, KEY)).value] * 4)]
    assert sorted(isinstance(each, Changed) and each.is_repeat for each in found) == [False, True, True, True]
    assert rows("order-2", HISTORY) == [("collected", ""), ("reopened", "")]
    assert_copies_equal("order")


def test_what_the_ledger_has_cancelled_meanwhile_is_not_handed_out_again(order: uuid.UUID) -> None:
    """The order service lost a cancellation, the order was handed out, and the sweeper found the return."""
    cancel(asked(order))

    def lose() -> None:
        CancelledLine.objects.all().delete()
        OrderChange.objects.all().delete()
        OrderLine.objects.update(cancelled=0)
        Order.objects.update(status="completed")

    run(topology.ORDER, lose)
    collect(asked(order))
    Sweeper().sweep(grace_s=0)
    assert reopen(asked(order)).value.order.status == "cancelled"
    assert_all_agrees()


def test_code_of_before_gets_no_hand_outs_that_were_undone(order: uuid.UUID, settings: Settings) -> None:
    settings.REPLICATION = settings.REPLICATION | {"LEASE_S": 0}
    collect(asked(order))
    call_command("migrate", "order_app", "0006", database="order-1", verbosity=0)
    call_command("migrate", database="order-1", verbosity=0)
    reopen(asked(order))
    with pytest.raises(IrreversibleError, match="Staff undid 1 hand-outs"):
        call_command("migrate", "order_app", "0006", database="order-1", verbosity=0)


@pytest.mark.usefixtures("node")
def test_staff_undo_a_hand_out_by_the_api_once() -> None:
    order = send("POST", "/api/v1/orders/", {"book": 1}).json()
    path = f"/api/v1/orders/{order['id']}"
    send("POST", f"{path}/collect/", as_user="ann")
    for is_repeat in (False, True):
        sent = {headers.IDEMPOTENCY_KEY: KEY}
        answer = send("POST", f"{path}/reopen/", {"reason": "the wrong one"}, as_user="ann", sent=sent)
        assert (answer.status_code, answer.json()["status"]) == (200, "completed")
        assert (headers.IDEMPOTENT_REPLAYED in answer.headers) is is_repeat
    assert_problem(send("POST", f"{path}/reopen/", as_user="ann"), 409, "conflict")
    told = send("GET", f"{path}/history/", as_user="ann").json()["changes"]
    assert [(each["kind"], each["reason"]) for each in told] == [("collected", ""), ("reopened", "the wrong one")]
