"""Health checks in the background, a thread for each replica, so that a hung one delays no other's."""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from bookstore_project.api import internal_paths
from bookstore_project.nodes import client
from bookstore_project.nodes.balancing.balancer import TURNED_AWAY, Call, fault_of, reason_of
from bookstore_project.nodes.balancing.circuit_breaker import Health
from bookstore_project.nodes.json_documents import json_object
from bookstore_project.settings.topology import Node

CHECK_OUT_EVERY_S = 0.25
"""How often a replica out of rotation is asked whether it is back."""
CHECK_IN_EVERY_S = 1.0
CHECK_TIMEOUT_S = 1.0


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
                self._failed(told, asked_at)
            elif reply.status == HTTPStatus.OK:
                self.health.passed(self.node, asked_at)
            else:
                self._failed(reply, asked_at)
        except client.CallFailed as error:
            self._failed(error, asked_at)

    def _failed(self, outcome: client.Reply | client.CallFailed, asked_at: float) -> None:
        fault = fault_of(outcome, took_s=self.health.clock() - asked_at)
        self.health.failed(self.node, reason_of(outcome), fault=fault, began_at=asked_at)

    def _ask_status(self) -> client.Reply:
        reply = self.call(self.node, "GET", internal_paths.STATUS, timeout_s=CHECK_TIMEOUT_S)
        told = json_object(reply.body)
        if reply.status == HTTPStatus.OK:
            self.status = told
        elif "in_sync" in told:
            self.status = {**self.status, "in_sync": told["in_sync"]}
        return reply

    def step(self) -> float:
        """One check; seconds until the next."""
        self.check()
        return CHECK_IN_EVERY_S if self.health.is_in_rotation(self.node) else CHECK_OUT_EVERY_S
