"""RoundRobin, rotation and retries, with replicas that fail in every way."""

from collections import Counter
from typing import Any

import pytest
from django.conf import settings
from django.test import RequestFactory
from rest_framework.request import Request

from bookstore_project.api import headers, idempotency, problems
from bookstore_project.api.authentication import ServiceAuthentication
from bookstore_project.nodes import client
from bookstore_project.nodes.balancing.checks import (
    CHECK_AT_FIRST_EVERY_S,
    CHECK_IN_EVERY_S,
    CHECK_OUT_EVERY_S,
    CHECK_WATCHED_EVERY_S,
    CHECKS_AT_FIRST,
    WATCHED_FOR_S,
    Checker,
)
from bookstore_project.nodes.balancing.circuit_breaker import ReplicaBreakers
from bookstore_project.settings.topology import NODES
from frontend_app import responses, services
from frontend_app.cache.poller import CONFIRM_AFTER, POLL_AFTER, POLLS_AT_FIRST
from frontend_app.clients import PURCHASE_ATTEMPT_S
from frontend_app.monitoring.trace import tracing
from frontend_app.runtime import FIRST_LEASE_WITHIN, Front
from frontend_app.tests.support import fakes
from frontend_app.tests.support.fakes import (
    CATALOG_1,
    CATALOG_2,
    Asked,
    Behaviour,
    Store,
    answer_with,
    hang_up,
    refuse,
)
from tests.clock import Clock

ORDERS = "/api/v1/orders/"
KEY = "a-key-of-the-client-1"
UNAVAILABLE = answer_with(fakes.problem_reply("unavailable"))
UNKNOWN = answer_with(fakes.problem_reply("outcome_unknown"))
SOLD_OUT = answer_with(fakes.problem_reply("out_of_stock"))
BROKEN = answer_with(fakes.problem_reply("internal_error"))
NO_TOKEN = answer_with(fakes.problem_reply("not_authenticated"))
NOT_STAFF = answer_with(fakes.problem_reply("permission_denied"))
SOLD = answer_with(fakes.json_reply({"id": "x"}, 201, position=5))


@pytest.fixture
def front(store: Store) -> Front:
    return fakes.make_front(store, is_leased=False)


def orders_behave(store: Store, first: Behaviour, second: Behaviour) -> None:
    store.behaviours = {"order-1": first, "order-2": second}


# ------------------------------------------------------------------------------------------ turns, rotation


def test_each_service_has_turns_of_its_own(front: Front, store: Store) -> None:
    for _ in range(2):
        services.read_book(front, 1)
        services.read_order(front, "x")
    assert store.asked_of("/api/v1/books/") == ["catalog-1", "catalog-2"]
    assert store.asked_of(ORDERS) == ["order-1", "order-2"]


def test_a_dead_replica_is_skipped_after_one_failure(front: Front, store: Store) -> None:
    store.behaviours = {"catalog-1": refuse}
    for _ in range(5):
        assert services.read_book(front, 1).status == 200
    assert Counter(store.asked_of("/api/v1/books/")) == {"catalog-1": 1, "catalog-2": 5}


def test_a_replica_that_answers_503_leaves_the_rotation(front: Front, store: Store) -> None:
    store.behaviours = {"catalog-1": UNAVAILABLE}
    services.read_book(front, 1)
    assert not front.breakers.is_in_rotation(CATALOG_1)
    assert front.breakers.of(CATALOG_1).reason == "A sentence about unavailable."


def test_a_replica_returns_after_a_passed_check_and_not_before(front: Front, store: Store) -> None:
    store.behaviours = {"catalog-1": refuse}
    services.read_book(front, 1)
    checker = front.checkers[0]
    assert checker.node == CATALOG_1
    checker.check()
    assert not front.breakers.is_in_rotation(CATALOG_1)
    store.behaviours = {}
    checker.check()
    store.asked.clear()
    for _ in range(2):
        services.read_book(front, 1)
    assert sorted(store.asked_of("/api/v1/books/")) == ["catalog-1", "catalog-2"]
    assert front.breakers.is_in_rotation(CATALOG_1)
    events = [event["event"] for event in front.journal.events()]
    assert events[0] == "is back in rotation"
    assert events[1].startswith("passed a check")
    assert events[2] == "doesn't answer yet (it refuses connections) → requests go to catalog-2"


