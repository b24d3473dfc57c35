"""A miss goes past Django: it asks a replica, and is kept, counted, noted and logged as by the views."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from bookstore_project.api import headers
from bookstore_project.nodes import metrics
from bookstore_project.nodes.gateway.environ import build_environ
from bookstore_project.nodes.gateway.messages import Incoming, Outgoing
from bookstore_project.nodes.gateway.threads import run_wsgi
from frontend_app import services
from frontend_app.gateway import direct_reads
from frontend_app.runtime import Front, serving
from frontend_app.tests.support import fakes
from frontend_app.tests.support.fakes import Store
from tests.asgi import scope_of


@pytest.fixture
def front(store: Store) -> Iterator[Front]:
    with serving(fakes.make_front(store)) as front:
        yield front


def django(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    raise AssertionError("left to Django")


def get(path: str) -> Outgoing:
    request = Incoming.of(scope_of("GET", path, [("host", "127.0.0.1")]))
    environ = build_environ(request, b"", "r1") | {metrics.BEGAN: 0.0} | direct_reads.marks(request)
    return run_wsgi(direct_reads.DirectBooks(django), environ)


def test_a_miss_asks_once_and_the_next_one_finds_it(
    front: Front, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [get("/product/1"), get("/api/v1/books/1/")]
    assert [dict(answer.headers)[headers.CACHE] for answer in answers] == ["miss", "hit"]
    assert answers[0].body == answers[1].body
    assert len(store.asked) == 1
    counters = front.reads.counters()
    assert (counters.misses, counters.hits) == (1, 1)
    assert "GET /product/1 200" in caplog.text
    assert "GET /api/v1/books/1/ 200 cache" in caplog.text
    assert [request["path"] for request in front.journal.requests(is_for_staff=True)][:2] == [
        "/api/v1/books/1/",
        "/product/1",
    ]


def test_what_breaks_is_answered_noted_and_leaves_its_traceback(
    front: Front, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def explode(*_: object) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(services, "read", explode)
    answer = get("/product/1")
    assert (answer.status, dict(answer.headers)[headers.CACHE]) == (500, "bypass")
    assert "GET /product/1 broke" in caplog.text
    assert [request["status"] for request in front.journal.requests(is_for_staff=True)] == [500]
