"""Staff drains replicas, and lets them in again."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from prometheus_client import CollectorRegistry, generate_latest

from bookstore_project.api import health
from bookstore_project.api.tests.api import make_staff
from bookstore_project.nodes import drains
from bookstore_project.settings import topology
from frontend_app.dashboard.metrics import FrontCollector
from frontend_app.runtime import Front, serving
from frontend_app.tests.support import fakes
from frontend_app.tests.support.fakes import CATALOG_2, Store

DRAIN, UNDRAIN = "/api/v1/cluster/nodes/catalog-1/drain/", "/api/v1/cluster/nodes/catalog-1/undrain/"


@pytest.fixture(autouse=True)
def front(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    monkeypatch.setattr(topology, "DRAINED_DIR", tmp_path / "drained")
    with serving(fakes.make_front(store, is_leased=False)) as front:
        yield front


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(make_staff("ann", "operators"))
    return client


def post(client: Client, path: str, **data: Any) -> Any:
    return client.post(path, json.dumps(data), content_type="application/json")


def asked(client: Client, store: Store, count: int = 4) -> set[str]:
    store.asked.clear()
    for _ in range(count):
        assert client.get("/product/1").status_code == 200
    return set(store.asked_of("/api/v1/books/"))


def test_a_drained_front_says_that_it_is_not_ready_and_answers_all_the_same(
    client: Client, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    front.coherence.lease_until = float("inf")
    monkeypatch.setattr(health, "_checks", [front.check_ready])
    for checker in front.checkers:
        checker.check()
    assert client.get("/readyz").status_code == 200
    drains.drain(front.node, by="ann", is_answering=lambda node: True, is_forced=True)
    front.drains.look()
    refused = client.get("/readyz")
    assert (refused.status_code, refused.json()["detail"].split(" at ")[0]) == (503, "drained by ann")
    assert client.get("/product/1").status_code == 200
    drains.undrain(front.node)
    front.drains.look()
    assert client.get("/readyz").status_code == 200


def test_a_drained_replica_gets_no_requests_until_it_is_let_in_again(
    staff: Client, store: Store, front: Front
) -> None:
    answer = post(staff, DRAIN)
    assert (answer.status_code, answer.json()["name"], answer.json()["state"]) == (200, "catalog-1", "drained")
    assert answer.json()["reason"].startswith("drained by ann at ")
    assert asked(staff, store) == {"catalog-2"}
    answer = staff.generic("POST", UNDRAIN)  # As from `curl -X POST`: without any body.
    assert (answer.status_code, answer.json()["state"], answer.json()["reason"]) == (200, "unknown", "")
    assert asked(staff, store) == {"catalog-1", "catalog-2"}
    events = [(event["node"], event["event"]) for event in front.journal.events()]
    assert events == [
        ("catalog-1", "is no longer drained"),
        ("catalog-1", "is drained: it gets no new requests"),
    ]


def test_a_front_that_starts_later_knows_who_is_drained(staff: Client, store: Store) -> None:
    post(staff, DRAIN)
    with serving(fakes.make_front(store, is_leased=False)):
        assert asked(staff, store) == {"catalog-2"}


def test_when_the_other_fails_a_drained_replica_is_better_than_a_refusal(staff: Client, store: Store) -> None:
    post(staff, DRAIN)
    store.behaviours = {"catalog-2": fakes.refuse}
    assert asked(staff, store) == {"catalog-1", "catalog-2"}
    assert asked(staff, store) == {"catalog-1"}


def test_checks_of_a_drained_replica_go_on(staff: Client, store: Store, front: Front) -> None:
    post(staff, DRAIN)
    store.behaviours = {"catalog-1": fakes.hang_up}
    front.checkers[0].check()
    (state,) = [
        each["state"] for each in staff.get("/api/v1/cluster/").json()["nodes"] if each["name"] == "catalog-1"
    ]
    assert state == "out"


def test_the_last_replica_is_drained_by_force_only(staff: Client, store: Store, front: Front) -> None:
    front.breakers.failed(CATALOG_2, "refuses connections")
    answer = post(staff, DRAIN)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "`force`" in answer.json()["detail"]
    assert post(staff, DRAIN, force=True).json()["state"] == "drained"


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [("catalog-9", 404, "not_found"), ("%2e%2e", 404, "not_found"), ("front", 400, "validation_error")],
)
@pytest.mark.parametrize("what", ["drain", "undrain"])
def test_what_is_no_replica_cannot_be_drained(staff: Client, name: str, status: int, code: str, what: str) -> None:
    answer = post(staff, f"/api/v1/cluster/nodes/{name}/{what}/")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("data", [{"force": "perhaps"}, {"forse": True}])
def test_nonsense_drains_nobody(staff: Client, store: Store, data: dict[str, Any]) -> None:
    answer = post(staff, DRAIN, **data)
    assert (answer.status_code, set(answer.json()["errors"])) == (400, set(data))
    assert len(asked(staff, store)) == 2


@pytest.mark.parametrize("path", [DRAIN, UNDRAIN])
def test_only_staff_drains(client: Client, db: None, path: str) -> None:
    assert post(client, path).status_code == 401
    client.force_login(User.objects.create_user("bob"))
    assert post(client, path).status_code == 403
    assert client.get(path).status_code in (403, 405)


def test_the_metrics_say_who_is_in_which_state(staff: Client, store: Store) -> None:
    post(staff, DRAIN)
    store.behaviours = {"catalog-2": fakes.refuse}
    staff.get("/product/1")
    registry = CollectorRegistry()
    registry.register(FrontCollector())
    told = generate_latest(registry).decode()
    for line in (
        'bookstore_replica_state{node="catalog-1",state="drained"} 1.0',
        'bookstore_replica_state{node="catalog-1",state="up"} 0.0',
        'bookstore_replica_state{node="catalog-2",state="out"} 1.0',
        'bookstore_replica_in_rotation{node="catalog-1"} 0.0',
        'bookstore_retries_total{service="catalog"} 1.0',
        'bookstore_retries_refused_total{service="catalog"} 0.0',
    ):
        assert line in told, line
