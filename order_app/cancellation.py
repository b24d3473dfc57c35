"""A cancellation, from the decision to the shelf: the copies come back once, whoever retries or dies.

1. The order service decides: one replicated transaction takes the copies out of the order, and leaves a row that says
   who, when, why, and that the copies are on their way (`order_changes`). From here on they can't be handed out, nor
   cancelled again.
2. The catalog puts the copies back on the shelf: one replicated transaction with a row of the ledger for each line,
   unique per cancellation and book (`catalog_app.returns`).
3. The order service notes that they are back.

Killed in between, the next attempt with the same key goes on, or the sweeper within seconds: whoever asks the catalog
again gets the answer that stands in its ledger. Killed before 1, nothing has happened.
"""

import logging
import uuid
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from django.db.models import Q
from django.utils import timezone

from bookstore_project.api import problems
from bookstore_project.api.problems import OutcomeUnknown, StoreError, Unavailable
from bookstore_project.api.sales import Line, Return
from bookstore_project.replication import reads, rows
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.transaction import Committed, get_verified, run
from bookstore_project.settings import topology
from order_app import clients, metrics
from order_app.models import CancelledLine, OrderChange, SweepMark
from order_app.order_changes import (
    Asked,
    Changed,
    Kind,
    Lines,
    Progress,
    decide_cancellation,
    order_verified,
    take_back,
    take_out,
)
from order_app.selectors import order_find

logger = logging.getLogger("bookstore.order")

MOST_AT_ONCE = 200
"""Cancellations that a round of the sweeper finishes."""


def cancel(asked: Asked, lines: Lines = None) -> Committed[Changed]:
    """Cancels copies of an order, all that are left without `lines`; when it returns, they are on the shelf again.

    Raises what `decide_cancellation` raises (nothing was changed), Conflict (the copies had come back before), and
    OutcomeUnknown: the copies are cancelled, and on their way back; the sweeper sees to it.
    """
    decided = decide_cancellation(asked, lines)
    changed = decided.value
    if changed.change.progress == Progress.PENDING:
        reached("cancellation-decided")
        try:
            changed = Changed(changed.order, give_back(changed.change, deadline=asked.deadline), changed.is_repeat)
        except (Unavailable, OutcomeUnknown) as error:
            raise _unknown(asked, error) from error
    if changed.change.progress == Progress.VOID:
        raise problems.Conflict("These copies had come back before, by another cancellation.")
    return Committed(changed, decided.position, decided.timeline, decided.changes)


def give_back(pending: OrderChange, *, deadline: float | None = None) -> OrderChange:
    """Steps 2 and 3, once however often they are tried; the change as it is then. `deadline` in epoch seconds.

    Raises Unavailable, OutcomeUnknown.
    """
    with reads.reading(topology.ORDER):
        cancelled = CancelledLine.objects.filter(change=pending).select_related("line")
        lines = [Line(each.line.book, each.quantity) for each in cancelled]
    progress = clients.give_back(
        cancellation=pending.pk, order=pending.order_id, lines=lines, actor=pending.actor, deadline=deadline
    )
    reached("cancellation-returned")
    return run(topology.ORDER, lambda: _note(pending.pk, progress)).value


def _note(change_id: uuid.UUID, progress: OrderChange.Progress) -> OrderChange:
    made = get_verified(OrderChange, change_id)
    assert made is not None, "changes are never deleted"
    if made.progress != Progress.PENDING:
        return made
    if progress == Progress.VOID:
        take_back(order_verified(made.order_id), made)
    made.progress = progress
    rows.update(made, "progress")
    return made


def finish(*, grace_s: float) -> int:
    """Finishes cancellations that are older than that, and were cut short; how many. What can't be done now waits.

    Where the clock was set back, one may seem not to have been made yet: its grace can't be told, and it isn't waited
    for, as copies come back once.
    """
    with reads.reading(topology.ORDER):
        now = timezone.now()
        is_old_enough = Q(created_at__lte=now - timedelta(seconds=grace_s)) | Q(created_at__gt=now)
        pending = OrderChange.objects.filter(is_old_enough, progress=Progress.PENDING)
        found = list(pending.order_by("created_at")[:MOST_AT_ONCE])
    return sum(_finish(each) for each in found)


