"""A client says how long it waits."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from bookstore_project.api import headers
from bookstore_project.nodes import client
from bookstore_project.nodes.deadlines import HOP_MARGIN_S
from frontend_app import middleware
from frontend_app.clients import READ_TOTAL_S
from frontend_app.runtime import Front, serving
from frontend_app.tests.support import fakes
from frontend_app.tests.support.fakes import Asked, Store
from tests.clock import Clock

BOOK, ORDERS = "/product/1", "/api/v1/orders/"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time of this front, in epoch seconds."""
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


@pytest.fixture(autouse=True)
def front(store: Store, clock: Clock) -> Iterator[Front]:
    with serving(fakes.make_front(store, is_leased=False)) as front:
        front.catalog.balancer.clock = front.order.balancer.clock = clock
        yield front


def get(client: Client, path: str, timeout: str) -> Any:
    return client.get(path, headers={headers.REQUEST_TIMEOUT: timeout})


def buy(client: Client, timeout: str) -> Any:
    return client.post(
        ORDERS, {"book": 1}, content_type="application/json", headers={headers.REQUEST_TIMEOUT: timeout}
    )


def hang(clock: Clock) -> fakes.Behaviour:
    def behaviour(asked: Asked) -> client.Reply:
        assert asked.deadline is not None
        clock.now = asked.deadline
        raise client.NoAnswer(asked.node)

    return behaviour


def test_a_replica_has_less_time_than_the_client(client: Client, store: Store, clock: Clock) -> None:
    assert get(client, BOOK, "1").status_code == 200
    assert buy(client, "0.5").status_code == 201
    deadlines = [asked.deadline for asked in store.asked]
    assert deadlines == [
        pytest.approx(clock.now + 0.6 * (1 - HOP_MARGIN_S)),
        pytest.approx(clock.now + 0.6 * (0.5 - HOP_MARGIN_S)),
    ]


def test_more_time_than_the_stores_own_limit_is_cut_to_it(client: Client, store: Store, clock: Clock) -> None:
    get(client, BOOK, "100000000")
    client.get(BOOK)
    first, second = [asked.deadline for asked in store.asked]
    assert first == second


@pytest.mark.parametrize("path", [BOOK, "/search/things", "/api/v1/books/", "/api/v1/cluster/", "/"])
@pytest.mark.parametrize("timeout", ["soon", "0", "-1", ""])
def test_nonsense_is_refused_before_anybody_is_asked(client: Client, store: Store, path: str, timeout: str) -> None:
    answer = get(client, path, timeout)
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_error")
    assert list(answer.json()["errors"]) == [headers.REQUEST_TIMEOUT]
    assert {"X-Cache", "X-Request-Id", "ETag"} <= answer.headers.keys()
    assert buy(client, timeout).status_code == 400
    assert store.asked == []


def test_health_checks_have_no_use_for_it(client: Client) -> None:
    assert get(client, "/healthz", "soon").status_code == 200


def test_a_read_whose_time_is_up_is_unavailable_and_nobody_is_blamed(
    client: Client, store: Store, front: Front, clock: Clock
) -> None:
    store.behaviours = dict.fromkeys(("catalog-1", "catalog-2"), hang(clock))
    began = clock.now
    answer = get(client, BOOK, "0.4")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer["Retry-After"]
    assert "in the time" in answer.json()["detail"]
    assert store.asked_of("/api/v1/books/") == ["catalog-1", "catalog-2"]
    assert clock.now <= began + 0.4
    assert front.breakers.is_in_rotation(fakes.CATALOG_1)


def test_without_enough_time_nothing_is_begun(client: Client, store: Store) -> None:
    for answer in (get(client, BOOK, "0.01"), buy(client, "0.01")):
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert store.asked == []


def test_a_purchase_whose_time_is_up_is_unknown_if_it_may_have_been_made(
    client: Client, store: Store, clock: Clock
) -> None:
    store.behaviours = dict.fromkeys(("order-1", "order-2"), hang(clock))
    answer = buy(client, "0.4")
    assert (answer.status_code, answer.json()["code"]) == (503, "outcome_unknown")
    assert answer["Retry-After"]


def test_the_time_in_the_queue_counts(client: Client, store: Store, clock: Clock) -> None:
    arrived_at = clock.now
    clock.now += 0.3
    arrived: dict[str, Any] = {middleware.ARRIVED_AT: arrived_at}
    client.get(BOOK, headers={headers.REQUEST_TIMEOUT: "1"}, **arrived)
    assert store.asked[0].deadline == pytest.approx(clock.now + 0.6 * (0.7 - HOP_MARGIN_S))
    assert READ_TOTAL_S > 1
