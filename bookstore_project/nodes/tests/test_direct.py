"""What nodes ask all the time is answered without Django, as Django's routes answer it; all else is left to them."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.conf import settings

from bookstore_project.api import headers
from bookstore_project.api.problems import Unavailable
from bookstore_project.nodes.direct import Direct, NotUnderstood
from bookstore_project.nodes.gateway.environ import build_environ
from bookstore_project.nodes.gateway.messages import Incoming, Outgoing
from bookstore_project.nodes.gateway.threads import run_wsgi
from bookstore_project.nodes.metrics import BEGAN
from tests.asgi import scope_of

TOKEN = (headers.SERVICE_TOKEN.lower(), settings.SERVICE_TOKEN)


class Django:
    """Stands for it, and says so."""

    def __init__(self) -> None:
        self.read: list[bytes] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.read.append(environ["wsgi.input"].read())
        start_response("204 No Content", [])
        return []


def ask(application: Any, method: str, target: str, *sent: tuple[str, str], body: bytes = b"") -> Outgoing:
    request = Incoming.of(scope_of(method, target, list(sent)))
    return run_wsgi(application, build_environ(request, body, "r1") | {BEGAN: 0.0})


def refuse(body: bytes) -> Any:
    raise Unavailable("out of sync", service="shelf")


def misunderstand(body: bytes) -> Any:
    raise NotUnderstood


ANSWERS: dict[tuple[str, str], Callable[[bytes], Any]] = {
    ("POST", "/right/"): lambda body: {"heard": body.decode()},
    ("POST", "/refused/"): refuse,
    ("POST", "/odd/"): misunderstand,
}


@pytest.fixture
def django() -> Django:
    return Django()


@pytest.fixture
def application(django: Django) -> Direct:
    return Direct(django, ANSWERS)


def test_a_node_is_answered(application: Direct, django: Django) -> None:
    answer = ask(application, "POST", "/right/", TOKEN, body=b"a poll")
    assert (answer.status, json.loads(answer.body)) == (200, {"heard": "a poll"})
    assert dict(answer.headers)[headers.REQUEST_ID] == "r1"
    assert django.read == []


def test_a_refusal_is_a_problem(application: Direct, caplog: pytest.LogCaptureFixture) -> None:
    answer = ask(application, "POST", "/refused/", TOKEN)
    told = json.loads(answer.body)
    assert (answer.status, told["code"], told["detail"], told["service"]) == (
        503,
        "unavailable",
        "out of sync",
        "shelf",
    )
    assert dict(answer.headers)["Content-Type"] == "application/problem+json"
    assert "POST /refused/ 503" in caplog.text


@pytest.mark.parametrize(
    ("method", "target", "sent"),
    [
        ("POST", "/other/", [TOKEN]),
        ("GET", "/right/", [TOKEN]),
        ("POST", "/right/?x=1", [TOKEN]),
        ("POST", "/right/", []),
        ("POST", "/right/", [(TOKEN[0], "another")]),
        ("POST", "/right/", [(TOKEN[0], "é")]),
        ("POST", "/right/", [TOKEN, ("origin", "http://evil.example")]),
        ("POST", "/right/", [TOKEN, ("sec-fetch-site", "cross-site")]),
        ("POST", "/odd/", [TOKEN]),
    ],
)
def test_whatever_is_unusual_is_left_to_django(
    application: Direct, django: Django, method: str, target: str, sent: list[tuple[str, str]]
) -> None:
    assert ask(application, method, target, *sent, body=b"a poll").status == 204
    assert django.read == [b"a poll"]
