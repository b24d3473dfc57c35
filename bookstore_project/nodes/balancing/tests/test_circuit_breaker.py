"""The breaker of a replica: closed, open, half-open."""

import pytest

from bookstore_project.nodes.balancing.circuit_breaker import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    BreakerStatus,
    Fault,
    ReplicaBreakers,
    State,
)
from bookstore_project.nodes.balancing.tests.fakes import ONE, TWO
from tests.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breakers(clock: Clock) -> ReplicaBreakers:
    return ReplicaBreakers([ONE, TWO], clock=clock)


def half_open(breakers: ReplicaBreakers) -> None:
    breakers.failed(ONE, "does not answer")
    breakers.passed(ONE, breakers.clock())
    assert breakers.of(ONE).state is State.HALF_OPEN


def fail_a_trial(breakers: ReplicaBreakers) -> None:
    assert breakers.begin_trial(ONE)
    breakers.failed(ONE, "does not answer", is_trial=True)


def test_the_first_failure_opens_at_once_and_says_why(breakers: ReplicaBreakers) -> None:
    breakers.failed(ONE, "refuses connections")
    assert (breakers.of(ONE).state, breakers.of(ONE).reason) == (State.OPEN, "refuses connections")
    assert breakers.of(TWO).state is State.CLOSED


def test_a_check_sent_before_the_failure_brings_nobody_back(breakers: ReplicaBreakers, clock: Clock) -> None:
    asked_at = clock.now
    clock.now += 1
    breakers.failed(ONE, "does not answer")
    clock.now += 1
    breakers.passed(ONE, asked_at)
    assert breakers.of(ONE).state is State.OPEN
    breakers.passed(ONE, clock.now)
    assert breakers.of(ONE).state is State.HALF_OPEN


def test_a_call_sent_before_the_failure_brings_nobody_back(breakers: ReplicaBreakers, clock: Clock) -> None:
    began_at = clock.now
    clock.now += 1
    breakers.failed(ONE, "does not answer")
    breakers.answered(ONE, began_at)
    assert breakers.of(ONE).state is State.OPEN


def test_a_call_sent_before_the_return_takes_nobody_out_again(breakers: ReplicaBreakers, clock: Clock) -> None:
    began_at = clock.now
    half_open(breakers)
    clock.now += 1
    breakers.answered(ONE, clock.now)
    breakers.failed(ONE, "does not answer", began_at=began_at)
    assert breakers.of(ONE).state is State.CLOSED
    breakers.failed(ONE, "does not answer", began_at=clock.now)
    assert breakers.of(ONE).state is State.OPEN


def test_a_call_sent_before_the_return_makes_it_not_unreachable_in_its_pause(
    breakers: ReplicaBreakers, clock: Clock
) -> None:
    """Those who hung on it fail one by one, while it answers again and is the only one that does."""
    half_open(breakers)
    fail_a_trial(breakers)
    began_at = clock.now
    clock.now += FIRST_PAUSE_S / 4
    breakers.passed(ONE, clock.now)
    back = breakers.of(ONE)
    assert (back.state, back.has_passed) == (State.OPEN, True)
    clock.now += FIRST_PAUSE_S / 4
    breakers.failed(ONE, "does not answer", fault=Fault.HUNG, began_at=began_at)
    assert breakers.of(ONE) == back
    breakers.failed(ONE, "does not answer", fault=Fault.HUNG, began_at=clock.now)
    assert not breakers.of(ONE).has_passed


def test_half_open_takes_one_trial_at_a_time(breakers: ReplicaBreakers, clock: Clock) -> None:
    assert not breakers.begin_trial(ONE)
    half_open(breakers)
    assert [breakers.begin_trial(ONE) for _ in range(3)] == [True, False, False]
    breakers.end_trial(ONE)
    assert breakers.begin_trial(ONE)
    breakers.answered(ONE, clock.now)
    assert breakers.of(ONE) == BreakerStatus(changed_at=clock.now, seen_at=clock.now)


def test_each_failed_trial_makes_the_pause_longer_up_to_a_bound(breakers: ReplicaBreakers, clock: Clock) -> None:
    half_open(breakers)
    pauses = []
    for _ in range(8):
        fail_a_trial(breakers)
        opened_at = clock.now
        while breakers.of(ONE).state is State.OPEN:
            clock.now += 0.25
            breakers.passed(ONE, clock.now)
        pauses.append(clock.now - opened_at)
    assert pauses[:4] == [FIRST_PAUSE_S, 1, 2, 4]
    assert pauses[-1] == LONGEST_PAUSE_S


def test_a_success_makes_the_pause_short_again(breakers: ReplicaBreakers, clock: Clock) -> None:
    half_open(breakers)
    fail_a_trial(breakers)
    clock.now += FIRST_PAUSE_S
    breakers.passed(ONE, clock.now)
    breakers.answered(ONE, clock.now)
    half_open(breakers)


def test_in_a_quiet_shop_the_second_check_stands_for_the_trial(breakers: ReplicaBreakers, clock: Clock) -> None:
    half_open(breakers)
    clock.now += 0.25
    breakers.passed(ONE, clock.now)
    assert breakers.of(ONE).state is State.CLOSED


def test_while_a_trial_is_under_way_checks_decide_nothing(breakers: ReplicaBreakers, clock: Clock) -> None:
    half_open(breakers)
    assert breakers.begin_trial(ONE)
    clock.now += 0.25
    breakers.passed(ONE, clock.now)
    assert breakers.of(ONE).state is State.HALF_OPEN


def test_changes_are_told_once(clock: Clock) -> None:
    told: list[tuple[str, State]] = []
    breakers = ReplicaBreakers(
        [ONE], clock=clock, on_change=lambda node, known: told.append((node.name, known.state))
    )
    for _ in range(2):
        breakers.failed(ONE, "refuses connections")
    for _ in range(3):
        clock.now += 1
        breakers.passed(ONE, clock.now)
    assert told == [(ONE.name, state) for state in (State.OPEN, State.HALF_OPEN, State.CLOSED)]
