"""What an operator gives up: no more than was said, and nothing else is left out of the reckoning."""

import json
import uuid
from types import SimpleNamespace
from typing import Any

from bookstore_project.replication.sqlite_pair.operator import report
from bookstore_project.replication.sqlite_pair.operator.data_loss import DataLoss
from bookstore_project.replication.sqlite_pair.operator.planning import Decision as Planned
from tests.chaos.data_loss import settle_losses
from tests.chaos.history import OUT_OF_STOCK, Asked, Kind, Operation, Outcome, State
from tests.chaos.log_recorder import RecordedEntry
from tests.chaos.operator import Decision, Offer, offer_of

ORDER = str(uuid.UUID(int=1))
LOST_ORDER = str(uuid.UUID(int=2))


def entry(position: int, version: int, order: str = "") -> RecordedEntry:
    """Version `version` of book 1, with as many copies; sold by that order, if there is one."""
    rows: list[dict[str, Any]] = [
        {"table": "catalog_app_book", "key": 1, "row": {"id": 1, "version": version, "quantity": version, "price": 1}}
    ]
    if order:
        sale = {"book_id": 1, "change": -1, "order": uuid.UUID(order).hex, "actor": ""}
        rows.append({"table": "catalog_app_ledgerentry", "key": position, "row": sale})
    return RecordedEntry(position, 1, json.dumps(rows), "[]", "")


def read(version: int, at: float, quantity: int | None = None) -> Operation:
    state = State(version, version if quantity is None else quantity, "1.00")
    return Operation("reader", Asked(Kind.READ, 1), at, at + 0.5, Outcome.OK, state)


def edit(version: int, at: float) -> Operation:
    asked = Asked(Kind.EDIT, 1, price="1.00")
    return Operation("writer", asked, at, at + 0.5, Outcome.OK, State(version, version, "1.00"))


def sale(order: str, at: float, outcome: Outcome = Outcome.OK, note: str = "") -> Operation:
    return Operation("buyer", Asked(Kind.SELL, 1, tag=order, copies=1), at, at + 0.5, outcome, note=note)


def cancellation(tag: str, order: str, at: float) -> Operation:
    asked = Asked(Kind.CANCEL, 1, tag=tag, copies=1, order=order)
    return Operation("clerk", asked, at, at + 0.5, Outcome.OK)


def promoted(head: int, lost: int, service: str = "catalog") -> Decision:
    return Decision(service, Offer(f"{service}-2", head, lost), began=100, ended=110)


KEPT = [entry(1, 1), entry(2, 2, ORDER), entry(3, 3)]
"""The third one was made after the decision."""
GIVEN_UP = [entry(3, 3), entry(4, 4, LOST_ORDER)]


def test_without_a_decision_everything_is_judged() -> None:
    operations = [read(2, 1), edit(3, 2)]
    assert settle_losses(operations, [], KEPT, []).operations == operations


def test_what_was_given_up_is_left_out_and_all_else_is_not() -> None:
    kept = [read(2, 1), sale(ORDER, 2), read(3, 120), edit(3, 115), sale(LOST_ORDER, 50, Outcome.OPEN)]
    lost = [edit(3, 10), sale(LOST_ORDER, 11), read(4, 12)]
    settled = settle_losses([*kept, *lost], [promoted(head=2, lost=2)], KEPT, GIVEN_UP)
    assert (settled.operations, settled.unjudged, settled.violations) == (kept, 3, [])
    assert settled.orders_given_up == {LOST_ORDER}


def test_a_return_that_is_given_up_may_be_made_again_unless_its_sale_is_given_up_too() -> None:
    back = entry(4, 4)
    kept = [*KEPT, RecordedEntry(4, 1, back.payload.replace("]", f", {returned('again')}]"), "[]", "")]
    made_again, lost = cancellation("again", ORDER, 20), cancellation("lost", LOST_ORDER, 21)
    operations = [sale(ORDER, 2), sale(LOST_ORDER, 11), made_again, lost]
    settled = settle_losses(operations, [promoted(head=3, lost=3)], kept, GIVEN_UP)
    assert [(one.asked.tag, one.outcome) for one in settled.operations] == [
        (ORDER, Outcome.OK),
        ("again", Outcome.OPEN),
    ]
    assert settled.violations == []
    assert settle_losses(operations, [promoted(head=3, lost=2)], kept, GIVEN_UP).violations


def returned(tag: str) -> str:
    row = {"book_id": 1, "change": 1, "order": uuid.UUID(ORDER).hex, "cancellation": tag, "actor": ""}
    return json.dumps({"table": "catalog_app_ledgerentry", "key": 9, "row": row})


def test_what_the_new_history_does_before_the_command_ends_is_judged() -> None:
    anew = [read(3, 105), edit(3, 104)]
    settled = settle_losses(anew, [promoted(head=2, lost=0)], KEPT, [])
    assert (settled.operations, settled.violations) == (anew, [])


def test_to_lose_more_than_was_said_is_a_violation() -> None:
    lost = [edit(3, 10), sale(LOST_ORDER, 11)]
    (violation,) = settle_losses(lost, [promoted(head=2, lost=1)], KEPT, GIVEN_UP).violations
    assert "2 acknowledged writes are lost" in violation.what


def test_to_lose_something_where_nothing_was_said_is_a_violation() -> None:
    assert settle_losses([sale(LOST_ORDER, 11)], [promoted(head=2, lost=0)], KEPT, []).violations


def test_what_is_given_up_must_have_been_shown_as_it_was() -> None:
    (violation,) = settle_losses([read(4, 12, quantity=9)], [promoted(head=2, lost=2)], KEPT, GIVEN_UP).violations
    assert "a read showed" in violation.what


def test_who_was_told_that_nothing_is_left_was_told_so_by_what_was_given_up() -> None:
    told = sale(str(uuid.uuid4()), 20, Outcome.REFUSED, OUT_OF_STOCK)
    before = sale(str(uuid.uuid4()), 1, Outcome.REFUSED, OUT_OF_STOCK)
    settled = settle_losses([before, edit(3, 10), told], [promoted(head=2, lost=1)], KEPT, GIVEN_UP)
    assert settled.operations == [before]


def test_what_the_order_service_gives_up_comes_back_so_that_all_is_judged() -> None:
    operations = [read(2, 1), sale(ORDER, 2), sale(LOST_ORDER, 11)]
    assert settle_losses(operations, [promoted(2, 2, "order")], KEPT, []).operations == operations


def test_the_operator_reads_what_the_command_says() -> None:
    service: Any = SimpleNamespace(name="catalog")
    basis: Any = SimpleNamespace(service=service)
    lost = DataLoss(("Positions 13 to 20, which are settled: 8 entries.",), 8)
    for losses, count in ((lost, 8), (DataLoss((), 0), 0)):
        told = "\n".join(report.decision_lines(Planned(basis, "promote catalog-2", ("catalog-2",), 12, losses), []))
        assert offer_of("catalog-2", told) == Offer("catalog-2", 12, count)
    assert offer_of("catalog-2", "CommandError: catalog-2 can't be promoted, it is damaged: garbage") is None
