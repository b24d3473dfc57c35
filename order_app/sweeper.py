"""Finishes what was cut short, in seconds: orders of sales, by the catalog's ledger, and cancellations' returns."""

import logging
import time
import uuid
from collections.abc import Sequence
from itertools import takewhile

from django.utils import timezone

from bookstore_project.api.sales import Movement, Return, Sale
from bookstore_project.clock import Clock
from bookstore_project.nodes import background
from bookstore_project.replication import reads
from bookstore_project.replication.engine import engine
from bookstore_project.replication.service import get_service
from bookstore_project.replication.transaction import run
from bookstore_project.settings import topology
from order_app import cancellation, clients, metrics
from order_app.clients import Standing
from order_app.models import Order, SweepMark
from order_app.purchase import order_write

logger = logging.getLogger("bookstore.order")

EVERY_S, AT_REST_EVERY_S = 2.0, 3.0
GRACE_S = 2.0
"""A sale younger than this is left to the purchase that made it."""
CANCELLATION_GRACE_S = 10.0
"""A cancellation younger than this is left to whoever asked for it: the catalog is asked for up to 8 s."""
PATIENCE_S = 5.0
"""How long the other replica may be in its round before this one sweeps all the same."""
MARK_EVERY = 200
"""Sales between two marks: writing one for each sale would double the writes."""


def register() -> None:
    background.register(topology.ORDER, background.Task("sweeper", Sweeper().step, EVERY_S))


class Sweeper:
    """Walks along the catalog's sales and returns, writes the orders that are missing, and finishes cancellations.

    The lock, held for a round at a time, spares the two order replicas work, no more: an order is written once,
    whoever sweeps. So a process that hangs in its round doesn't stop the other for longer than PATIENCE_S.
    """

    def __init__(self, *, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._kept_out_since: float | None = None
        self._done: int | None = None
        self._timeline = ""
        self._returns = cancellation.Returns()
        self._swept: Standing | None = None
        """Of the catalog, when the last sweep had left nothing of it."""
        self._at_rest: tuple[Standing, Standing] | None = None
        """Where the orders and the catalog stood, when a round had left nothing to do."""

    def step(self) -> float:
        """One round: up to the newest sale, or up to the first that is too young to judge. Seconds until the next.

        As long as neither service has moved since a round that left nothing, that is all that is asked.
        """
        own = _standing()  # First: for what is written from here on, the next round looks again.
        if self._at_rest is not None and self._at_rest == (own, clients.standing()):
            return AT_REST_EVERY_S
        self._at_rest = None
        with engine.try_role(get_service(topology.ORDER), "sweeper") as is_mine:
            if is_mine:
                self._kept_out_since = None
            elif not self._has_waited():
                return EVERY_S
            self.sweep()
            # Beside the sweep, which begins anew where it stopped: what waits for room on a shelf holds up nobody.
            cancellation.finish(grace_s=CANCELLATION_GRACE_S)
            if self._swept is not None and not cancellation.is_any_pending():
                self._at_rest = own, self._swept
        return EVERY_S

    def _has_waited(self) -> bool:
        if self._kept_out_since is None:
            self._kept_out_since = self._clock()
        return self._clock() - self._kept_out_since >= PATIENCE_S

    def sweep(self, *, grace_s: float = GRACE_S) -> int:
        """How many orders were missing and are there now. Raises Unavailable, to be tried again."""
        mark, timeline = _read_mark()
        if self._done is None or timeline != self._timeline:
            # Another history of the orders: what was swept in the former one may be missing in this one.
            self._done, self._timeline = mark, timeline
        done, self._swept = self._done, None
        finished = 0
        while moved := (page := clients.movements_after(done)).movements:
            # From the oldest on: where the clock was set back, a sale may seem younger than those after it, or not to
            # have happened yet. The latter is judged at once: its grace can't be told, and an order is written once.
            old_enough = list(takewhile(lambda each: not 0 <= _age_s(each) < grace_s, moved))
            finished += finish([each for each in old_enough if isinstance(each, Sale)])
            cancellation.adopt([each for each in old_enough if isinstance(each, Return)])
            if old_enough:
                done = old_enough[-1].last
            if len(old_enough) < len(moved):
                swept = None
                break
        else:
            swept = page.standing
        self._advance(done)
        self._returns.confirm(page.timeline)
        self._swept = swept
        return finished

    def _advance(self, done: int) -> None:
        self._done = done
        if done - read_mark() >= MARK_EVERY:
            run(topology.ORDER, lambda: SweepMark.objects.update_or_create(pk=1, defaults={"sale": done}))


def _standing() -> Standing:
    """Of the orders. Raises Unavailable."""
    standing = engine.standing(get_service(topology.ORDER))
    return Standing(standing.timeline, standing.floor)


def read_mark() -> int:
    """Up to which sale every order is known to be written."""
    return _read_mark()[0]


def _read_mark() -> tuple[int, str]:
    """The mark, and the timeline in which it counts."""
    with reads.reading(topology.ORDER) as snapshot:
        mark = SweepMark.objects.first()
    return mark.sale if mark else 0, snapshot.timeline


def finish(sales: list[Sale]) -> int:
    """Writes the orders that these sales lack; how many."""
    known = known_orders([sale.order for sale in sales])
    missing = [sale for sale in sales if sale.order not in known]
    for sale in missing:
        order_write(sale)
        metrics.finished.inc()
        logger.warning("finished order %s from the ledger: %s", sale.order, _named(sale))
    return len(missing)


def _named(sale: Sale) -> str:
    first, *others = sale.lines
    more = f" and {len(others)} more" if others else ""
    return f"{first.quantity} × “{first.title}”{more}"


def known_orders(ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Which of these orders are written."""
    with reads.reading(topology.ORDER):
        return set(Order.objects.filter(pk__in=ids).values_list("pk", flat=True))


def _age_s(moved: Movement) -> float:
    at = moved.sold_at if isinstance(moved, Sale) else moved.returned_at
    return (timezone.now() - at).total_seconds()
