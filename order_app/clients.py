"""The order service's view of the catalog: sells copies, and gives them back, over HTTP, at either replica."""

import json
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

from bookstore_project.api import headers, internal_paths, problems
from bookstore_project.api.sales import Line, Movement, Sale, parse_movements
from bookstore_project.nodes import background, client, deadlines
from bookstore_project.nodes.balancing.balancer import Attempt, Balancer
from bookstore_project.nodes.balancing.checks import TURNED_AWAY, Call, CallAll, Checker, problem_of
from bookstore_project.nodes.balancing.circuit_breaker import ReplicaBreakers
from bookstore_project.nodes.balancing.round_robin import RoundRobin
from bookstore_project.nodes.batches import Part
from bookstore_project.nodes.client import CallFailed, NeverSent, Reply
from bookstore_project.nodes.drains import Drains
from bookstore_project.outcomes import Outcome, result_of
from bookstore_project.replication.conf import replication_settings
from bookstore_project.settings import topology
from order_app.errors import Refused
from order_app.models import OrderChange

ATTEMPT_TIMEOUT_S = replication_settings.write_wait_s
READ_TIMEOUT_S = 4.0
DEADLINE_S = 8.0
"""How long a return is asked for, before it is left to the sweeper."""
CONCURRENT_SALES = 4
"""Per order replica: two of them together keep to half of one catalog replica's threads."""

CHECK_EVERY_S = 10.0
"""Of a replica in rotation that hasn't answered for so long: the sweeper, too, asks the two by turns."""

VERDICTS = frozenset(
    {"out_of_stock", "price_changed", "lines_unavailable", "not_found", "idempotency_conflict", "validation_error"}
)
"""The refusals that a purchase ends with; any other says something about the replica, or about the way to it."""

_slots = threading.BoundedSemaphore(CONCURRENT_SALES)


def build_balancer(call: Call = client.call, call_all: CallAll | None = None) -> Balancer:
    """The catalog, as an order replica sees it, and calls it with `call` (or `call_all`, what it asks together)."""
    nodes = topology.replicas(topology.CATALOG)
    breakers = ReplicaBreakers(nodes)
    turns = RoundRobin(nodes, breakers, Drains().is_drained)
    return Balancer(topology.CATALOG, turns, breakers, call=call, call_all=call_all)


balancer = build_balancer(call_all=client.call_all)


def register() -> None:
    """Checks of the catalog replicas that failed, beside the requests of every order replica."""
    for node in topology.replicas(topology.CATALOG):
        background.register(topology.ORDER, checker_of(node).task())


def checker_of(node: topology.Node) -> Checker:
    """The purchases tell enough for the beginning: of a store that begins none may be ready yet."""
    breakers = balancer.breakers
    return Checker(node, breakers, balancer.call, checked_at=breakers.clock(), every_s=CHECK_EVERY_S)


@dataclass
class Wanted:
    """Copies that the catalog is asked to sell for an order, and what it has said."""

    order: uuid.UUID
    lines: Sequence[Line]
    deadline: float
    """In epoch seconds."""
    is_first_attempt: bool
    verdict: Outcome[Sale] | None = None
    may_be_sold: bool = False

    def part(self, attempt: Attempt) -> Part:
        asked = {
            "order": str(self.order),
            "lines": [line.as_json() for line in self.lines],
            "first_attempt": self.is_first_attempt and attempt.is_first,
        }
        return Part(json.dumps(asked).encode(), deadline=self.deadline)

    def hear(self, reply: Reply) -> None:
        try:
            self.verdict = _verdict(reply)
        except Refused as error:
            self.verdict = error
        self.may_be_sold |= self.verdict is None and not _has_surely_done_nothing(reply)

    def outcome(self) -> Outcome[Sale]:
        if self.verdict is not None:
            return self.verdict
        if self.may_be_sold:
            return problems.OutcomeUnknown(
                "The catalog gave no answer: the copies may have been sold.", service=topology.CATALOG
            )
        return problems.Unavailable("No catalog replica can sell now; nothing was sold.", service=topology.CATALOG)


def sell(*, order: uuid.UUID, lines: Sequence[Line], deadline: float, is_first_attempt: bool) -> Sale:
    """Asks a catalog replica to sell all lines, and the other one if it gives no definite answer; both know the id.

    Raises Refused with the catalog's own answer, Unavailable if surely nothing was sold by these attempts,
    OutcomeUnknown if something may have been.
    """
    (outcome,) = sell_all([Wanted(order, lines, deadline, is_first_attempt)])
    return result_of(outcome)


def sell_all(wanted: Sequence[Wanted]) -> list[Outcome[Sale]]:
    """The same for several orders, in one call."""
    deadline = max(each.deadline for each in wanted)
    if not _slots.acquire(timeout=max(0.0, deadline - time.time())):
        late = "Too many purchases are under way; nothing was sold."
        return [problems.Unavailable(late) for _ in wanted]
    try:
        _ask(wanted, deadline)
    finally:
        _slots.release()
    return [each.outcome() for each in wanted]


