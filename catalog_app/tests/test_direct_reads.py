"""What a front's miss asks a catalog replica for is answered without Django, and the same."""

import json
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.conf import settings

from bookstore_project.api import headers
from bookstore_project.api.problems import RETRY_AFTER_S, Unavailable
from bookstore_project.api.tests.api import as_node, send
from bookstore_project.nodes import metrics
from bookstore_project.nodes.gateway.environ import build_environ
from bookstore_project.nodes.gateway.messages import Incoming, Outgoing
from bookstore_project.nodes.gateway.threads import run_wsgi
from bookstore_project.replication import reads
from bookstore_project.replication.errors import WriteRefused
from bookstore_project.replication.web.direct_reads import DirectReads
from catalog_app.direct import BOOKS
from catalog_app.services import book_retire
from tests.asgi import scope_of

pytestmark = pytest.mark.every_engine
TOKEN = (headers.SERVICE_TOKEN.lower(), settings.SERVICE_TOKEN)
ID = (headers.REQUEST_ID.lower(), "r1")
BOOK = "/api/v1/books/2/"
SAME = ("Content-Type", "Content-Length", "ETag", headers.LOG_POSITION, headers.TIMELINE)


def django(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("204 No Content", [])
    return []


def ask(target: str, *sent: tuple[str, str], method: str = "GET") -> Outgoing:
    request = Incoming.of(scope_of(method, target, list(sent)))
    return run_wsgi(DirectReads(django, BOOKS), build_environ(request, b"", "r1") | {metrics.BEGAN: 0.0})


@pytest.fixture
def retired(node: None) -> None:
    book_retire(book_id=3, actor="ann")


@pytest.mark.parametrize("target", [BOOK, "/api/v1/books/3/", "/api/v1/books/999999/", f"/api/v1/books/{'9' * 18}/"])
def test_it_is_what_the_route_gives(retired: None, target: str, caplog: pytest.LogCaptureFixture) -> None:
    """What isn't there as well: a front keeps that, too, and needs to know as of when."""
    own = {headers.REQUEST_ID: "r1"}
    expected = send("GET", target, sent={**as_node(), **own})
    caplog.clear()
    answer = ask(target, TOKEN, ID, ("host", "127.0.0.1:1"))
    named = dict(answer.headers)
    assert (answer.status, answer.body) == (expected.status_code, expected.content)
    assert [named.get(name) for name in SAME] == [expected.headers.get(name) for name in SAME]
    assert named[headers.REQUEST_ID] == "r1"
    assert f"GET {target} {answer.status}" in caplog.text


@pytest.mark.parametrize(
    ("target", "sent"),
    [
        (f"{BOOK}?format=json", [TOKEN]),
        ("/api/v1/books/2", [TOKEN]),
        ("/api/v1/books/02/", [TOKEN]),
        ("/api/v1/books/0/", [TOKEN]),
        ("/api/v1/books/2/history/", [TOKEN]),
        (f"/api/v1/books/{'9' * 19}/", [TOKEN]),
        (BOOK, []),
        (BOOK, [(TOKEN[0], "another")]),
        (BOOK, [TOKEN, ("accept", "text/html")]),
        (BOOK, [TOKEN, ("if-none-match", "*")]),
        (BOOK, [TOKEN, ("cookie", "a=b")]),
        (BOOK, [TOKEN, ("origin", "http://evil.example")]),
        (BOOK, [TOKEN, (headers.DEADLINE.lower(), "soon")]),
        (BOOK, [TOKEN, (headers.DEADLINE.lower(), "inf")]),
    ],
)
def test_whatever_is_unusual_is_left_to_django(node: None, target: str, sent: list[tuple[str, str]]) -> None:
    assert ask(target, *sent).status == 204


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE", "OPTIONS"])
def test_whoever_wants_something_else_goes_to_django(node: None, method: str) -> None:
    assert ask(BOOK, TOKEN, method=method).status == 204


@pytest.mark.parametrize(("off_s", "status"), [(1000, 200), (-1, 503)])
def test_what_comes_after_its_deadline_is_not_read(node: None, off_s: int, status: int) -> None:
    answer = ask(BOOK, TOKEN, (headers.DEADLINE.lower(), f"{time.time() + off_s:.3f}"))
    assert answer.status == status


@pytest.mark.parametrize("defect", [ZeroDivisionError("ours"), WriteRefused("ours")])
def test_what_breaks_leaves_its_traceback(
    node: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, defect: Exception
) -> None:
    def explode(*_: object, **__: object) -> Any:
        raise defect

    monkeypatch.setattr(reads, "reading", explode)
    answer = ask(BOOK, TOKEN, ID)
    assert (answer.status, json.loads(answer.body)["code"]) == (500, "internal_error")
    assert f"GET {BOOK} broke" in caplog.text
    assert f"GET {BOOK} 500" in caplog.text


def test_a_replica_that_cannot_promise_says_so(node: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> Any:
        raise Unavailable("out of sync", service="catalog")

    monkeypatch.setattr(reads, "reading", refuse)
    answer = ask(BOOK, TOKEN, ID)
    told = json.loads(answer.body)
    assert (answer.status, told["code"], told["request_id"]) == (503, "unavailable", "r1")
    assert dict(answer.headers)["Content-Type"] == "application/problem+json"
    assert dict(answer.headers)["Retry-After"] == str(RETRY_AFTER_S)
