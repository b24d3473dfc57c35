"""What a front remembers to show: its last requests and events. Bounded, in memory, off every request's way."""

import logging
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypedDict

from bookstore_project.nodes import metrics, redaction
from bookstore_project.nodes.access_log import LONGEST_METHOD
from bookstore_project.nodes.balancing.circuit_breaker import BreakerStatus, State
from bookstore_project.settings import topology
from bookstore_project.settings.topology import Node
from frontend_app.monitoring.feed import Answered, Feed, Happened, calls_of
from frontend_app.monitoring.rolling_stats import RollingStats
from frontend_app.monitoring.trace import ShownStep

log = logging.getLogger("bookstore.front")
REQUESTS_KEPT, EVENTS_KEPT = 50, 100
LONGEST_EVENT = 500


def timestamp(epoch_s: float) -> str:
    """RFC 3339, in UTC."""
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _now() -> str:
    return timestamp(time.time())


def left_the_rotation(node: Node, reason: str, *, has_answered: bool = True) -> str:
    """`stopped answering → requests go to catalog-2`; of a replica that was never there, `doesn't answer yet`."""
    silent = "stopped answering" if has_answered else "doesn't answer yet"
    what = {"does not answer": silent, "refuses connections": f"{silent} (it refuses connections)"}
    others = [other.name for other in topology.replicas(node.service) if other != node]
    said = what.get(reason) or f"left the rotation: {reason.rstrip('.')}"
    return f"{said} → requests go to {' and '.join(others)}"


class ShownRequest(TypedDict):
    """A request that this front answered."""

    at: str
    method: str
    path: str
    """As `nodes.redaction` makes it, and so the calls in `trace`; or the pattern of its route."""
    status: int
    cache: str
    replica: str
    took_ms: float
    request_id: str
    trace: list[ShownStep]


class ShownEvent(TypedDict):
    """Something that happened to a node."""

    at: str
    node: str
    event: str


@dataclass
class Journal:
    """Newest first; appending to a deque needs no lock."""

    stats: RollingStats = field(default_factory=RollingStats)
    feed: Feed = field(default_factory=Feed)
    """Hears of all that is noted here, if anybody watches."""
    _requests: deque[tuple[ShownRequest, str]] = field(default_factory=lambda: deque(maxlen=REQUESTS_KEPT))
    """Each with the pattern of its route."""
    _events: deque[tuple[ShownEvent, str]] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))
    """Each with its text for others than staff."""

    def request(
        self,
        method: str,
        path: str,
        route: str,
        status: int,
        cache: str,
        replica: str,
        took_ms: float,
        request_id: str,
        trace: list[ShownStep],
        *,
        count: int = 1,
    ) -> None:
        """`path` and the calls in `trace` are as `nodes.redaction` makes them; `route` is the pattern.

        `count`: how many it stands for, itself among them.
        """
        shown: ShownRequest = {
            "at": _now(),
            "method": redaction.cut(method, LONGEST_METHOD),
            "path": path,
            "status": status,
            "cache": cache,
            "replica": replica,
            "took_ms": round(took_ms, 2),
            "request_id": request_id,
            "trace": trace,
        }
        self._requests.appendleft((shown, route))
        if self.feed.is_wanted:
            calls = calls_of(trace)
            self.feed.put(Answered(shown["method"], route, status, cache, took_ms, calls, count, request_id))

    def event(self, node: str, text: str, *, by: str = "", kind: str = "noted") -> None:
        """`by` is the member of staff who wanted it so, if anybody did; `kind` says in a word what it was."""
        text = redaction.cut(text, LONGEST_EVENT)
        full = f"{text}, ordered by {by}" if by else text
        self._events.appendleft(({"at": _now(), "node": node, "event": full}, text))
        log.info("%s %s", node, full)
        self.feed.put(Happened(kind, node, text))

    def rotation_changed(self, node: Node, known: BreakerStatus) -> None:
        text = {
            State.CLOSED: "is back in rotation",
            State.OPEN: left_the_rotation(node, known.reason, has_answered=known.seen_at is not None),
            State.HALF_OPEN: "passed a check: one request at a time finds out whether it is back",
        }[known.state]
        kinds = {State.CLOSED: "back", State.OPEN: "left", State.HALF_OPEN: "on-trial"}
        self.event(node.name, text, kind=kinds[known.state])

    def shared_cache_changed(self, node: Node, is_used: bool, reason: str) -> None:
        """`node` is the front that has begun or ceased to use it."""
        self.event(node.name, "uses the shared cache again" if is_used else f"leaves the shared cache out: {reason}")

    def drain_changed(self, name: str, is_drained: bool) -> None:
        if is_drained:
            self.event(name, "is drained: it gets no new requests", kind="drained")
        else:
            self.event(name, "is no longer drained", kind="let-in")

    def requests(self, *, is_for_staff: bool = False) -> list[ShownRequest]:
        """For others than staff with patterns instead of addresses, and without ids."""
        kept = self._requests.copy()
        return [shown if is_for_staff else _anonymous(shown, route) for shown, route in kept]

    def events(self, *, is_for_staff: bool = False) -> list[ShownEvent]:
        """For others than staff without names."""
        return [shown if is_for_staff else {**shown, "event": text} for shown, text in self._events.copy()]


def _anonymous(request: ShownRequest, route: str) -> ShownRequest:
    steps: list[ShownStep] = [{**step, "call": _without_ids(step["call"])} for step in request["trace"]]
    return {**request, "path": route, "request_id": "", "trace": steps}


def _without_ids(call: str) -> str:
    """`GET /api/v1/orders/6c1d8f5e-…/` → `GET /api/v1/orders/<uuid:order_id>`: replicas have a front's routes."""
    method, _, address = call.partition(" ")
    return f"{method} {metrics.pattern_of_path(address.partition('?')[0])}"