def test_a_failed_check_takes_a_replica_out(store: Store) -> None:
    breakers = ReplicaBreakers([CATALOG_1])
    store.behaviours = {"catalog-1": hang_up}
    Checker(CATALOG_1, breakers, store).check()
    assert breakers.of(CATALOG_1).reason == "does not answer"


def test_with_all_out_of_rotation_they_are_tried_all_the_same(front: Front) -> None:
    front.breakers.failed(CATALOG_1, "")
    front.breakers.failed(CATALOG_2, "")
    assert services.read_book(front, 1).status == 200


def test_with_all_dead_a_read_is_unavailable(front: Front, store: Store) -> None:
    store.behaviours = {"catalog-1": refuse, "catalog-2": hang_up}
    with pytest.raises(problems.Unavailable):
        services.read_book(front, 1)
    assert len(store.asked_of("/api/v1/books/")) == 2


@pytest.mark.parametrize("gone", [refuse, hang_up, UNAVAILABLE])
def test_with_all_gone_what_is_cached_is_told_as_long_as_the_lease_lasts(store: Store, gone: Behaviour) -> None:
    store.put(2)
    front = fakes.make_front(store)
    services.read_book(front, 1)
    store.behaviours = dict.fromkeys(("catalog-1", "catalog-2"), gone)
    assert services.read_book(front, 1).status == 200
    with pytest.raises(problems.Unavailable):
        services.read_book(front, 2)
    front.coherence.lease_until = float("-inf")
    with pytest.raises(problems.Unavailable):
        services.read_book(front, 1)


@pytest.mark.parametrize("turn_away", [NO_TOKEN, NOT_STAFF])
def test_a_replica_that_does_not_believe_the_front_leaves_the_rotation(
    front: Front, store: Store, turn_away: Behaviour
) -> None:
    store.behaviours = {"catalog-1": turn_away}
    for _ in range(3):
        assert services.read_book(front, 1).status == 200
    assert store.asked_of("/api/v1/books/") == ["catalog-1", *["catalog-2"] * 3]
    assert front.breakers.of(CATALOG_1).reason
    store.behaviours = dict.fromkeys(("catalog-1", "catalog-2"), turn_away)
    with pytest.raises(problems.Unavailable):
        services.read_book(front, 1)


def test_readiness_alone_brings_nobody_back_who_does_not_believe_the_front(store: Store) -> None:
    breakers = ReplicaBreakers([CATALOG_1])
    breakers.failed(CATALOG_1, "answers 401")
    store.behaviours = {
        "catalog-1": lambda asked: (NO_TOKEN if asked.path.startswith("/internal/") else store.answer)(asked)
    }
    checker = Checker(CATALOG_1, breakers, store, asks_status=True)
    checker.check()
    assert not breakers.is_in_rotation(CATALOG_1)
    store.behaviours = {}
    checker.check()
    assert breakers.of(CATALOG_1).has_passed


def test_a_check_is_one_question_and_tells_what_is_new(store: Store) -> None:
    told: list[dict[str, Any]] = []
    checker = Checker(CATALOG_1, ReplicaBreakers([CATALOG_1]), store, asks_status=True)
    checker.on_status = lambda: told.append(checker.status)
    store.behaviours = {"catalog-1": lambda asked: fakes.json_reply({"position": 1})}
    for _ in range(2):
        checker.check()
    store.behaviours = {"catalog-1": lambda asked: fakes.json_reply({"position": 2})}
    checker.check()
    assert [asked.path for asked in store.asked] == ["/internal/status/"] * 3
    assert told == [{"position": 1}, {"position": 2}]


def test_a_replica_in_rotation_is_asked_now_and_then_and_one_that_left_soon(store: Store) -> None:
    clock = Clock()
    breakers = ReplicaBreakers([CATALOG_1], clock=clock)
    checker = Checker(CATALOG_1, breakers, store, asks_status=True)
    assert checker.step() == CHECK_IN_EVERY_S
    clock.now += 0.5
    assert checker.step() == CHECK_IN_EVERY_S - 0.5
    assert len(store.asked) == 1
    wake = checker.task().wake
    assert wake is not None
    assert not wake.is_set()
    store.behaviours = {"catalog-1": hang_up}
    breakers.failed(CATALOG_1, "does not answer")
    assert wake.is_set()
    assert checker.step() == CHECK_OUT_EVERY_S
    assert len(store.asked) == 2