def is_any_pending() -> bool:
    """Whether copies of any order are cancelled, and not on the shelf yet."""
    with reads.reading(topology.ORDER):
        return OrderChange.objects.filter(progress=Progress.PENDING).exists()


def _finish(pending: OrderChange) -> bool:
    try:
        progress = give_back(pending).progress
    except StoreError as error:
        logger.info("the copies of cancellation %s of order %s wait: %s", pending.pk, pending.order_id, error.detail)
        return False
    metrics.cancellations_finished.inc()
    logger.warning("finished the cancellation of order %s: %s", pending.order_id, Progress(progress).label)
    return True


class Returns:
    """Whether the catalog still has every return that was confirmed: another timeline of it may have lost some."""

    def __init__(self) -> None:
        self._confirmed = ""

    def confirm(self, timeline: str) -> None:
        """Once per timeline of the catalog, this one now: has what it lost asked for again.

        Raises Unavailable, to be tried again.
        """
        if timeline == self._confirmed:
            return
        with reads.reading(topology.ORDER):
            mark = SweepMark.objects.first()
            has_any = OrderChange.objects.filter(kind=Kind.CANCELLED).exists()
        if has_any and (mark is None or mark.timeline != timeline):
            _reopen_lost()
            members = {"timeline": timeline}
            run(topology.ORDER, lambda: SweepMark.objects.update_or_create(pk=1, defaults=members))
        # With none yet, there was none to be lost by this timeline.
        self._confirmed = timeline


def _reopen_lost() -> None:
    returned: set[uuid.UUID] = set()
    after = 0
    while page := clients.returns_after(after):
        returned |= {each.cancellation for each in page if isinstance(each, Return)}
        after = page[-1].last
    with reads.reading(topology.ORDER):
        done = OrderChange.objects.filter(kind=Kind.CANCELLED, progress=Progress.DONE).values_list("pk", flat=True)
        lost = [each for each in done.iterator() if each not in returned]
    for change_id in lost:
        logger.warning("the catalog has lost the return of cancellation %s: it is asked for again", change_id)
        run(topology.ORDER, partial(_reopen, change_id))


def _reopen(change_id: uuid.UUID) -> None:
    made = get_verified(OrderChange, change_id)
    assert made is not None, "changes are never deleted"
    made.progress = Progress.PENDING
    rows.update(made, "progress")


def adopt(returns: Sequence[Return]) -> int:
    """Writes the cancellations that these returns lack, because the order service lost them; how many.

    Their reasons are lost. One that doesn't fit the order (its lines were cancelled by others meanwhile) is left to
    the audit.
    """
    with reads.reading(topology.ORDER):
        known = set(
            OrderChange.objects.filter(pk__in=[each.cancellation for each in returns]).values_list("pk", flat=True)
        )
    missing = [each for each in returns if each.cancellation not in known]
    return sum(run(topology.ORDER, partial(_adopt, each)).value for each in missing)


def _adopt(returned: Return) -> bool:
    if get_verified(OrderChange, returned.cancellation) is not None:
        return False
    order = order_find(returned.order) and order_verified(returned.order)
    if order is None:
        logger.error("there is no order %s for its return %s", returned.order, returned.cancellation)
        return False
    of_books = {line.book: line for line in order.lines.all()}
    cancelled = [(of_books[line.book], line.quantity) for line in returned.lines]
    if any(line.left < copies for line, copies in cancelled):
        logger.error("order %s has no room for its return %s", returned.order, returned.cancellation)
        return False
    made = OrderChange(
        id=returned.cancellation,
        order=order,
        kind=Kind.CANCELLED,
        actor=returned.actor,
        created_at=returned.returned_at,
    )
    rows.insert(made)
    take_out(order, made, cancelled)
    logger.warning("wrote the cancellation of order %s anew, from the ledger", returned.order)
    return True


def _unknown(asked: Asked, error: StoreError) -> OutcomeUnknown:
    return OutcomeUnknown(
        "The copies are cancelled, and not all steps of their way back to the shelf are confirmed: the store goes on "
        f"with that by itself. {error.detail}",
        order=str(asked.order),
        idempotency_key=asked.key,
        **error.extra,
    )
