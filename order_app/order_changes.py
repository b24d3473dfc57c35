"""What staff does with an order: hands it out, undoes that, cancels copies, gives money back. Each once per key.

Every change is one replicated transaction of the order service: the order's row and lines say what became of it, and
a row of OrderChange who did it, when and why. A change that doesn't go together with those before is refused, under
the writer lock: so two members of staff can't cancel one copy twice, nor cancel what is being handed out.

The copies of a cancellation come back in the catalog afterwards (`cancellation`).
"""

import hashlib
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils import timezone

from bookstore_project.api import idempotency, problems
from bookstore_project.api.sales import Line
from bookstore_project.nodes import deadlines
from bookstore_project.replication import reads, rows
from bookstore_project.replication.transaction import Committed, active_attempt, get_verified, run, verify
from bookstore_project.settings import topology
from order_app import metrics
from order_app.models import CancelledLine, Order, OrderChange, OrderLine
from order_app.purchase import order_finish
from order_app.selectors import order_find, with_lines

Kind, Progress, Status = OrderChange.Kind, OrderChange.Progress, Order.Status
Lines = Sequence[Line] | None


@dataclass(frozen=True)
class Asked:
    """A change that a member of staff asks for. `deadline` in epoch seconds, looked at under the lock."""

    order: uuid.UUID
    actor: str
    reason: str = ""
    key: str | None = None
    """Without one it can't be repeated."""
    deadline: float | None = None


@dataclass(frozen=True)
class Changed:
    """The order as it is now, and what was done to it; `is_repeat` if it was done before, under the same key."""

    order: Order
    change: OrderChange
    is_repeat: bool = False


def decide_cancellation(asked: Asked, lines: Lines) -> Committed[Changed]:
    """Takes copies out of the order, all that are left without `lines`; they come back in the catalog afterwards.

    Raises NotFound, Invalid (a book that isn't in the order), Conflict (collected, or fewer copies are left),
    IdempotencyConflict, Unavailable.
    """
    wanted = None if lines is None else sorted((line.book, line.quantity) for line in lines)

    def change(order: Order, made: OrderChange) -> None:
        if order.status == Status.COLLECTED:
            raise problems.Conflict(
                "This order has been collected: copies that come back are a restock and a refund."
            )
        of_books = {line.book: line for line in order.lines.all()}
        if wanted is None:
            cancelled = [(line, line.left) for line in of_books.values() if line.left]
        else:
            cancelled = [(_line_of(of_books, book, copies), copies) for book, copies in wanted]
        if not cancelled:
            raise problems.Conflict("Every copy of this order has been cancelled before.")
        made.progress = Progress.PENDING
        rows.insert(made)
        take_out(order, made, cancelled)

    return _decided(asked, Kind.CANCELLED, wanted, change)


def collect(asked: Asked) -> Committed[Changed]:
    """The copies that aren't cancelled are handed out. Raises NotFound, Conflict (collected or cancelled before),
    IdempotencyConflict, Unavailable."""

    def change(order: Order, made: OrderChange) -> None:
        if order.status != Status.COMPLETED:
            raise problems.Conflict(f"This order has been {order.status} before.")
        order.status = Status.COLLECTED
        rows.update(order, "status")
        rows.insert(made)

    return _decided(asked, Kind.COLLECTED, None, change)


def reopen(asked: Asked) -> Committed[Changed]:
    """A hand-out that was noted by mistake is undone: what isn't cancelled is to be handed out again.

    Raises NotFound, Conflict (it isn't collected, or not any more), IdempotencyConflict, Unavailable.
    """

    def change(order: Order, made: OrderChange) -> None:
        if order.status != Status.COLLECTED:
            raise problems.Conflict("This order isn't noted as handed out.")
        # The ledger may have taken copies out of it since (`cancellation.adopt`).
        order.status = Status.COMPLETED if any(line.left for line in order.lines.all()) else Status.CANCELLED
        rows.update(order, "status")
        rows.insert(made)

    return _decided(asked, Kind.REOPENED, None, change)