def test_a_replica_that_is_not_up_yet_is_asked_soon_again_for_a_while(store: Store) -> None:
    breakers = ReplicaBreakers([CATALOG_1])
    checker = Checker(CATALOG_1, breakers, store, asks_status=True)
    wake = checker.task().wake
    assert wake is not None
    store.behaviours = {"catalog-1": refuse}
    waits = [checker.step() for _ in range(CHECKS_AT_FIRST + 1)]
    assert waits == [CHECK_AT_FIRST_EVERY_S] * (CHECKS_AT_FIRST - 1) + [CHECK_OUT_EVERY_S] * 2
    assert not wake.is_set(), "its own checks needn't wake it"

    checker = Checker(CATALOG_1, breakers, store, asks_status=True)
    assert checker.step() == CHECK_AT_FIRST_EVERY_S
    store.behaviours = {}
    assert checker.step() == CHECK_AT_FIRST_EVERY_S, "half-open"
    assert checker.step() > CHECK_OUT_EVERY_S
    breakers.failed(CATALOG_1, "does not answer")
    store.behaviours = {"catalog-1": refuse}
    assert checker.step() == CHECK_OUT_EVERY_S


def test_a_replica_that_answers_need_not_be_checked_unless_for_its_status(store: Store) -> None:
    clock = Clock()
    breakers = ReplicaBreakers([CATALOG_1], clock=clock)
    plain = Checker(CATALOG_1, breakers, store, checked_at=clock())
    status = Checker(CATALOG_1, breakers, store, checked_at=clock(), asks_status=True)
    clock.now += CHECK_IN_EVERY_S
    breakers.answered(CATALOG_1, clock())
    assert plain.step() == CHECK_IN_EVERY_S
    assert store.asked == []
    status.step()
    assert len(store.asked) == 1
    clock.now += CHECK_IN_EVERY_S
    plain.step()
    assert [asked.path for asked in store.asked] == ["/internal/status/", "/readyz"]


def test_a_replica_whose_status_is_looked_at_is_asked_every_second(store: Store) -> None:
    clock = Clock()
    checker = Checker(CATALOG_1, ReplicaBreakers([CATALOG_1], clock=clock), store, asks_status=True)
    checker.step()
    clock.now += CHECK_WATCHED_EVERY_S
    checker.watch()
    wake = checker.task().wake
    assert wake is not None
    assert wake.is_set()
    wake.clear()
    assert checker.step() == CHECK_WATCHED_EVERY_S
    assert len(store.asked) == 2
    clock.now += WATCHED_FOR_S - 1
    checker.watch()
    assert not wake.is_set(), "it comes within a second anyway"
    clock.now += WATCHED_FOR_S
    assert checker.step() == CHECK_IN_EVERY_S


def test_readiness_needs_a_replica_of_each_service_that_was_seen(front: Front) -> None:
    front.coherence.lease_until = float("inf")
    with pytest.raises(problems.Unavailable):
        front.check_ready()
    for checker in front.checkers:
        checker.check()
    front.check_ready()


def test_a_front_is_ready_once_it_has_a_lease_or_has_waited_long_enough_for_one(store: Store) -> None:
    clock, fronts = Clock(), [fakes.make_front(store, is_leased=False) for _ in range(2)]
    for front in fronts:
        front.coherence.clock = clock
        with pytest.raises(problems.Unavailable, match="answers yet"):
            front.check_ready()
        for checker in front.checkers:
            checker.check()
        with pytest.raises(problems.Unavailable, match="no lease"):
            front.check_ready()
    leased, without = fronts
    fakes.lease(leased, store)
    leased.check_ready()
    leased.coherence.end_lease()
    leased.check_ready()
    with pytest.raises(problems.Unavailable, match="no lease"):
        without.check_ready()
    clock.now += FIRST_LEASE_WITHIN * without.coherence.lease_s
    without.check_ready()


