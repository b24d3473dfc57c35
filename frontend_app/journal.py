"""What a front remembers to show: its last requests and events. Bounded, in memory, off every request's way."""

import logging
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bookstore_project.settings import topology
from bookstore_project.settings.topology import Node
from bookstore_project.wire.balancing.health import NodeHealth, State
from frontend_app.figures import Figures

log = logging.getLogger("bookstore.front")
REQUESTS_KEPT, EVENTS_KEPT = 50, 100


def timestamp(epoch_s: float) -> str:
    """RFC 3339, in UTC."""
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _now() -> str:
    return timestamp(time.time())


def left_the_rotation(node: Node, reason: str) -> str:
    """`stopped answering → requests go to catalog-2`."""
    what = {
        "does not answer": "stopped answering",
        "refuses connections": "stopped answering (it refuses connections)",
    }
    others = [other.name for other in topology.replicas(node.service) if other != node]
    said = what.get(reason) or f"left the rotation: {reason.rstrip('.')}"
    return f"{said} → requests go to {' and '.join(others)}"


@dataclass
class Journal:
    """Newest first; appending to a deque needs no lock."""

    figures: Figures = field(default_factory=Figures)
    _requests: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=REQUESTS_KEPT))
    _events: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))

    def request(
        self,
        method: str,
        path: str,
        status: int,
        cache: str,
        replica: str,
        took_ms: float,
        request_id: str,
        trace: list[dict[str, Any]],
    ) -> None:
        self._requests.appendleft(
            {
                "at": _now(),
                "method": method,
                "path": path,
                "status": status,
                "cache": cache,
                "replica": replica,
                "took_ms": round(took_ms, 2),
                "request_id": request_id,
                "trace": trace,
            }
        )

    def event(self, node: str, text: str) -> None:
        self._events.appendleft({"at": _now(), "node": node, "event": text})
        log.info("%s %s", node, text)

    def rotation_changed(self, node: Node, health: NodeHealth) -> None:
        text = {
            State.CLOSED: "is back in rotation",
            State.OPEN: left_the_rotation(node, health.reason),
            State.HALF_OPEN: "passed a check: one request at a time finds out whether it is back",
        }[health.state]
        self.event(node.name, text)

    def shared_cache_changed(self, node: Node, is_used: bool, reason: str) -> None:
        """`node` is the front that has begun or ceased to use it."""
        self.event(node.name, "uses the shared cache again" if is_used else f"leaves the shared cache out: {reason}")

    def drain_changed(self, name: str, is_drained: bool) -> None:
        self.event(name, "is drained: it gets no new requests" if is_drained else "is no longer drained")

    def requests(self) -> list[dict[str, Any]]:
        return list(self._requests.copy())

    def events(self) -> list[dict[str, Any]]:
        return list(self._events.copy())
