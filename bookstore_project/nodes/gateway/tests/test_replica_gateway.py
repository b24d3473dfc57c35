"""How a replica takes requests: whole, or not at all; with threads for what has arrived, and none for what hasn't."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.conf import settings

from bookstore_project.api import headers
from bookstore_project.nodes.gateway import bodies, header_checks
from bookstore_project.nodes.gateway.messages import Scope
from bookstore_project.nodes.gateway.replica import ReplicaGateway
from tests import asgi
from tests.answers import Answer
from tests.asgi import Message, run
from tests.waiting import PATIENCE_S

ORDER = b'{"book": 2, "quantity": 1}'
CHUNKED = ("transfer-encoding", "chunked")
END: Message = {"type": "http.disconnect"}


class Application:
    """Counts what it is asked, and says what it has read."""

    def __init__(self) -> None:
        self.read: list[bytes] = []
        self.environ: dict[str, Any] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.environ = environ
        self.read.append(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        start_response("201 Created", [("Content-Type", "text/plain")])
        return [b"done ", b"it"]


def scope_of(*sent: tuple[str, str], method: str = "POST", target: str = "/api/v1/orders/") -> Scope:
    return asgi.scope_of(method, target, [("host", "127.0.0.1"), *sent])


def piece(body: bytes, *, is_last: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": not is_last}


async def converse(gateway: ReplicaGateway, scope: Scope, *pieces: Message) -> Answer:
    return await asgi.converse(gateway, scope, pieces)


def made(application: Callable[..., Iterable[bytes]], threads: int = 2, body_timeout_s: float = 20) -> ReplicaGateway:
    return ReplicaGateway(application, threads, lambda: None, body_timeout_s)


def lines_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "bookstore.request"]


@pytest.mark.parametrize(
    ("sent", "pieces"),
    [
        (("content-length", str(len(ORDER))), [piece(ORDER), piece(b"", is_last=True)]),
        (CHUNKED, [piece(ORDER[:9]), piece(ORDER[9:]), piece(b"", is_last=True)]),
        (("transfer-encoding", "Chunked"), [piece(ORDER, is_last=True)]),
    ],
)
def test_a_whole_body_is_handed_on_with_its_length(sent: tuple[str, str], pieces: list[Message]) -> None:
    application = Application()

    async def test() -> None:
        got = await converse(made(application), scope_of(sent, ("x-request-id", "me")), *pieces)
        assert (got.status, got.body) == (201, b"done it")

    run(test)
    assert application.read == [ORDER]
    assert application.environ["HTTP_X_REQUEST_ID"] == "me"


@pytest.mark.parametrize("sent", [("content-length", "99"), CHUNKED])
@pytest.mark.parametrize("pieces", [[], [piece(ORDER)], [piece(ORDER[:5]), piece(ORDER[5:])]])
def test_a_body_that_breaks_off_is_never_executed_complete_as_it_may_look(
    sent: tuple[str, str], pieces: list[Message], caplog: pytest.LogCaptureFixture
) -> None:
    application = Application()

    async def test() -> None:
        got = await converse(made(application), scope_of(sent), *pieces, END)
        assert (got.status, got.code) == (400, "parse_error")
        assert got.headers["content-type"] == "application/problem+json"
        assert got.headers["connection"] == "close"
        assert json.loads(got.body)["request_id"] == got.headers["x-request-id"]

    run(test)
    assert application.read == []
    (line,) = lines_of(caplog)
    assert line.startswith("POST /api/v1/orders/ 400 ")


@pytest.mark.parametrize(
    "sent",
    [
        [("transfer-encoding", "gzip, chunked")],
        [("transfer-encoding", "chunked, chunked")],
        [CHUNKED, CHUNKED],
        [("transfer-encoding", "gzip"), CHUNKED],
        [("transfer-encoding", "identity")],
        [("transfer-encoding", "")],
        [("transfer-encoding", "x" * 500)],
    ],
)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_transfer_coding_that_nobody_takes_off_is_refused(sent: list[tuple[str, str]], method: str) -> None:
    application = Application()

    async def test() -> None:
        got = await converse(made(application), scope_of(*sent, method=method), piece(ORDER, is_last=True))
        assert (got.status, got.code) == (400, "parse_error")
        assert len(json.loads(got.body)["detail"]) < 200

    run(test)
    assert application.read == []


ODD_TYPES = [
    *(
        f"application/x-www-form-urlencoded; charset={name}"
        for name in ("punycode", "idna", "hex", "cp037", "utf-16")
    ),
    "application/json; charset*=utf-8''cp037",
    "text/plain; x*=nobody''%ff",
    "multipart/form-data; boundary*=idna''%ff",
]


@pytest.mark.parametrize("kind", ODD_TYPES)
def test_a_body_in_other_letters_than_utf_8_is_refused(kind: str) -> None:
    application = Application()

    async def test() -> None:
        for method in ("POST", "GET"):
            scope = scope_of(("content-type", kind), ("content-length", str(len(ORDER))), method=method)
            got = await converse(made(application), scope, piece(ORDER, is_last=True))
            assert (got.status, got.code) == (415, "unsupported_media_type")
        got = await converse(made(application), scope_of(("content-type", kind)), piece(b"", is_last=True))
        assert (got.status, got.code) == (415, "unsupported_media_type")

    run(test)
    assert application.read == []


@pytest.mark.parametrize("kind", ODD_TYPES)
def test_a_read_is_not_read_in_other_letters_than_utf_8(kind: str) -> None:
    """Its Content-Type is that of nothing."""
    application = Application()

    async def test() -> None:
        scope = scope_of(("content-type", kind), method="GET", target="/api/v1/books/?page=2")
        got = await converse(made(application), scope, piece(b"", is_last=True))
        assert got.status == 201

    run(test)
    assert "CONTENT_TYPE" not in application.environ


@pytest.mark.parametrize(
    "kind", ["", "nonsense", "application/json", 'text/plain; charset="UTF-8"', "a; charset=utf8"]
)
def test_a_body_in_utf_8_is_handed_on_with_its_type(kind: str) -> None:
    application = Application()

    async def test() -> None:
        scope = scope_of(("content-type", kind), ("content-length", str(len(ORDER))))
        assert (await converse(made(application), scope, piece(ORDER, is_last=True))).status == 201

    run(test)
    assert application.environ["CONTENT_TYPE"] == kind


@pytest.mark.parametrize(
    ("scope", "status", "code"),
    [
        (scope_of(method="GET", target="/" + "x" * header_checks.LONGEST_TARGET), 414, "uri_too_long"),
        (scope_of(method="GET", target="/?" + "x" * header_checks.LONGEST_TARGET), 414, "uri_too_long"),
        (scope_of(("cookie", "x" * header_checks.LARGEST_HEAD_BYTES), method="GET"), 431, "headers_too_large"),
        (scope_of(*[(f"x-{n}", "y" * 400) for n in range(90)], method="GET"), 431, "headers_too_large"),
    ],
)
def test_a_head_without_end_is_refused_in_a_short_line(
    scope: Scope, status: int, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    application = Application()

    async def test() -> None:
        got = await converse(made(application), scope, piece(b"", is_last=True))
        assert (got.status, got.code) == (status, code)

    run(test)
    assert application.read == []
    (line,) = lines_of(caplog)
    assert len(line) < 400


def test_half_bodies_take_no_thread() -> None:
    application = Application()

    async def test() -> None:
        gateway = made(application, threads=1)
        halves = [
            asyncio.create_task(converse(gateway, scope_of(("content-length", "99")), piece(ORDER)))
            for _ in range(30)
        ]
        await asyncio.sleep(0)
        got = await converse(gateway, scope_of(CHUNKED), piece(ORDER, is_last=True))
        assert got.status == 201
        assert not any(half.done() for half in halves)
        for half in halves:
            half.cancel()
        await asyncio.gather(*halves, return_exceptions=True)

    run(test)
    assert application.read == [ORDER]


def test_a_body_that_never_ends_is_refused_in_time() -> None:
    application = Application()

    async def test() -> None:
        got = await converse(made(application, body_timeout_s=0.01), scope_of(CHUNKED), piece(ORDER))
        assert (got.status, got.code) == (400, "parse_error")

    run(test)
    assert application.read == []


def test_a_body_that_is_too_large_is_cut_for_django_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "UPLOAD_MAX_BYTES", 10)
    application = Application()

    async def test() -> None:
        for sent in (CHUNKED, ("content-length", "30")):
            await converse(made(application), scope_of(sent), *[piece(b"x" * 10)] * 2, piece(b"x" * 10, is_last=True))

    run(test)
    assert application.read == [b"x" * 11] * 2


def test_bodies_on_their_way_are_bounded_but_for_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "TOTAL_BYTES", 10)
    application = Application()

    async def test() -> None:
        got = await converse(made(application), scope_of(CHUNKED), piece(ORDER, is_last=True))
        assert (got.status, got.code) == (503, "unavailable")
        assert "retry-after" in got.headers
        token = ("x-service-token", settings.SERVICE_TOKEN)
        assert (await converse(made(application), scope_of(CHUNKED, token), piece(ORDER, is_last=True))).status == 201

    run(test)
    assert application.read == [ORDER]


def test_no_more_views_run_at_once_than_there_are_threads() -> None:
    let_go, inside = threading.Event(), threading.Semaphore(0)
    running: list[int] = []

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        running.append(1)
        inside.release()
        assert let_go.wait(PATIENCE_S)
        start_response("200 OK", [])
        return []

    async def test() -> None:
        gateway = made(application, threads=2)
        tasks = [asyncio.create_task(converse(gateway, scope_of(method="GET"))) for _ in range(5)]
        for _ in range(2):
            assert await asyncio.to_thread(inside.acquire, timeout=PATIENCE_S)
        assert len(running) == 2
        let_go.set()
        assert [(await task).status for task in tasks] == [200] * 5

    run(test)


def test_a_life_begins_once_and_ends() -> None:
    begun: list[int] = []
    gateway = ReplicaGateway(Application(), 1, lambda: begun.append(1))

    async def test() -> None:
        waiting = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
        said: list[str] = []

        async def receive() -> Message:
            return waiting.pop(0)

        async def send(message: Any) -> None:
            said.append(message["type"])

        await gateway({"type": "lifespan"}, receive, send)
        assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]

    run(test)
    assert begun == [1]


def test_an_application_that_breaks_is_a_problem_with_a_traceback_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        raise ZeroDivisionError

    async def test() -> None:
        got = await converse(made(application), scope_of(method="GET"))
        assert (got.status, got.code) == (500, "internal_error")

    run(test)
    assert any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize("token", ["", "another", "ours"])
def test_nodes_alone_are_told_what_time_it_is(token: str) -> None:
    """They tell their deadlines in the time of whoever reads them."""
    sent = [(headers.SERVICE_TOKEN, settings.SERVICE_TOKEN if token == "ours" else token)] if token else []

    async def test() -> None:
        before = time.time()
        got = await converse(made(Application()), scope_of(*sent, method="GET"), piece(b"", is_last=True))
        said = got.headers.get(headers.CLOCK.lower())
        assert (said is not None) == (token == "ours")
        assert said is None or before - 0.001 <= float(said) <= time.time() + 0.001

    run(test)