def refund(asked: Asked, amount: Decimal | None) -> Committed[Changed]:
    """Money was given back; without an amount, what cancelled copies cost and wasn't given back yet.

    Raises NotFound, Conflict (nothing to give back, or more than was paid), IdempotencyConflict, Unavailable.
    """

    def change(order: Order, made: OrderChange) -> None:
        owed = order.cancelled_total - order.refunded
        made.amount = owed if amount is None else amount
        if made.amount <= 0:
            raise problems.Conflict("No cancelled copy of this order is left to be refunded: name an amount.")
        if order.refunded + made.amount > order.total:
            left = order.total - order.refunded
            raise problems.Conflict(f"Of this order's price, {left:.2f} haven't been given back.")
        order.refunded += made.amount
        rows.update(order, "refunded")
        rows.insert(made)

    return _decided(asked, Kind.REFUNDED, None if amount is None else f"{amount:.2f}", change)


def take_out(order: Order, made: OrderChange, cancelled: Sequence[tuple[OrderLine, int]]) -> None:
    """Within a transaction: so many copies of these lines leave the order, by a change that is written."""
    for line, copies in cancelled:
        line.cancelled += copies
        rows.update(line, "cancelled")
        rows.insert(CancelledLine(change=made, line=line, quantity=copies))
    if order.status == Status.COMPLETED and not any(line.left for line in order.lines.all()):
        order.status = Status.CANCELLED
        rows.update(order, "status")


def take_back(order: Order, made: OrderChange) -> None:
    """Within a transaction: a cancellation whose copies had come back by another one never was."""
    for each in CancelledLine.objects.filter(change=made).select_related("line"):
        verify(each.line)
        each.line.cancelled -= each.quantity
        rows.update(each.line, "cancelled")
    if order.status == Status.CANCELLED:
        order.status = Status.COMPLETED
        rows.update(order, "status")


def order_verified(order_id: uuid.UUID) -> Order:
    """Within a transaction: the order with its lines, each as the log says it is. Raises NotFound."""
    order = get_verified(Order, order_id)
    if order is None:
        raise problems.NotFound(f"There is no order {order_id}.")
    lines = list(OrderLine.objects.filter(order=order_id))
    for line in lines:
        verify(line)
    return with_lines(order, lines)


def _line_of(of_books: dict[int, OrderLine], book: int, copies: int) -> OrderLine:
    line = of_books.get(book)
    if line is None:
        raise problems.Invalid({"lines": [f"Book {book} isn't in this order."]})
    if line.left < copies:
        left = "1 copy is" if line.left == 1 else f"{line.left} copies are"
        raise problems.Conflict(f"{left} left of “{line.title}”, {copies} were to be cancelled.")
    return line


def _decided(
    asked: Asked, kind: OrderChange.Kind, detail: object, change: Callable[[Order, OrderChange], None]
) -> Committed[Changed]:
    """Carries out `change` with the order and the row to write, once per key."""
    change_id = idempotency.id_of("order change", asked.key) if asked.key else uuid.uuid4()
    told = json.dumps([kind, str(asked.order), detail, asked.reason])
    fingerprint = hashlib.sha256(told.encode()).hexdigest()
    if active_attempt() is None:  # Within a transaction, as of an action of the admin, it was read a moment ago.
        _ensure_written(asked.order)

    def decide() -> Changed:
        known = get_verified(OrderChange, change_id)
        if known is not None:
            return _repeated(known, asked.order, fingerprint)
        deadlines.assert_not_after(asked.deadline)
        order = order_verified(asked.order)
        made = OrderChange(
            id=change_id,
            order=order,
            kind=kind,
            actor=asked.actor,
            reason=asked.reason,
            fingerprint=fingerprint,
            created_at=timezone.now(),
        )
        change(order, made)
        return Changed(order, made)

    outcome = run(topology.ORDER, decide)
    if not outcome.value.is_repeat:
        metrics.order_changes.labels(kind).inc()
    return outcome


def _repeated(known: OrderChange, order_id: uuid.UUID, fingerprint: str) -> Changed:
    is_same = known.fingerprint in (fingerprint, "") and known.order_id == order_id
    if not is_same:
        raise problems.IdempotencyConflict("This idempotency key was used for another change of an order before.")
    order = order_find(order_id)
    assert order is not None, "a change belongs to an order"
    return Changed(order, known, is_repeat=True)


def _ensure_written(order_id: uuid.UUID) -> None:
    """Of an order that is sold and not written yet: nobody shall be told that it isn't there. Raises Unavailable."""
    with reads.reading(topology.ORDER):
        is_written = Order.objects.filter(pk=order_id).exists()
    if not is_written:
        order_finish(order_id)
