"""Whose turn it is."""

import pytest

from bookstore_project.nodes.balancing.circuit_breaker import Fault, ReplicaBreakers
from bookstore_project.nodes.balancing.round_robin import RoundRobin, Turn
from bookstore_project.nodes.balancing.tests.fakes import ONE, TWO
from tests.clock import Clock


@pytest.fixture
def breakers() -> ReplicaBreakers:
    return ReplicaBreakers([ONE, TWO], clock=Clock())


@pytest.fixture
def turns(breakers: ReplicaBreakers) -> RoundRobin:
    return RoundRobin([ONE, TWO], breakers)


def fail(breakers: ReplicaBreakers, fault: Fault, *nodes: object) -> None:
    for node in (ONE, TWO):
        if node in nodes:
            breakers.failed(node, "", fault=fault)


def names(turns: RoundRobin, count: int) -> list[str]:
    return [turn.node.name for _ in range(count) if (turn := turns.next()) is not None]


def test_replicas_take_strict_turns(turns: RoundRobin) -> None:
    assert names(turns, 6) == [ONE.name, TWO.name] * 3


def test_a_retry_goes_to_the_other_and_leaves_the_turn_alone(turns: RoundRobin) -> None:
    assert turns.next([ONE]) == Turn(TWO)
    assert turns.next([ONE, TWO]) is None
    assert names(turns, 2) == [ONE.name, TWO.name]


def test_an_open_replica_has_no_turn(turns: RoundRobin, breakers: ReplicaBreakers) -> None:
    fail(breakers, Fault.GONE, ONE)
    assert names(turns, 3) == [TWO.name] * 3


def test_a_half_open_replica_has_one_turn_until_its_trial_has_ended(
    turns: RoundRobin, breakers: ReplicaBreakers
) -> None:
    fail(breakers, Fault.GONE, ONE)
    breakers.passed(ONE, breakers.clock())
    assert turns.next() == Turn(ONE, is_trial=True)
    assert names(turns, 3) == [TWO.name] * 3
    breakers.answered(ONE, breakers.clock())
    assert sorted(names(turns, 2)) == [ONE.name, TWO.name]


def test_what_cannot_be_repeated_is_no_trial_while_another_is_in_rotation(
    turns: RoundRobin, breakers: ReplicaBreakers
) -> None:
    fail(breakers, Fault.GONE, ONE)
    breakers.passed(ONE, breakers.clock())
    assert [turns.next(may_be_trial=False) for _ in range(2)] == [Turn(TWO)] * 2
    fail(breakers, Fault.GONE, TWO)
    assert turns.next(may_be_trial=False) == Turn(ONE, is_trial=True)


def test_a_drained_replica_has_no_turn_until_it_is_the_last(breakers: ReplicaBreakers) -> None:
    turns = RoundRobin([ONE, TWO], breakers, lambda node: node == ONE)
    assert names(turns, 3) == [TWO.name] * 3
    assert turns.next([TWO]) == Turn(ONE)
    fail(breakers, Fault.GONE, TWO)
    assert names(turns, 2) == [ONE.name] * 2
    breakers.passed(TWO, breakers.clock())
    assert turns.next() == Turn(TWO, is_trial=True)


def test_with_all_drained_all_have_turns(breakers: ReplicaBreakers) -> None:
    assert names(RoundRobin([ONE, TWO], breakers, lambda node: True), 4) == [ONE.name, TWO.name] * 2


def test_the_last_resort_is_whoever_refuses_politely_then_whoever_is_gone_never_who_hangs(
    turns: RoundRobin, breakers: ReplicaBreakers
) -> None:
    fail(breakers, Fault.GONE, ONE)
    fail(breakers, Fault.ANSWERED, TWO)
    assert turns.next() == Turn(TWO, is_last_resort=True)
    assert turns.next([TWO]) == Turn(ONE, needs_probe=True, is_last_resort=True)
    fail(breakers, Fault.HUNG, ONE)
    assert turns.next([TWO]) is None


def test_whoever_passes_checks_is_asked_before_anybody_is_refused_for_its_pause(
    turns: RoundRobin, breakers: ReplicaBreakers
) -> None:
    fail(breakers, Fault.HUNG, ONE, TWO)
    assert turns.next() is None
    breakers.passed(ONE, breakers.clock())
    assert breakers.begin_trial(ONE)
    assert turns.next() == Turn(ONE, is_last_resort=True)  # Its trial is under way, and nobody else is left.
    breakers.failed(ONE, "", fault=Fault.HUNG, is_trial=True)
    assert turns.next() is None
    breakers.passed(ONE, breakers.clock())  # Within its pause.
    assert turns.next() == Turn(ONE, is_last_resort=True)
