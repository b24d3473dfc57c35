"""The breaker of a replica: closed, open, half-open."""

import pytest

from bookstore_project.nodes.balancing.circuit_breaker import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    BreakerStatus,
    Fault,
    Health,
    State,
)
from bookstore_project.nodes.balancing.tests.fakes import ONE, TWO
from tests.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health:
    return Health([ONE, TWO], clock=clock)


def half_open(health: Health) -> None:
    health.failed(ONE, "does not answer")
    health.passed(ONE, health.clock())
    assert health.of(ONE).state is State.HALF_OPEN


def fail_a_trial(health: Health) -> None:
    assert health.begin_trial(ONE)
    health.failed(ONE, "does not answer", is_trial=True)


def test_the_first_failure_opens_at_once_and_says_why(health: Health) -> None:
    health.failed(ONE, "refuses connections")
    assert (health.of(ONE).state, health.of(ONE).reason) == (State.OPEN, "refuses connections")
    assert health.of(TWO).state is State.CLOSED


def test_a_check_sent_before_the_failure_brings_nobody_back(health: Health, clock: Clock) -> None:
    asked_at = clock.now
    clock.now += 1
    health.failed(ONE, "does not answer")
    clock.now += 1
    health.passed(ONE, asked_at)
    assert health.of(ONE).state is State.OPEN
    health.passed(ONE, clock.now)
    assert health.of(ONE).state is State.HALF_OPEN


def test_a_call_sent_before_the_failure_brings_nobody_back(health: Health, clock: Clock) -> None:
    began_at = clock.now
    clock.now += 1
    health.failed(ONE, "does not answer")
    health.answered(ONE, began_at)
    assert health.of(ONE).state is State.OPEN


def test_a_call_sent_before_the_return_takes_nobody_out_again(health: Health, clock: Clock) -> None:
    began_at = clock.now
    half_open(health)
    clock.now += 1
    health.answered(ONE, clock.now)
    health.failed(ONE, "does not answer", began_at=began_at)
    assert health.of(ONE).state is State.CLOSED
    health.failed(ONE, "does not answer", began_at=clock.now)
    assert health.of(ONE).state is State.OPEN


def test_a_call_sent_before_the_return_makes_it_not_unreachable_in_its_pause(health: Health, clock: Clock) -> None:
    """Those who hung on it fail one by one, while it answers again and is the only one that does."""
    half_open(health)
    fail_a_trial(health)
    began_at = clock.now
    clock.now += FIRST_PAUSE_S / 4
    health.passed(ONE, clock.now)
    back = health.of(ONE)
    assert (back.state, back.has_passed) == (State.OPEN, True)
    clock.now += FIRST_PAUSE_S / 4
    health.failed(ONE, "does not answer", fault=Fault.HUNG, began_at=began_at)
    assert health.of(ONE) == back
    health.failed(ONE, "does not answer", fault=Fault.HUNG, began_at=clock.now)
    assert not health.of(ONE).has_passed


def test_half_open_takes_one_trial_at_a_time(health: Health, clock: Clock) -> None:
    assert not health.begin_trial(ONE)
    half_open(health)
    assert [health.begin_trial(ONE) for _ in range(3)] == [True, False, False]
    health.end_trial(ONE)
    assert health.begin_trial(ONE)
    health.answered(ONE, clock.now)
    assert health.of(ONE) == BreakerStatus(changed_at=clock.now, seen_at=clock.now)


def test_each_failed_trial_makes_the_pause_longer_up_to_a_bound(health: Health, clock: Clock) -> None:
    half_open(health)
    pauses = []
    for _ in range(8):
        fail_a_trial(health)
        opened_at = clock.now
        while health.of(ONE).state is State.OPEN:
            clock.now += 0.25
            health.passed(ONE, clock.now)
        pauses.append(clock.now - opened_at)
    assert pauses[:4] == [FIRST_PAUSE_S, 1, 2, 4]
    assert pauses[-1] == LONGEST_PAUSE_S


def test_a_success_makes_the_pause_short_again(health: Health, clock: Clock) -> None:
    half_open(health)
    fail_a_trial(health)
    clock.now += FIRST_PAUSE_S
    health.passed(ONE, clock.now)
    health.answered(ONE, clock.now)
    half_open(health)


def test_in_a_quiet_shop_the_second_check_stands_for_the_trial(health: Health, clock: Clock) -> None:
    half_open(health)
    clock.now += 0.25
    health.passed(ONE, clock.now)
    assert health.of(ONE).state is State.CLOSED


def test_while_a_trial_is_under_way_checks_decide_nothing(health: Health, clock: Clock) -> None:
    half_open(health)
    assert health.begin_trial(ONE)
    clock.now += 0.25
    health.passed(ONE, clock.now)
    assert health.of(ONE).state is State.HALF_OPEN


def test_changes_are_told_once(clock: Clock) -> None:
    told: list[tuple[str, State]] = []
    health = Health([ONE], clock=clock, on_change=lambda node, known: told.append((node.name, known.state)))
    for _ in range(2):
        health.failed(ONE, "refuses connections")
    for _ in range(3):
        clock.now += 1
        health.passed(ONE, clock.now)
    assert told == [(ONE.name, state) for state in (State.OPEN, State.HALF_OPEN, State.CLOSED)]
