"""Health checks in the background, a thread for each replica, so that a hung one delays no other's."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from bookstore_project.settings.topology import Node
from bookstore_project.wire import client
from frontend_app.balancing.health import Health
from frontend_app.documents import json_object

CHECK_OUT_EVERY_S = 0.25
"""How often a replica out of rotation is asked whether it is back."""
CHECK_IN_EVERY_S = 1.0
CHECK_TIMEOUT_S = 1.0

TURNED_AWAY = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
"""Between nodes, trouble with the service token: who among people may do what, the front has checked already."""

Call = Callable[..., client.Reply]
"""`wire.client.call`, or what stands for it in a test."""


@dataclass
class Checker:
    """Asks a replica for its readiness and for what it says about itself."""

    node: Node
    health: Health
    call: Call = client.call
    status: dict[str, Any] = field(default_factory=dict)
    """What the replica last said at /internal/status/; empty before it did."""

    def check(self) -> None:
        """One check, with its effect on the rotation."""
        asked_at = self.health.clock()
        try:
            reply = self.call(self.node, "GET", "/readyz", timeout_s=CHECK_TIMEOUT_S)
            told = self._ask_status()
            if told.status in TURNED_AWAY:
                self.health.failed(self.node, reason_of(told))
            elif reply.status == HTTPStatus.OK:
                self.health.passed(self.node, asked_at)
            else:
                self.health.failed(self.node, reason_of(reply))
        except client.CallFailed as error:
            self.health.failed(self.node, say(error))

    def _ask_status(self) -> client.Reply:
        reply = self.call(self.node, "GET", "/internal/status/", timeout_s=CHECK_TIMEOUT_S)
        told = json_object(reply.body)
        if reply.status == HTTPStatus.OK:
            self.status = told
        elif "in_sync" in told:
            self.status = {**self.status, "in_sync": told["in_sync"]}
        return reply

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.check()
            is_in = self.health.is_in_rotation(self.node)
            stop.wait(CHECK_IN_EVERY_S if is_in else CHECK_OUT_EVERY_S)


def say(error: client.CallFailed) -> str:
    return "refuses connections" if isinstance(error, client.NeverSent) else "does not answer"


def reason_of(reply: client.Reply) -> str:
    """What a failing replica says about it, as one sentence."""
    detail = json_object(reply.body).get("detail")
    return str(detail) if detail else f"answers {reply.status}"
