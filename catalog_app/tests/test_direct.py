"""What fronts and order replicas ask a catalog replica all the time is answered without Django, and the same."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.conf import settings

from bookstore_project.api import headers
from bookstore_project.api.tests.api import as_node, send
from bookstore_project.nodes import processes
from bookstore_project.nodes.direct import Direct, NotUnderstood
from bookstore_project.nodes.gateway.environ import build_environ
from bookstore_project.nodes.gateway.messages import Incoming, Outgoing
from bookstore_project.nodes.gateway.threads import run_wsgi
from bookstore_project.nodes.metrics import BEGAN
from bookstore_project.replication.invalidation.leases import read_leases
from bookstore_project.replication.web import direct
from tests.asgi import scope_of

TOKEN = (headers.SERVICE_TOKEN.lower(), settings.SERVICE_TOKEN)
POLL = {
    "front": "front",
    "address": "127.0.0.1:1",
    "instance": processes.instance("0123456789abcdef0123"),
    "since": None,
    "confirmed": None,
    "is_settling": False,
    "lease_s": 0.2,
    "timeline": None,
}


def ask(application: Any, method: str, target: str, body: bytes = b"") -> Outgoing:
    request = Incoming.of(scope_of(method, target, [TOKEN]))
    return run_wsgi(application, build_environ(request, body, "r1") | {BEGAN: 0.0})


@pytest.fixture
def catalog(node: None) -> Direct:
    def fail(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        raise AssertionError("left to Django")

    return Direct(fail, direct.answers("catalog", gives_leases=True))


def test_the_status_is_that_of_the_route(catalog: Direct) -> None:
    answer = ask(catalog, "GET", "/internal/status/")
    assert answer.body == send("GET", "/internal/status/", sent=as_node()).content


def test_a_poll_gets_what_the_route_gives(catalog: Direct) -> None:
    answer = ask(catalog, "POST", "/internal/leases/", json.dumps(POLL).encode())
    assert ("front", POLL["instance"]) in read_leases().valid
    assert answer.body == send("POST", "/internal/leases/", POLL, sent=as_node()).content


@pytest.mark.parametrize(
    "nonsense",
    [
        {"front": "../x"},
        {"front": ["front"]},
        {"lease_s": 1e9},
        {"lease_s": 0.0},
        {"lease_s": "nan"},
        {"lease_s": float("nan")},
        {"since": -1},
        {"since": True},
        {"confirmed": [1]},
        {"confirmed": ["1", 1]},
        {"confirmed": {}},
        {"address": "nowhere"},
        {"address": "x" * 101},
        {"instance": ""},
        {"instance": "x" * 65},
        {"instance": "\n"},
        {"instance": "a b"},
        {"is_settling": 1},
        {"timeline": 1},
        {"timeline": ""},
        {"timeline": "x" * 65},
        {"x": 1},
    ],
)
def test_a_poll_that_makes_no_sense_is_left_to_the_route(nonsense: dict[str, Any]) -> None:
    with pytest.raises(NotUnderstood):
        direct.poll_of(json.dumps({**POLL, **nonsense}).encode())


def test_a_front_of_older_code_does_not_say_its_timeline() -> None:
    told = {name: value for name, value in POLL.items() if name != "timeline"}
    assert direct.poll_of(json.dumps(told).encode()).timeline is None
    assert direct.poll_of(json.dumps({**POLL, "timeline": "t1"}).encode()).timeline == "t1"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"{}", b"\xff"])
def test_what_is_no_poll_is_left_to_the_route(body: bytes) -> None:
    with pytest.raises(NotUnderstood):
        direct.poll_of(body)
