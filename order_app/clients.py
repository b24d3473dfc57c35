"""The order service's view of the catalog: sells copies, over HTTP, at one replica or the other."""

import itertools
import json
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from bookstore_project.settings import topology
from bookstore_project.wire import client, headers, problems
from bookstore_project.wire.client import CallFailed, NeverSent, Reply
from order_app.errors import Refused

SALES_PATH = "/internal/sales/"
ATTEMPT_TIMEOUT_S = 5.0
CONCURRENT_SALES = 4
"""Per order replica: two of them together keep to half of one catalog replica's threads."""

_turns = itertools.count()
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
    first = next(_turns) % 2
    replicas = topology.replicas(topology.CATALOG)
    may_have_sold = False
    for attempt, node in enumerate((replicas[first], replicas[1 - first])):
        asked = {
            "order": str(order),
            "book": book,
            "quantity": quantity,
            "first_attempt": is_first_attempt and attempt == 0,
        }
        try:
            reply = client.call(
                node,
                "POST",
                SALES_PATH,
                body=json.dumps(asked).encode(),
                timeout_s=ATTEMPT_TIMEOUT_S,
                deadline=deadline,
            )
        except NeverSent:
            continue
        except CallFailed:
            may_have_sold = True
            continue
        problem = {} if reply.status < 400 else _problem(reply)
        if reply.status >= 500:
            may_have_sold |= problem.get("code") != "unavailable"
            continue
        if problem:
            raise Refused(problem, is_repeat=headers.IDEMPOTENT_REPLAYED in reply.headers)
        return parse_sale(json.loads(reply.body))
    if may_have_sold:
        raise problems.OutcomeUnknown("The catalog gave no answer: the copies may have been sold.")
    raise problems.Unavailable("No catalog replica can sell now; nothing was sold.")


def sales_after(number: int) -> list[Sale]:
    """The next sales above a ledger number; raises Unavailable if no catalog replica answers."""
    for node in topology.replicas(topology.CATALOG):
        try:
            reply = client.call(node, "GET", f"{SALES_PATH}?after={number}", timeout_s=ATTEMPT_TIMEOUT_S)
        except CallFailed:
            continue
        if reply.status == 200:
            return [parse_sale(item) for item in json.loads(reply.body)]
    raise problems.Unavailable("No catalog replica tells its sales now.")


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
    try:
        document = json.loads(reply.body)
    except ValueError:
        document = None
    return document if isinstance(document, dict) else {"code": "internal_error"}
