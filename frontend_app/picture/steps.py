"""The way of an answered request through the store, step by step, made of what this front knows of it.

A step is *seen* where this front did it, or had an answer from who did. What only replicas do is *concluded*: the
answer says that it was done, as the protocol acknowledges nothing before (docs/DESIGN.md, "Writing").
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import NamedTuple

from bookstore_project.settings import topology
from frontend_app.monitoring.feed import Answered, Call, Invalidated

CLIENT, CATALOG, ORDER = "client", topology.CATALOG, topology.ORDER
PURCHASES = frozenset({"/purchase/<int:book_id>", "/api/v1/orders", "/buy", "/buy/again"})
"""Patterns of the routes that buy."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LONGEST_RESULT = 60


class Step(NamedTuple):
    """`code` is one of SENTENCES; `at` are the nodes, or copies, that it is about."""

    code: str
    at: tuple[str, ...] = ()
    more: str = ""
    is_seen: bool = True

    def told(self) -> list[object]:
        return [self.code, list(self.at), self.more, self.is_seen]


@dataclass(frozen=True, slots=True)
class Way:
    """What kind of request it was, and its steps."""

    kind: str
    steps: Sequence[Step]


SENTENCES: Mapping[str, str] = {
    "ask": "A request comes to the front.",
    "find": "The front holds a lease, and the entry is not below its key's floor: it answers from its cache, and "
    "asks no replica.",
    "turn": "The cache can't answer. Round robin: the front asks the replica whose turn it is.",
    "fail": "The replica that was asked doesn't answer, or says that it can't.",
    "again": "The other replica takes over: it is asked the same once more. A purchase keeps its key.",
    "read": "The replica reads its own file. Its head is not below the floor, and it is in sync: it shows all that "
    "was acknowledged.",
    "keep": "The answer goes into the first slot of the cache. If the row is full, the last one is evicted.",
    "order": "The front asks the order replica whose turn it is to buy, with an idempotency key: it buys once, "
    "however often it is asked.",
    "sell": "The order replica asks a catalog replica to sell, which checks and takes the stock, under the writer "
    "lock.",
    "write": "The front asks the replica whose turn it is to make the change, under the writer lock.",
    "commit": "Commit on both files: the rows, and one log entry with the position.",
    "invalidate": "Invalidate: each front that holds a lease drops what is older than that position, before "
    "anybody can see the change.",
    "floor": "Raise the floor: the write is visible from here on, everywhere at once.",
    "note": "The order replica writes the order on both of its files, with an entry and a floor of that log.",
    "answer": "Acknowledge: only now the client is answered.",
    "refuse": "The client is told why it can't be done. Nothing was changed.",
    "unknown": "The client isn't told that it was done, and may ask again with the same key.",
}
"""What the design says of each step. The page has them; a step in the stream names its code alone."""


def way_of(answered: Answered, push: Invalidated | None, out: frozenset[str]) -> Way:
    """`push` is what was dropped on its behalf, if this front was told; `out` are the copies that are out of sync."""
    kind = kind_of(answered)
    return Way(kind, [Step("ask", (CLIENT,)), *_middle(kind, answered, push, out), _last(answered)])


def kind_of(answered: Answered) -> str:
    if answered.cache == "hit":
        return "hit"
    if answered.cache == "miss":
        return "miss"
    if answered.method not in SAFE and answered.calls:
        return "purchase" if answered.route in PURCHASES else "change"
    return "read" if answered.calls else "front"


def _middle(kind: str, answered: Answered, push: Invalidated | None, out: frozenset[str]) -> Iterator[Step]:
    if kind == "hit":
        yield Step("find", (topology.FRONT,))
        return
    for number, call in enumerate(answered.calls):
        yield from _call(kind, call, is_again=number > 0 and not answered.calls[number - 1].is_answered)
        if call.is_answered and int(call.result) < HTTPStatus.BAD_REQUEST:
            yield from _done(kind, call, push, out)


def _call(kind: str, call: Call, *, is_again: bool) -> Iterator[Step]:
    if is_again:
        code = "again"
    elif call.method in SAFE:
        code = "turn"
    else:
        code = "order" if kind == "purchase" else "write"
    is_write = call.is_answered and call.method not in SAFE
    yield Step(code, (call.node,), _ms(call.took_ms) if is_write else "")
    if not call.is_answered:
        yield Step("fail", (call.node,), call.result[:LONGEST_RESULT])


def _done(kind: str, call: Call, push: Invalidated | None, out: frozenset[str]) -> Iterator[Step]:
    service = topology.NODES[call.node].service if call.node in topology.NODES else ""
    if call.method in SAFE:
        yield Step("read", (call.node,), _ms(call.took_ms))
        if kind == "miss":
            yield Step("keep", (topology.FRONT,))
    elif kind == "purchase" and service == ORDER:
        seller = push.replica if push else ""
        yield Step("sell", (call.node, seller or CATALOG), is_seen=bool(seller))
        yield from _committed(CATALOG, push, out)
        yield Step("note", (call.node, *_copies(ORDER, out)), is_seen=False)
    else:
        yield from _committed(service, push if service == CATALOG else None, out)


def _committed(service: str, push: Invalidated | None, out: frozenset[str]) -> Iterator[Step]:
    where = f"position {push.position}" if push else ""
    yield Step("commit", _copies(service, out), where, is_seen=False)
    if service == CATALOG:
        sender = (push.replica if push else "") or CATALOG
        yield Step("invalidate", (sender, topology.FRONT), where, is_seen=push is not None)
    yield Step("floor", (service,), where, is_seen=False)


def _copies(service: str, out: frozenset[str]) -> tuple[str, ...]:
    return tuple(node.name for node in topology.replicas(service) if node.name not in out)


def _last(answered: Answered) -> Step:
    told = f"{answered.status}, {_ms(answered.took_ms)}"
    if answered.status < HTTPStatus.BAD_REQUEST:
        return Step("answer", (CLIENT,), told)
    return Step("unknown" if answered.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "refuse", (CLIENT,), told)


def _ms(took_ms: float) -> str:
    return f"{took_ms:.2g} ms" if took_ms < 10 else f"{took_ms:.0f} ms"
