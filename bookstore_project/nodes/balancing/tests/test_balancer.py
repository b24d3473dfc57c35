"""What is asked of replicas that fail in every way."""

import threading

import pytest

from bookstore_project.nodes import client
from bookstore_project.nodes.balancing.balancer import BRIEF_S, Balancer
from bookstore_project.nodes.balancing.circuit_breaker import Fault, State
from bookstore_project.nodes.balancing.retry_budget import RATIO, RESERVE
from bookstore_project.nodes.balancing.tests.fakes import (
    OK,
    ONE,
    TWO,
    Behaviour,
    Wire,
    answer_of,
    make_balancer,
    request,
    unavailable,
)
from bookstore_project.nodes.batches import Part
from tests.waiting import PATIENCE_S


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def balancer(wire: Wire) -> Balancer:
    return make_balancer(wire)


# -------------------------------------------------------------------------------------------- outages


@pytest.mark.parametrize("name", ["refuse", "hang_up", "say_unavailable", "hang"])
def test_a_long_outage_does_not_double_the_calls(wire: Wire, balancer: Balancer, name: str) -> None:
    wire.both(getattr(wire, name))
    count = 5000
    for _ in range(count):
        wire.clock.now += 0.005
        assert request(balancer) is None
    elapsed_s = wire.clock.now - 1000
    probes = [path for _, path in wire.calls if path == "/readyz"]
    assert len(wire.calls) - len(probes) <= count * (1 + RATIO) + RESERVE + 2 * elapsed_s
    assert len(wire.calls) <= 2 * count


def test_when_all_have_hung_nobody_waits_for_them_again(wire: Wire, balancer: Balancer) -> None:
    wire.both(wire.hang)
    assert request(balancer) is None
    assert wire.clock.now == 1004
    for _ in range(100):
        assert request(balancer) is None
    assert wire.clock.now == 1004
    assert wire.counted() == {ONE.name: 1, TWO.name: 1}


def test_whoever_hung_is_asked_again_after_a_passed_check(wire: Wire, balancer: Balancer) -> None:
    wire.both(wire.hang)
    request(balancer)
    wire.behaviours = {}
    balancer.breakers.passed(ONE, wire.clock.now)
    assert request(balancer) == OK
    assert balancer.breakers.is_in_rotation(ONE)


@pytest.mark.parametrize("first", ["refuse", "hang_up", "say_unavailable", "hang"])
def test_a_brief_refusal_of_the_only_replica_left_costs_the_next_request_nothing(
    wire: Wire, balancer: Balancer, first: str
) -> None:
    wire.behaviours = {ONE.name: getattr(wire, first), TWO.name: wire.say_unavailable}
    assert request(balancer) is None
    del wire.behaviours[TWO.name]
    assert request(balancer) == OK
    assert balancer.breakers.is_in_rotation(TWO)


def test_a_brief_refusal_with_the_other_one_gone_is_waited_for(wire: Wire, balancer: Balancer) -> None:
    def refuse_once(path: str, timeout_s: float) -> client.Reply:
        del wire.behaviours[TWO.name]
        return unavailable()

    wire.behaviours = {ONE.name: wire.hang_up, TWO.name: refuse_once}
    assert request(balancer) == OK
    assert wire.clock.now == 1000 + BRIEF_S
    assert wire.counted() == {ONE.name: 1, TWO.name: 2}
    assert balancer.breakers.is_in_rotation(TWO)


def test_a_refusal_that_is_known_is_not_waited_for(wire: Wire, balancer: Balancer) -> None:
    wire.both(wire.say_unavailable)
    request(balancer)
    known_at = wire.clock.now
    assert request(balancer) is None
    assert wire.clock.now == known_at


def test_whoever_was_gone_is_probed_first_and_waited_for_but_a_moment(wire: Wire, balancer: Balancer) -> None:
    wire.both(wire.refuse)
    request(balancer)
    wire.both(wire.hang)  # It listens again, and doesn't answer yet.
    before = wire.clock.now
    assert request(balancer) is None
    assert wire.clock.now - before < 0.1
    assert [path for _, path in wire.calls[2:]] == ["/readyz"] * 2
    request(balancer)
    assert wire.clock.now - before < 0.1
    assert len(wire.calls) == 4


def test_whoever_is_back_is_asked_once_it_has_answered_the_probe(wire: Wire, balancer: Balancer) -> None:
    wire.both(wire.refuse)
    request(balancer)
    wire.behaviours = {}
    assert request(balancer) == OK
    assert [path for _, path in wire.calls[2:]] == ["/readyz", "/"]


def test_the_first_call_after_a_probe_in_vain_is_no_retry(wire: Wire, balancer: Balancer) -> None:
    wire.both(wire.refuse)
    request(balancer)
    while balancer.budget.spend():
        pass
    del wire.behaviours[ONE.name]  # The other one has the turn.
    assert request(balancer) == OK
    assert [path for _, path in wire.calls[2:]] == ["/readyz", "/readyz", "/"]


def test_a_refusal_that_took_long_is_no_quick_one(wire: Wire, balancer: Balancer) -> None:
    def refuse_slowly(path: str, timeout_s: float) -> client.Reply:
        wire.clock.now += 1
        return unavailable()

    wire.both(refuse_slowly)
    request(balancer)
    assert {balancer.breakers.of(node).fault for node in (ONE, TWO)} == {Fault.GONE}


# ----------------------------------------------------------------------------------- one replica fails


