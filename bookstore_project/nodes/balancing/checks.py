"""Health checks: what tells a caller how a replica is, beside the requests, and what an answer says of it.

Each replica is checked in a thread of its own, so that a hung one delays no other's.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from bookstore_project.api import internal_paths, problems
from bookstore_project.nodes import client
from bookstore_project.nodes.background import Task
from bookstore_project.nodes.balancing.circuit_breaker import Fault, ReplicaBreakers
from bookstore_project.nodes.json_documents import json_object
from bookstore_project.settings.topology import Node

CHECK_OUT_EVERY_S = 0.25
"""How often a replica out of rotation is asked whether it is back."""
CHECK_IN_EVERY_S = 1.0
CHECK_TIMEOUT_S = 1.0
QUICK_S = 0.25
"""Who fails within that may be asked again as a last resort; who takes longer is left to the checks."""

TURNED_AWAY = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
"""Between nodes, trouble with the service token: who among people may do what, the front has checked already."""

Call = Callable[..., client.Reply]
"""`nodes.client.call`, or what stands for it in a test."""


def probe(
    node: Node,
    breakers: ReplicaBreakers,
    call: Call,
    *,
    timeout_s: float,
    ask_more: Callable[[client.Reply], client.Reply] = lambda reply: reply,
) -> bool:
    """Asks a replica for its readiness; whether it is ready, which `breakers` learn either way.

    `ask_more` may ask for something else, and puts in place of the answer what is to be judged.
    """
    asked_at = breakers.clock()
    outcome: client.Reply | client.CallFailed
    try:
        outcome = ask_more(call(node, "GET", "/readyz", timeout_s=timeout_s))
    except client.CallFailed as error:
        outcome = error
    if isinstance(outcome, client.Reply) and outcome.status == HTTPStatus.OK:
        breakers.passed(node, asked_at)
        return True
    fault = fault_of(outcome, took_s=breakers.clock() - asked_at, quick_s=min(QUICK_S, 0.9 * timeout_s))
    breakers.failed(node, reason_of(outcome), fault=fault, began_at=asked_at)
    return False


@dataclass
class Checker:
    """Asks a replica for its readiness, more often while it is out; no request waits for that."""

    node: Node
    breakers: ReplicaBreakers
    call: Call = client.call
    asks_status: bool = False
    """Whether to ask, too, what it says about itself."""
    status: dict[str, Any] = field(default_factory=dict)
    """What the replica last said at /internal/status/; empty before it did."""
    due_at: float = float("-inf")
    """When it is asked next, if it is in rotation; of the breakers' clock."""

    def task(self) -> Task:
        """For the background of a node: the first step comes at once."""
        return Task(f"check of {self.node.name}", self.step, CHECK_OUT_EVERY_S, is_at_once=True)

    def step(self) -> None:
        if self.breakers.clock() >= self.due_at or not self.breakers.is_in_rotation(self.node):
            self.check()
            self.due_at = self.breakers.clock() + CHECK_IN_EVERY_S

    def check(self) -> None:
        """One check, with its effect on the rotation."""
        more = self._ask_status if self.asks_status else lambda reply: reply
        probe(self.node, self.breakers, self.call, timeout_s=CHECK_TIMEOUT_S, ask_more=more)

    def _ask_status(self, reply: client.Reply) -> client.Reply:
        """Whoever doesn't believe this caller isn't ready for it, whatever it says."""
        answer = self.call(self.node, "GET", internal_paths.STATUS, timeout_s=CHECK_TIMEOUT_S)
        told = json_object(answer.body)
        if answer.status == HTTPStatus.OK:
            self.status = told
        elif "in_sync" in told:
            self.status = {**self.status, "in_sync": told["in_sync"]}
        return answer if answer.status in TURNED_AWAY else reply


def fault_of(outcome: client.Reply | client.CallFailed, *, took_s: float, quick_s: float = QUICK_S) -> Fault:
    """What asking such a replica again would cost."""
    is_quick = took_s < quick_s
    if isinstance(outcome, client.Reply):
        return Fault.ANSWERED if is_quick else Fault.GONE
    return Fault.GONE if is_quick else Fault.HUNG


def reason_of(outcome: client.Reply | client.CallFailed) -> str:
    """What is wrong with a replica, in its own sentence if it has one."""
    if isinstance(outcome, client.CallFailed):
        return "refuses connections" if isinstance(outcome, client.NeverSent) else "does not answer"
    detail = json_object(outcome.body).get("detail")
    return str(detail) if detail else f"answers {outcome.status}"


def problem_of(reply: client.Reply) -> dict[str, Any]:
    """The problem document; empty if the answer is none."""
    return json_object(reply.body) if reply.headers.get("Content-Type", "").startswith(problems.CONTENT_TYPE) else {}
