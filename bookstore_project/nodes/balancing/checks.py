"""Health checks: what tells a caller how a replica is, beside the requests, and what an answer says of it.

Each replica is checked in a thread of its own, so that a hung one delays no other's.
"""

from collections.abc import Callable, Sequence
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
CHECK_AT_FIRST_EVERY_S, CHECKS_AT_FIRST = 0.05, 60
"""The same of one that hasn't been in rotation yet: a store begins, and its nodes are up one after the other."""
CHECK_IN_EVERY_S = 4.0
"""Requests tell sooner: whoever keeps one waiting is out after the time that an attempt has."""
CHECK_WATCHED_EVERY_S = 1.0
"""While somebody looks at what replicas say."""
WATCHED_FOR_S = 10.0
"""After each look."""
CHECK_TIMEOUT_S = 1.0
QUICK_S = 0.25
"""Who fails within that may be asked again as a last resort; who takes longer is left to the checks."""

TURNED_AWAY = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
"""Between nodes, trouble with the service token: who among people may do what, the front has checked already."""

Call = Callable[..., client.Reply]
"""`nodes.client.call`, or what stands for it in a test."""
CallAll = Callable[..., Sequence[client.Reply]]
"""`nodes.client.call_all`, or what stands for it."""


def probe(
    node: Node,
    breakers: ReplicaBreakers,
    call: Call,
    *,
    timeout_s: float,
    path: str = "/readyz",
) -> client.Reply | None:
    """Asks a replica for its readiness; the answer if it is ready, which `breakers` learn either way."""
    asked_at = breakers.clock()
    outcome: client.Reply | client.CallFailed
    try:
        outcome = call(node, "GET", path, timeout_s=timeout_s)
    except client.CallFailed as error:
        outcome = error
    if isinstance(outcome, client.Reply) and outcome.status == HTTPStatus.OK:
        breakers.passed(node, asked_at)
        return outcome
    fault = fault_of(outcome, took_s=breakers.clock() - asked_at, quick_s=min(QUICK_S, 0.9 * timeout_s))
    breakers.failed(node, reason_of(outcome), fault=fault, began_at=asked_at)
    return None


@dataclass
class Checker:
    """Asks a replica for its readiness, more often while it is out; no request waits for that."""

    node: Node
    breakers: ReplicaBreakers
    call: Call = client.call
    asks_status: bool = False
    """Whether to ask what it says about itself, which a replica says that is ready."""
    on_status: Callable[[], object] = lambda: None
    """Called when it has said something else than the last time."""
    status: dict[str, Any] = field(default_factory=dict)
    """What the replica last said at /internal/status/; empty before it did."""
    checked_at: float = float("-inf")
    """By the breakers' clock."""
    every_s: float = CHECK_IN_EVERY_S
    """Between two checks in rotation. One that isn't asked for its status need not be checked if it answers."""
    watched_at: float = float("-inf")
    left_at_first: int = CHECKS_AT_FIRST
    """How many checks more may follow one another quickly, because it hasn't been in rotation yet."""

    def task(self) -> Task:
        """For the background of a node: the first step comes at once."""
        wake = self.breakers.wake_of(self.node)
        return Task(f"check of {self.node.name}", self.step, CHECK_OUT_EVERY_S, is_at_once=True, wake=wake)

    def watch(self) -> None:
        """Somebody looks at the status: for a while it is to be a new one."""
        now = self.breakers.clock()
        was_watched = self._is_watched(now)
        self.watched_at = now
        if not was_watched:
            self.breakers.wake_of(self.node).set()

    def _is_watched(self, now: float) -> bool:
        return now - self.watched_at < WATCHED_FOR_S

    def step(self) -> float:
        """A check, if one is due; seconds until the next one, if the replica stays in rotation, or out of it."""
        if not self.breakers.is_in_rotation(self.node) or self._left_s() <= 0:
            self.check()
            self.checked_at = self.breakers.clock()
            self.breakers.wake_of(self.node).clear()  # That was its own doing, or it is out all the same.
        if self.breakers.is_in_rotation(self.node):
            self.left_at_first = 0
            return max(0.0, self._left_s())
        self.left_at_first = max(0, self.left_at_first - 1)
        return CHECK_AT_FIRST_EVERY_S if self.left_at_first else CHECK_OUT_EVERY_S

    def _left_s(self) -> float:
        now, seen_at = self.breakers.clock(), self.breakers.of(self.node).seen_at
        heard_at = self.checked_at if self.asks_status or seen_at is None else max(self.checked_at, seen_at)
        return heard_at + (CHECK_WATCHED_EVERY_S if self._is_watched(now) else self.every_s) - now

    def check(self) -> None:
        """One check, with its effect on the rotation."""
        path = internal_paths.STATUS if self.asks_status else "/readyz"
        reply = probe(self.node, self.breakers, self.call, timeout_s=CHECK_TIMEOUT_S, path=path)
        if self.asks_status and reply is not None:
            before, self.status = self.status, json_object(reply.body)
            if self.status != before:
                self.on_status()


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