def test_a_front_asks_for_its_first_lease_again_at_once_while_no_replica_is_up_yet(store: Store) -> None:
    poller = fakes.make_front(store, is_leased=False).poller
    store.behaviours = {CATALOG_1.name: refuse, CATALOG_2.name: refuse}
    waits_s = [poller.step() for _ in range(POLLS_AT_FIRST + 1)]
    soon_s, later_s = (poller.coherence.lease_s * part for part in (CONFIRM_AFTER, POLL_AFTER))
    assert waits_s == [soon_s] * POLLS_AT_FIRST + [later_s]


# ------------------------------------------------------------------------------------------------ purchases


def purchase(front: Front, key: str | None = KEY) -> int:
    return services.purchase(front, b'{"book": 1}', key=key).status


def test_a_purchase_is_repeated_on_the_other_replica_with_the_same_key(front: Front, store: Store) -> None:
    orders_behave(store, hang_up, SOLD)
    assert purchase(front, key=None) == 201
    first, second = store.asked
    assert first.headers[headers.IDEMPOTENCY_KEY] == second.headers[headers.IDEMPOTENCY_KEY]
    assert first.headers[headers.FIRST_ATTEMPT] == "1"
    assert headers.FIRST_ATTEMPT not in second.headers


def test_an_attempt_with_a_key_of_the_client_is_never_called_the_first(front: Front, store: Store) -> None:
    purchase(front)
    assert store.asked[0].headers == {headers.IDEMPOTENCY_KEY: KEY}


def test_an_attempt_that_never_left_was_none(front: Front, store: Store) -> None:
    orders_behave(store, refuse, SOLD)
    assert purchase(front, key=None) == 201
    assert store.asked[1].headers[headers.FIRST_ATTEMPT] == "1"


@pytest.mark.parametrize(
    ("first", "second", "status"),
    [
        (refuse, SOLD, 201),
        (hang_up, SOLD, 201),
        (UNAVAILABLE, SOLD, 201),
        (UNKNOWN, SOLD, 201),
        (BROKEN, SOLD, 201),
        (NO_TOKEN, SOLD, 201),
        (NOT_STAFF, SOLD_OUT, 409),
        (hang_up, SOLD_OUT, 409),
        (SOLD_OUT, SOLD, 409),
    ],
)
def test_the_first_definite_answer_counts(
    front: Front, store: Store, first: Behaviour, second: Behaviour, status: int
) -> None:
    orders_behave(store, first, second)
    assert purchase(front) == status


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (refuse, refuse),
        (refuse, UNAVAILABLE),
        (UNAVAILABLE, refuse),
        (UNAVAILABLE, UNAVAILABLE),
        (NO_TOKEN, NO_TOKEN),
        (NOT_STAFF, UNAVAILABLE),
    ],
)
def test_a_purchase_that_certainly_was_not_made_is_unavailable(
    front: Front, store: Store, first: Behaviour, second: Behaviour
) -> None:
    orders_behave(store, first, second)
    with pytest.raises(problems.Unavailable):
        purchase(front)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (hang_up, refuse),
        (refuse, hang_up),
        (hang_up, UNAVAILABLE),
        (UNAVAILABLE, hang_up),
        (UNKNOWN, UNAVAILABLE),
        (BROKEN, refuse),
        (hang_up, NO_TOKEN),
        (NO_TOKEN, hang_up),
    ],
)
def test_a_purchase_that_may_have_been_made_is_unknown_and_names_order_and_key(
    front: Front, store: Store, first: Behaviour, second: Behaviour
) -> None:
    orders_behave(store, first, second)
    with pytest.raises(problems.OutcomeUnknown) as caught:
        purchase(front)
    assert caught.value.extra == {"order": str(idempotency.order_id(KEY)), "idempotency_key": KEY}


def change_order(front: Front, key: str | None = KEY) -> responses.Relay:
    return services.change_order(front, f"{ORDERS}x/cancel/", b"{}", username="zoë", key=key)


@pytest.mark.parametrize("key", [KEY, None])
def test_a_change_of_an_order_is_repeated_on_the_other_replica_with_the_same_key(
    front: Front, store: Store, key: str | None
) -> None:
    orders_behave(store, hang_up, SOLD)
    assert change_order(front, key).status == 201
    first, second = store.asked
    assert first.headers == second.headers
    assert first.headers.keys() == {headers.IDEMPOTENCY_KEY, headers.ACTING_USER}
    assert first.headers[headers.ACTING_USER] == "zo%C3%AB"


