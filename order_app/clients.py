"""The order service's view of the catalog: sells copies, over HTTP, at one replica or the other."""

import json
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from bookstore_project.settings import topology
from bookstore_project.wire import client, headers, problems
from bookstore_project.wire.client import CallFailed, NeverSent, NoAnswer, Reply
from order_app.errors import Refused
from order_app.turns import Turns

SALES_PATH = "/internal/sales/"
ATTEMPT_TIMEOUT_S = 2.0
CONCURRENT_SALES = 4
"""Per order replica: two of them together keep to half of one catalog replica's threads."""

VERDICTS = frozenset({"out_of_stock", "not_found", "idempotency_conflict", "validation_error"})
"""The refusals that a purchase ends with; any other says something about the replica, or about the way to it."""

turns = Turns()
_slots = threading.BoundedSemaphore(CONCURRENT_SALES)


@dataclass(frozen=True)
class Sale:
    """What the catalog says it sold."""

    number: int
    order: uuid.UUID
    book: int
    title: str
    quantity: int
    unit_price: Decimal
    sold_at: datetime
    is_repeat: bool


def sell(*, order: uuid.UUID, book: int, quantity: int, deadline: float, is_first_attempt: bool) -> Sale:
    """Asks a catalog replica to sell, and the other one if it gives no definite answer: both know the order's id.

    Raises Refused with the catalog's own answer, Unavailable if surely nothing was sold by these attempts,
    OutcomeUnknown if something may have been.
    """
    if not _slots.acquire(timeout=max(0.0, deadline - time.time())):
        raise problems.Unavailable("Too many purchases are under way; nothing was sold.")
    try:
        return _sell(order, book, quantity, deadline, is_first_attempt)
    finally:
        _slots.release()


def _sell(order: uuid.UUID, book: int, quantity: int, deadline: float, is_first_attempt: bool) -> Sale:
    may_have_sold = False
    for attempt, node in enumerate(turns.order(topology.replicas(topology.CATALOG))):
        asked = {
            "order": str(order),
            "book": book,
            "quantity": quantity,
            "first_attempt": is_first_attempt and attempt == 0,
        }
        try:
            reply = _ask(node, "POST", SALES_PATH, body=json.dumps(asked).encode(), deadline=deadline)
        except NeverSent:
            continue
        except CallFailed:
            may_have_sold = True
            continue
        verdict = _verdict(reply)
        if verdict is not None:
            turns.answered(node)
            return verdict
        turns.failed(node)
        may_have_sold |= not _has_surely_done_nothing(reply)
    if may_have_sold:
        raise problems.OutcomeUnknown("The catalog gave no answer: the copies may have been sold.")
    raise problems.Unavailable("No catalog replica can sell now; nothing was sold.")


def sales_after(number: int) -> list[Sale]:
    """The next sales above a ledger number; raises Unavailable if no catalog replica answers."""
    for node in turns.order(topology.replicas(topology.CATALOG)):
        try:
            reply = _ask(node, "GET", f"{SALES_PATH}?after={number}")
        except CallFailed:
            continue
        if reply.status == HTTPStatus.OK:
            turns.answered(node)
            return [parse_sale(item) for item in json.loads(reply.body)]
        turns.failed(node)
    raise problems.Unavailable("No catalog replica tells its sales now.")


def _ask(
    node: topology.Node, method: str, path: str, *, body: bytes | None = None, deadline: float | None = None
) -> Reply:
    try:
        return client.call(node, method, path, body=body, timeout_s=ATTEMPT_TIMEOUT_S, deadline=deadline)
    except CallFailed as error:
        # A call that never left because no time was left for it says nothing about the replica.
        if isinstance(error, NoAnswer) or deadline is None or time.time() < deadline:
            turns.failed(node)
        raise


def _verdict(reply: Reply) -> Sale | None:
    """The sale, if the answer is one; None if it doesn't say what became of the purchase. Raises Refused."""
    if reply.status in (HTTPStatus.OK, HTTPStatus.CREATED):
        with suppress(ValueError, LookupError, TypeError):
            return parse_sale(json.loads(reply.body))
        return None
    problem = _problem(reply)
    if problem.get("code") in VERDICTS:
        raise Refused(problem, is_repeat=headers.IDEMPOTENT_REPLAYED in reply.headers)
    return None


def _has_surely_done_nothing(reply: Reply) -> bool:
    """Whether an answer that is no verdict came from a replica that can't have sold."""
    is_turned_away = reply.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
    return is_turned_away or _problem(reply).get("code") == problems.Unavailable.code


def parse_sale(members: dict[str, Any]) -> Sale:
    return Sale(
        number=members["number"],
        order=uuid.UUID(members["order"]),
        book=members["book"],
        title=members["title"],
        quantity=members["quantity"],
        unit_price=Decimal(members["unit_price"]),
        sold_at=datetime.fromisoformat(members["sold_at"]),
        is_repeat=members["is_repeat"],
    )


def _problem(reply: Reply) -> dict[str, Any]:
    """The problem document; empty if the answer is none."""
    if not reply.headers.get("Content-Type", "").startswith(problems.CONTENT_TYPE):
        return {}
    with suppress(ValueError):
        document = json.loads(reply.body)
        if isinstance(document, dict):
            return document
    return {}
