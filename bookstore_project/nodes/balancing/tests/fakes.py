"""Replicas that behave as the test says, and a clock that passes when it says so."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bookstore_project.api import problems
from bookstore_project.nodes import client
from bookstore_project.nodes.balancing.balancer import Attempt, Balancer
from bookstore_project.nodes.balancing.circuit_breaker import ReplicaBreakers
from bookstore_project.nodes.balancing.retry_budget import RetryBudget
from bookstore_project.nodes.balancing.round_robin import RoundRobin
from bookstore_project.settings import topology
from bookstore_project.settings.topology import Node
from tests.clock import Clock

ONE, TWO = topology.replicas(topology.CATALOG)
OK = client.Reply(200, {}, b"{}")


def unavailable(**extra: Any) -> client.Reply:
    members = "".join(f', "{name}": "{value}"' for name, value in extra.items())
    body = f'{{"code": "unavailable", "detail": "Not now."{members}}}'.encode()
    return client.Reply(503, {"Content-Type": problems.CONTENT_TYPE}, body)


Behaviour = Callable[[str, float], client.Reply]
"""What a replica makes of a call: path, and seconds that it has."""


def well(path: str, timeout_s: float) -> client.Reply:
    return OK


@dataclass
class Wire:
    """Stands in for `client.call`, and keeps the time: all replicas are well unless `behaviours` says otherwise."""

    clock: Clock = field(default_factory=Clock)
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, node: Node, method: str, path: str, *, timeout_s: float, **options: Any) -> client.Reply:
        self.calls.append((node.name, path))
        return self.behaviours.get(node.name, well)(path, timeout_s)

    def counted(self) -> Counter[str]:
        return Counter(node for node, _ in self.calls)

    def both(self, behaviour: Behaviour) -> None:
        self.behaviours = {ONE.name: behaviour, TWO.name: behaviour}

    def sleep(self, seconds: float) -> None:
        self.clock.now += seconds

    # -------------------------------------------------------------------------------- behaviours

    def refuse(self, path: str, timeout_s: float) -> client.Reply:
        raise client.NeverSent

    def hang_up(self, path: str, timeout_s: float) -> client.Reply:
        raise client.NoAnswer

    def hang(self, path: str, timeout_s: float) -> client.Reply:
        self.clock.now += timeout_s
        raise client.NoAnswer

    def say_unavailable(self, path: str, timeout_s: float) -> client.Reply:
        return unavailable()


def make_balancer(wire: Wire, is_drained: Callable[[Node], bool] = lambda node: False) -> Balancer:
    breakers = ReplicaBreakers([ONE, TWO], clock=wire.clock)
    budget = RetryBudget(clock=wire.clock)
    return Balancer(
        "catalog", RoundRobin([ONE, TWO], breakers, is_drained), breakers, budget, wire, wire.clock, wire.sleep
    )


def request(balancer: Balancer, *, total_s: float = 5.0, attempt_s: float = 2.0) -> client.Reply | None:
    """As a front's read: the first good answer, None if there is none."""
    for attempt in balancer.attempts(balancer.clock() + total_s, attempt_s):
        reply = answer_of(balancer, attempt)
        if reply is not None and reply.status < 500:
            return reply
    return None


def answer_of(balancer: Balancer, attempt: Attempt) -> client.Reply | None:
    try:
        return balancer.ask(attempt, "GET", "/")
    except client.CallFailed:
        return None