def _ask(wanted: Sequence[Wanted], deadline: float) -> None:
    for attempt in balancer.attempts(deadline, ATTEMPT_TIMEOUT_S):
        open_ = [each for each in wanted if each.verdict is None]
        try:
            replies = balancer.ask_all(attempt, internal_paths.SALES, [each.part(attempt) for each in open_])
        except NeverSent:
            continue
        except CallFailed:
            for each in open_:
                each.may_be_sold = True
            continue
        for each, reply in zip(open_, replies, strict=True):
            each.hear(reply)
        left = [reply for each, reply in zip(open_, replies, strict=True) if each.verdict is None]
        if not left:
            return
        balancer.reject(attempt, left[0])


def give_back(
    *, cancellation: uuid.UUID, order: uuid.UUID, lines: Sequence[Line], actor: str, deadline: float | None
) -> OrderChange.Progress:
    """Asks the catalog to put copies back, as often as it takes: what became of that, for good.

    DONE if they are on the shelf, UNSOLD if the ledger has no such sale, VOID if they had come back before. Raises
    Unavailable if nobody gives such an answer: they may be back or not, and it has to be asked again.
    """
    until = min(deadline or float("inf"), time.time() + DEADLINE_S)
    if not _slots.acquire(timeout=max(0.0, until - time.time())):
        raise problems.Unavailable("Too many sales and returns are under way.")
    try:
        return _give_back(
            {
                "cancellation": str(cancellation),
                "order": str(order),
                "lines": [line.as_json() for line in lines],
                "actor": actor,
            },
            until,
        )
    finally:
        _slots.release()


def _give_back(asked: Mapping[str, object], deadline: float) -> OrderChange.Progress:
    told = ""
    for attempt in balancer.attempts(deadline, ATTEMPT_TIMEOUT_S):
        try:
            reply = balancer.ask(attempt, "POST", internal_paths.RETURNS, body=json.dumps(asked).encode())
        except CallFailed:
            continue
        if reply.status in (HTTPStatus.OK, HTTPStatus.CREATED):
            return OrderChange.Progress.DONE
        problem = problem_of(reply)
        progress = OF_A_RETURN.get(str(problem.get("code")))
        # A node of older code has no such route, and says "not found", too.
        if progress is not None and problem.get("order") == asked["order"]:
            return progress
        if problem.get("code") == problems.Invalid.code:  # No room on the shelf: the other replica has none either.
            told = str(problem.get("detail"))
            break
        balancer.reject(attempt, reply)
    raise problems.Unavailable(told or "No catalog replica can take copies back now.", service=topology.CATALOG)


OF_A_RETURN = {"not_found": OrderChange.Progress.UNSOLD, "conflict": OrderChange.Progress.VOID}
"""Refusals that stand: what is gone from the ledger doesn't come back, and returns are never taken back."""


@dataclass(frozen=True)
class Standing:
    """Of a service, at a moment: its timeline, and the position up to which everything is visible."""

    timeline: str
    position: int


@dataclass(frozen=True)
class Page:
    """What the ledger says of orders, as of one moment of the catalog."""

    movements: list[Movement]
    standing: Standing

    @property
    def timeline(self) -> str:
        return self.standing.timeline


def standing() -> Standing:
    """Where the catalog stands; raises Unavailable if no replica of it says that."""
    told = json.loads(_read(internal_paths.STATUS).body)
    return Standing(str(told["timeline"]), int(told["position"]))


def movements_after(number: int) -> Page:
    """The next sales and returns above a ledger number; raises Unavailable if no catalog replica answers."""
    return _page(f"after={number}")


def returns_after(number: int) -> list[Movement]:
    """The next returns alone; raises Unavailable if no catalog replica answers."""
    return _page(f"after={number}&kind=return").movements


def sale_of(order: uuid.UUID) -> Sale | None:
    """What was sold for this order, if the ledger has it; raises Unavailable if no catalog replica answers."""
    return next((each for each in _page(f"order={order}").movements if isinstance(each, Sale)), None)


def _page(query: str) -> Page:
    reply = _read(f"{internal_paths.SALES}?{query}")
    position = reply.headers.get(headers.LOG_POSITION, "")
    standing = Standing(reply.headers.get(headers.TIMELINE, ""), int(position) if position.isdecimal() else 0)
    return Page(parse_movements(json.loads(reply.body)), standing)


def _read(path: str) -> Reply:
    """The answer of a catalog replica that has one. Raises Unavailable."""
    deadline = min(time.time() + READ_TIMEOUT_S, deadlines.current() or float("inf"))
    for attempt in balancer.attempts(deadline, ATTEMPT_TIMEOUT_S):
        try:
            reply = balancer.ask(attempt, "GET", path)
        except CallFailed:
            continue
        if reply.status == HTTPStatus.OK:
            return reply
        balancer.reject(attempt, reply)
    raise balancer.unavailable()


def _verdict(reply: Reply) -> Sale | None:
    """The sale, if the answer is one; None if it doesn't say what became of the purchase. Raises Refused."""
    if reply.status in (HTTPStatus.OK, HTTPStatus.CREATED):
        with suppress(ValueError, LookupError, TypeError, ArithmeticError):
            return Sale.parse(json.loads(reply.body))
        return None
    problem = problem_of(reply)
    if problem.get("code") in VERDICTS:
        raise Refused(problem, is_repeat=headers.IDEMPOTENT_REPLAYED in reply.headers)
    return None


def _has_surely_done_nothing(reply: Reply) -> bool:
    """Whether an answer that is no verdict came from a replica that can't have sold."""
    return reply.status in TURNED_AWAY or problem_of(reply).get("code") == problems.Unavailable.code
