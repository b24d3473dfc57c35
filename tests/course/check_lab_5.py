"""Lab 5: does a front ask the replica that has the fewest calls under way?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest

from bookstore_project.nodes import client
from bookstore_project.nodes.balancing.balancer import Balancer
from bookstore_project.nodes.balancing.circuit_breaker import Fault
from bookstore_project.nodes.balancing.tests.fakes import OK, ONE, TWO, answer_of, request
from bookstore_project.nodes.batches import Part
from bookstore_project.settings.topology import NODES, Node
from frontend_app import runtime
from order_app import clients

FURTHER = 4


@dataclass
class Wire:
    """Stands in for the network: notes who is called, and while that call is under way does what the check says."""

    asked: list[str] = field(default_factory=list)
    meanwhile: Callable[[], None] | None = None

    def __call__(self, node: Node, *_: Any, **__: Any) -> client.Reply:
        self.asked.append(node.name)
        then, self.meanwhile = self.meanwhile, None
        if then is not None:
            then()
        return OK


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def balancer(wire: Wire) -> Iterator[Balancer]:
    """The catalog's, as a front has it."""
    front = runtime.build(NODES["front"], call=wire)
    yield front.catalog.balancer
    front.stop()


def ask(balancer: Balancer, times: int) -> None:
    for _ in range(times):
        assert request(balancer) == OK


def fails() -> None:
    raise client.NoAnswer("it died while it was asked")


def assert_in_turn(asked: list[str]) -> None:
    assert len(asked) > 1
    told = f"were asked: {' '.join(asked)}"
    assert all(one != two for one, two in pairwise(asked)), told


def test_the_busy_one_is_spared(wire: Wire, balancer: Balancer) -> None:
    """While a replica has a call under way, all others go to the other one."""
    wire.meanwhile = lambda: ask(balancer, FURTHER)
    ask(balancer, 1)
    busy, *others = wire.asked
    assert others == [name for name in (ONE.name, TWO.name) if name != busy] * FURTHER, (
        f"while {busy} was busy, these were asked: {' '.join(others)}"
    )


def test_the_idle_take_turns(wire: Wire, balancer: Balancer) -> None:
    """Where neither is busier than the other, they take turns."""
    ask(balancer, 6)
    assert_in_turn(wire.asked)


def test_a_failed_call_has_ended(wire: Wire, balancer: Balancer) -> None:
    """A call that failed is under way no more: when its replica is back, they take turns again."""
    wire.meanwhile = lambda: ask(balancer, FURTHER)
    ask(balancer, 1)
    assert len(set(wire.asked[1:])) == 1, "the busy one isn't spared, so nothing is known of this"
    wire.asked.clear()
    for _ in range(3):
        wire.meanwhile = fails
        ask(balancer, 1)
        for node in (ONE, TWO):
            balancer.breakers.passed(node, balancer.breakers.clock())
            balancer.breakers.answered(node, balancer.breakers.clock())
    wire.asked.clear()
    ask(balancer, 6)
    assert_in_turn(wire.asked)


def test_batches_count(wire: Wire, balancer: Balancer) -> None:
    """Requests that are sent together (`ask_all`) are under way, too."""
    wire.meanwhile = lambda: ask(balancer, FURTHER)
    attempt = next(balancer.attempts(balancer.clock() + 5, 2))
    balancer.ask_all(attempt, "/", [Part(b"")])
    busy, *others = wire.asked
    assert len(others) == FURTHER
    assert busy not in others, f"while {busy} was busy, these were asked: {' '.join(others)}"


def test_order_replicas_ask_as_before(wire: Wire) -> None:
    """An order replica, which asks the catalog by `RoundRobin`, takes turns as before."""
    balancer = clients.build_balancer(call=wire)
    try:
        ask(balancer, 6)
    except AttributeError as error:
        raise AssertionError(f"it can't ask: {error}") from error
    assert_in_turn(wire.asked)


def test_who_is_out_is_not_asked(wire: Wire, balancer: Balancer) -> None:
    """A replica out of rotation is asked by nobody, however little it has to do."""
    first = next(balancer.attempts(balancer.clock() + 5, 2)).node
    assert answer_of(balancer, next(balancer.attempts(balancer.clock() + 5, 2))) == OK
    balancer.breakers.failed(first, "it is gone", fault=Fault.GONE)
    wire.asked.clear()
    wire.meanwhile = lambda: ask(balancer, FURTHER)
    ask(balancer, 1)
    assert first.name not in wire.asked, f"{first.name} is gone, and these were asked: {' '.join(wire.asked)}"