def answers_with_64_under_way(wire: Wire, balancer: Balancer) -> list[client.Reply | None]:
    """What as many requests come to that have all reached the first replica when it dies."""
    all_there = threading.Barrier(64)
    answers: list[client.Reply | None] = []

    def die_with_all_under_way(path: str, timeout_s: float) -> client.Reply:
        all_there.wait(PATIENCE_S)
        raise client.NoAnswer

    wire.behaviours = {ONE.name: die_with_all_under_way}
    actors = [threading.Thread(target=lambda: answers.append(request(balancer))) for _ in range(64)]
    for actor in actors:
        actor.start()
    for actor in actors:
        actor.join(PATIENCE_S)
    return answers


def test_one_kill_with_64_requests_under_way_loses_none(wire: Wire, balancer: Balancer) -> None:
    # All on the one that dies, as after the other's return.
    balancer.turns.nodes.reverse()
    balancer.breakers.failed(TWO, "")
    balancer.breakers.passed(TWO, wire.clock.now)
    assert balancer.breakers.begin_trial(TWO)
    assert answers_with_64_under_way(wire, balancer) == [OK] * 64
    assert wire.counted() == {ONE.name: 64, TWO.name: 64}
    assert balancer.budget.refused == 0


def test_a_kill_after_a_long_outage_loses_none_if_the_other_is_back(wire: Wire, balancer: Balancer) -> None:
    wire.both(wire.refuse)
    for _ in range(1000):
        assert request(balancer) is None
    del wire.behaviours[ONE.name]
    balancer.breakers.passed(ONE, wire.clock.now)
    assert request(balancer) == OK
    assert answers_with_64_under_way(wire, balancer) == [OK] * 64
    assert balancer.budget.refused == 0


def test_a_hung_replica_costs_one_request_its_time(wire: Wire, balancer: Balancer) -> None:
    wire.behaviours = {ONE.name: wire.hang}
    assert [request(balancer) for _ in range(10)] == [OK] * 10
    assert wire.clock.now == 1002


def test_a_first_attempt_leaves_time_for_the_second_however_little_there_is(wire: Wire, balancer: Balancer) -> None:
    wire.behaviours = {ONE.name: wire.hang}
    assert request(balancer, total_s=0.5) == OK
    assert wire.clock.now == pytest.approx(1000.3)


def test_without_budget_there_is_no_second_call(wire: Wire, balancer: Balancer) -> None:
    while balancer.budget.spend():
        pass
    wire.behaviours = {ONE.name: wire.hang_up}
    assert request(balancer) is None
    assert wire.counted() == {ONE.name: 1}
    assert request(balancer) == OK


# ------------------------------------------------------------------------------------- whose fault it is


def test_a_trial_that_fails_opens_again_and_the_request_goes_to_the_other(wire: Wire, balancer: Balancer) -> None:
    balancer.breakers.failed(ONE, "")
    balancer.breakers.passed(ONE, wire.clock.now)
    wire.behaviours = {ONE.name: wire.hang_up}
    assert request(balancer) == OK
    assert balancer.breakers.of(ONE).state is State.OPEN
    assert balancer.breakers.of(ONE).pause_s > 0


@pytest.mark.parametrize("how", ["hang", "refuse_late"])
def test_a_client_with_little_time_takes_nobody_out(wire: Wire, balancer: Balancer, how: str) -> None:
    def refuse_late(path: str, timeout_s: float) -> client.Reply:
        wire.clock.now += timeout_s
        return unavailable()

    behaviour: Behaviour = wire.hang if how == "hang" else refuse_late
    wire.both(behaviour)
    assert request(balancer, total_s=0.2) is None
    assert [balancer.breakers.is_in_rotation(node) for node in (ONE, TWO)] == [True, True]
    wire.both(wire.refuse)
    assert request(balancer, total_s=1.0) is None
    assert not balancer.breakers.is_in_rotation(ONE)


def test_another_services_fault_is_not_the_replicas(wire: Wire, balancer: Balancer) -> None:
    wire.both(lambda path, timeout_s: unavailable(service="another"))
    assert request(balancer) is None
    assert [balancer.breakers.is_in_rotation(node) for node in (ONE, TWO)] == [True, True]
    wire.both(lambda path, timeout_s: unavailable(service="catalog"))
    assert request(balancer) is None
    assert [balancer.breakers.is_in_rotation(node) for node in (ONE, TWO)] == [False, False]


class Killed(BaseException):
    pass


def test_whoever_refuses_all_of_a_call_is_out_and_whoever_refuses_some_is_not(wire: Wire, balancer: Balancer) -> None:
    parts = [Part(b"a"), Part(b"b")]
    told = {ONE.name: [unavailable(), OK], TWO.name: [unavailable(), unavailable()]}
    balancer.call_all = lambda node, *call, **limits: told[node.name]
    for attempt in balancer.attempts(wire.clock.now + 10, 4):
        assert balancer.ask_all(attempt, "/", parts) == told[attempt.node.name]
    assert balancer.breakers.is_in_rotation(ONE)
    assert not balancer.breakers.is_in_rotation(TWO)


def test_a_trial_ends_whatever_breaks(wire: Wire, balancer: Balancer) -> None:
    def break_down(path: str, timeout_s: float) -> client.Reply:
        raise Killed

    balancer.breakers.failed(ONE, "")
    balancer.breakers.passed(ONE, wire.clock.now)
    wire.behaviours = {ONE.name: break_down}
    (attempt,) = [next(balancer.attempts(wire.clock.now + 1, 1))]
    assert attempt.turn.is_trial
    with pytest.raises(Killed):
        answer_of(balancer, attempt)
    assert balancer.breakers.begin_trial(ONE)
