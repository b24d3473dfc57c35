"""Whose turn it is."""

import pytest

from bookstore_project.nodes.balancing.circuit_breaker import Fault, Health
from bookstore_project.nodes.balancing.round_robin import RoundRobin, Turn
from bookstore_project.nodes.balancing.tests.fakes import ONE, TWO
from tests.clock import Clock


@pytest.fixture
def health() -> Health:
    return Health([ONE, TWO], clock=Clock())


@pytest.fixture
def turns(health: Health) -> RoundRobin:
    return RoundRobin([ONE, TWO], health)


def fail(health: Health, fault: Fault, *nodes: object) -> None:
    for node in (ONE, TWO):
        if node in nodes:
            health.failed(node, "", fault=fault)


def names(turns: RoundRobin, count: int) -> list[str]:
    return [turn.node.name for _ in range(count) if (turn := turns.next()) is not None]


def test_replicas_take_strict_turns(turns: RoundRobin) -> None:
    assert names(turns, 6) == [ONE.name, TWO.name] * 3


def test_a_retry_goes_to_the_other_and_leaves_the_turn_alone(turns: RoundRobin) -> None:
    assert turns.next([ONE]) == Turn(TWO)
    assert turns.next([ONE, TWO]) is None
    assert names(turns, 2) == [ONE.name, TWO.name]


def test_an_open_replica_has_no_turn(turns: RoundRobin, health: Health) -> None:
    fail(health, Fault.GONE, ONE)
    assert names(turns, 3) == [TWO.name] * 3


def test_a_half_open_replica_has_one_turn_until_its_trial_has_ended(turns: RoundRobin, health: Health) -> None:
    fail(health, Fault.GONE, ONE)
    health.passed(ONE, health.clock())
    assert turns.next() == Turn(ONE, is_trial=True)
    assert names(turns, 3) == [TWO.name] * 3
    health.answered(ONE, health.clock())
    assert sorted(names(turns, 2)) == [ONE.name, TWO.name]


def test_what_cannot_be_repeated_is_no_trial_while_another_is_in_rotation(turns: RoundRobin, health: Health) -> None:
    fail(health, Fault.GONE, ONE)
    health.passed(ONE, health.clock())
    assert [turns.next(may_be_trial=False) for _ in range(2)] == [Turn(TWO)] * 2
    fail(health, Fault.GONE, TWO)
    assert turns.next(may_be_trial=False) == Turn(ONE, is_trial=True)


def test_a_drained_replica_has_no_turn_until_it_is_the_last(health: Health) -> None:
    turns = RoundRobin([ONE, TWO], health, lambda node: node == ONE)
    assert names(turns, 3) == [TWO.name] * 3
    assert turns.next([TWO]) == Turn(ONE)
    fail(health, Fault.GONE, TWO)
    assert names(turns, 2) == [ONE.name] * 2
    health.passed(TWO, health.clock())
    assert turns.next() == Turn(TWO, is_trial=True)


def test_with_all_drained_all_have_turns(health: Health) -> None:
    assert names(RoundRobin([ONE, TWO], health, lambda node: True), 4) == [ONE.name, TWO.name] * 2


def test_the_last_resort_is_whoever_refuses_politely_then_whoever_is_gone_never_who_hangs(
    turns: RoundRobin, health: Health
) -> None:
    fail(health, Fault.GONE, ONE)
    fail(health, Fault.ANSWERED, TWO)
    assert turns.next() == Turn(TWO, is_last_resort=True)
    assert turns.next([TWO]) == Turn(ONE, needs_probe=True, is_last_resort=True)
    fail(health, Fault.HUNG, ONE)
    assert turns.next([TWO]) is None


def test_whoever_passes_checks_is_asked_before_anybody_is_refused_for_its_pause(
    turns: RoundRobin, health: Health
) -> None:
    fail(health, Fault.HUNG, ONE, TWO)
    assert turns.next() is None
    health.passed(ONE, health.clock())
    assert health.begin_trial(ONE)
    assert turns.next() == Turn(ONE, is_last_resort=True)  # Its trial is under way, and nobody else is left.
    health.failed(ONE, "", fault=Fault.HUNG, is_trial=True)
    assert turns.next() is None
    health.passed(ONE, health.clock())  # Within its pause.
    assert turns.next() == Turn(ONE, is_last_resort=True)