@pytest.mark.parametrize(("first", "second"), [(hang_up, refuse), (UNKNOWN, UNAVAILABLE), (BROKEN, refuse)])
def test_a_change_of_an_order_that_may_have_been_made_is_unknown_and_names_the_key(
    front: Front, store: Store, first: Behaviour, second: Behaviour
) -> None:
    orders_behave(store, first, second)
    with pytest.raises(problems.OutcomeUnknown) as caught:
        change_order(front)
    assert caught.value.extra == {"idempotency_key": KEY}


def test_running_out_of_time_is_not_the_next_replicas_fault(front: Front, store: Store) -> None:
    clock = front.order.balancer.clock = Clock()

    def take_all_the_time(asked: Asked) -> client.Reply:
        clock.now += 20
        raise client.NoAnswer(asked.node)

    orders_behave(store, take_all_the_time, refuse)
    with pytest.raises(problems.OutcomeUnknown):
        purchase(front)
    assert not front.breakers.is_in_rotation(NODES["order-1"])
    assert front.breakers.is_in_rotation(NODES["order-2"])


def test_attempts_carry_their_deadline(front: Front, store: Store) -> None:
    clock = front.order.balancer.clock = Clock()
    purchase(front)
    assert store.asked[0].deadline == clock.now + PURCHASE_ATTEMPT_S


def test_a_key_that_is_none_is_refused_before_anybody_is_asked(front: Front, store: Store) -> None:
    with pytest.raises(problems.Invalid):
        purchase(front, key="short")
    assert store.asked == []


# ------------------------------------------------------------------------------------------- staff's writes


def change(front: Front) -> int:
    relay = services.change_catalog(
        front, "PATCH", "/api/v1/books/1/", b"{}", username="ann", sent={"If-Match": '"x"', "Cookie": "secret"}
    )
    return relay.status


def test_a_change_says_who_makes_it_and_under_which_condition(front: Front, store: Store) -> None:
    assert change(front) == 200
    assert store.asked[0].headers == {headers.ACTING_USER: "ann", "If-Match": '"x"'}


def test_a_change_that_never_left_is_made_on_the_other(front: Front, store: Store) -> None:
    store.behaviours = {"catalog-1": refuse}
    assert change(front) == 200


@pytest.mark.parametrize("name", ["ann", "日本", "renée", "a%20b+c/d@e"])
def test_any_name_of_staff_reaches_the_replica_as_it_is(front: Front, store: Store, name: str) -> None:
    services.change_catalog(front, "DELETE", "/api/v1/books/1/", None, username=name, sent={})
    services.list_orders(front, "", username=name)
    for asked in store.asked:
        sent = RequestFactory().get("/", headers={headers.SERVICE_TOKEN: settings.SERVICE_TOKEN, **asked.headers})
        assert asked.headers[headers.ACTING_USER].isascii()
        found = ServiceAuthentication().authenticate(Request(sent))
        assert found is not None
        assert (found[0].get_username(), found[0].is_staff) == (name, True)


@pytest.mark.parametrize("turn_away", [NO_TOKEN, NOT_STAFF])
def test_a_change_that_was_not_let_in_is_made_on_the_other(front: Front, store: Store, turn_away: Behaviour) -> None:
    store.behaviours = {"catalog-1": turn_away}
    assert change(front) == 200
    store.behaviours = dict.fromkeys(("catalog-1", "catalog-2"), turn_away)
    with pytest.raises(problems.Unavailable):
        change(front)


def test_a_change_that_may_have_arrived_is_not_repeated(front: Front, store: Store) -> None:
    store.behaviours = {"catalog-1": hang_up}
    with pytest.raises(problems.OutcomeUnknown):
        change(front)
    assert store.asked_of("/api/v1/books/") == ["catalog-1"]


def test_a_change_that_a_replica_refuses_is_passed_on(front: Front, store: Store) -> None:
    store.behaviours = {"catalog-1": UNAVAILABLE}
    assert change(front) == 503
    assert store.asked_of("/api/v1/books/") == ["catalog-1"]


def test_the_trace_names_each_attempt(front: Front, store: Store) -> None:
    orders_behave(store, hang_up, SOLD)
    with tracing() as trace:
        purchase(front)
    assert [(step.node, step.result) for step in trace.steps] == [("order-1", "does not answer"), ("order-2", "201")]
