"""The event loop's part: quick answers that equal the ordinary ones, and clients that are slow or hostile."""

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings

from bookstore_project.api import headers
from bookstore_project.nodes import metrics
from bookstore_project.nodes.gateway import bodies
from bookstore_project.nodes.gateway.environ import build_environ
from bookstore_project.nodes.gateway.messages import Incoming, Outgoing, RawHeaders, raw_headers
from frontend_app import services
from frontend_app.gateway import fast_path, response_headers
from frontend_app.gateway.application import Gateway
from frontend_app.gateway.fast_path import FastPath, liveness
from frontend_app.gateway.wsgi_pool import BulkheadFull, WSGIPool
from frontend_app.runtime import Front, serving
from frontend_app.tests.support import asgi, fakes
from frontend_app.tests.support.asgi import HOST, ask, incoming
from frontend_app.tests.support.fakes import Store
from tests.asgi import run, scope_of
from tests.waiting import PATIENCE_S

BOOK = "/api/v1/books/1/"
IDENTITY = "an-id-of-the-client"


@pytest.fixture
def store() -> Store:
    store = Store()
    store.put(1, price="10.00")
    store.put(2, topic="a topic", title="Übung")
    return store


@pytest.fixture
def front(store: Store) -> Iterator[Front]:
    front = fakes.make_front(store)
    for book_id in (1, 2):
        services.read_book(front, book_id)
    services.read_titles(front, "a topic", "")
    services.read_titles(front, "a topic", "page=1&page_size=5")
    with serving(front):
        yield front


@pytest.fixture
def gateway(front: Front) -> Gateway:
    return asgi.make_gateway(front)


# --------------------------------------------------------------------------- the fast path and Django --------

QUICK: list[tuple[str, str, dict[str, str]]] = [
    ("GET", BOOK, {}),
    ("GET", "/api/v1/books/1", {}),
    ("HEAD", BOOK, {}),
    ("GET", "/product/2", {}),
    ("GET", "/product/2/", {"accept": "application/json"}),
    ("GET", "/info/2", {"accept": "*/*"}),
    ("GET", "/info/2", {"accept": "application/json, text/plain, */*"}),
    ("GET", "/search/a%20topic", {}),
    ("GET", "/search/a%20topic/", {}),
    ("HEAD", "/search/a%20topic?page=1&page_size=5", {}),
    ("GET", BOOK, {"if-none-match": "*"}),
    ("GET", BOOK, {"if-none-match": '"other"'}),
    ("GET", BOOK, {"cookie": "theme=dark"}),
    ("GET", "/healthz", {}),
    ("HEAD", "/healthz/", {"accept": "image/png"}),
]
NOT_QUICK: list[tuple[str, str, dict[str, str]]] = [
    ("GET", BOOK, {"accept": "text/html"}),
    ("GET", BOOK, {"accept": "application/json; indent=4"}),
    ("GET", BOOK, {"authorization": "Basic nonsense"}),
    ("GET", BOOK, {headers.SERVICE_TOKEN.lower(): "wrong"}),
    ("GET", BOOK, {"cookie": f"{settings.SESSION_COOKIE_NAME}=x"}),
    ("GET", BOOK, {"host": "evil.example"}),
    ("GET", BOOK, {"content-length": "5"}),
    ("GET", BOOK + "?format=json", {}),
    ("GET", "/search/a%20topic?page=x", {}),
    ("GET", "/api/v1/books/01/", {}),
    ("GET", "/product/3", {}),
    ("POST", BOOK, {}),
    ("OPTIONS", BOOK, {}),
]


def request_of(case: tuple[str, str, dict[str, str]]) -> Any:
    method, target, sent = case
    all_sent = {HOST[0]: HOST[1], headers.REQUEST_ID.lower(): IDENTITY, **sent}
    return incoming(method, target, list(all_sent.items()))


def comparable(raw: RawHeaders) -> dict[bytes, bytes]:
    """Headers, without what tells how long it took."""
    named = dict(raw)
    assert len(named) == len(raw)
    named.pop(headers.SERVER_TIMING.lower().encode(), None)
    return named


def quick_answer(way: FastPath, request: Incoming) -> Outgoing | None:
    hit = way.answer(request.scope, time.perf_counter())
    if hit is None:
        return liveness(request, IDENTITY)
    start, body = hit
    named = [(name.decode(), value.decode()) for name, value in start["headers"]]
    return Outgoing(start["status"], named, body["body"])


@pytest.mark.parametrize("case", QUICK, ids=lambda case: f"{case[0]} {case[1]} {case[2]}")
def test_a_quick_answer_is_the_one_that_django_would_give(
    front: Front, case: tuple[str, str, dict[str, str]]
) -> None:
    request = request_of(case)

    async def compare() -> None:
        quick = quick_answer(FastPath(front), request)
        assert quick is not None
        way = WSGIPool(WSGIHandler(), 8)
        ordinary = await way.answer(build_environ(request, b"", IDENTITY))
        way.close()
        assert quick.status == ordinary.status
        assert comparable(raw_headers(quick.headers)) == comparable(raw_headers(ordinary.headers))
        if case[0] == "GET":
            assert quick.body == ordinary.body

    run(compare)


@pytest.fixture
def behind_tls() -> Iterator[None]:
    """A proxy in front says who came by https; nothing that was worked out under other settings is left."""
    caches = (fast_path._fixed_headers, response_headers.security_headers)
    with override_settings(SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"), SECURE_HSTS_SECONDS=60):
        for kept in caches:
            kept.cache_clear()
        yield
    for kept in caches:
        kept.cache_clear()


@pytest.mark.usefixtures("behind_tls")
def test_a_head_that_was_ready_for_http_is_not_sent_over_https_nor_the_other_way_round(front: Front) -> None:
    fast_path = FastPath(front)

    async def compare() -> None:
        way = WSGIPool(WSGIHandler(), 8)
        for scheme in ("http", "https", "https", "http"):
            request = request_of(("GET", BOOK, {"x-forwarded-proto": scheme}))
            ordinary = await way.answer(build_environ(request, b"", IDENTITY))
            quick = quick_answer(fast_path, request)
            assert quick is not None
            assert comparable(raw_headers(quick.headers)) == comparable(raw_headers(ordinary.headers))
            assert ("strict-transport-security" in dict(quick.headers)) == (scheme == "https")
        for scheme in ("http", "https", "https", "http"):  # Their headers are known by now.
            request = incoming("GET", BOOK, [HOST, ("x-forwarded-proto", scheme)])
            quick = quick_answer(fast_path, request)
            assert quick is not None
            assert ("strict-transport-security" in dict(quick.headers)) == (scheme == "https")
        way.close()

    run(compare)


@pytest.mark.parametrize("case", NOT_QUICK, ids=lambda case: f"{case[0]} {case[1]} {case[2]}")
def test_whatever_needs_a_closer_look_goes_the_ordinary_way(
    front: Front, case: tuple[str, str, dict[str, str]]
) -> None:
    assert quick_answer(FastPath(front), request_of(case)) is None


def test_no_hit_without_a_lease(front: Front) -> None:
    front.coherence.lease_until = float("-inf")
    assert quick_answer(FastPath(front), request_of(("GET", BOOK, {}))) is None


def test_a_tag_that_the_client_has_is_answered_304_with_the_headers(gateway: Gateway) -> None:
    async def test() -> None:
        first = await ask(gateway, "GET", BOOK)
        again = await ask(gateway, "GET", BOOK, ("if-none-match", f'"x", W/{first.headers["etag"]}'))
        assert (first.status, again.status, again.body) == (200, 304, b"")
        for name in ("etag", "x-cache", "x-replica", "x-log-position", "x-request-id", "server-timing"):
            assert name in again.headers

    run(test)


def test_head_has_the_headers_of_get_and_no_body(gateway: Gateway) -> None:
    async def test() -> None:
        for path in (BOOK, "/product/77", "/", "/metrics"):
            got, head = await ask(gateway, "GET", path), await ask(gateway, "HEAD", path)
            assert head.body == b""
            assert head.status == got.status
            assert "content-length" in head.headers

    run(test)


def test_a_miss_becomes_a_hit_with_the_same_bytes(gateway: Gateway, store: Store) -> None:
    store.put(5)

    async def test() -> None:
        miss, hit = await ask(gateway, "GET", "/product/5"), await ask(gateway, "GET", "/product/5")
        assert (miss.headers["x-cache"], hit.headers["x-cache"]) == ("miss", "hit")
        assert (miss.body, miss.headers["etag"]) == (hit.body, hit.headers["etag"])

    run(test)


# ------------------------------------------------------------------------------------------------- pushes


def push_body(position: int) -> bytes:
    return json.dumps({"timeline": fakes.TIMELINE, "invalidate": [[position, ["book:1"]]], "set": []}).encode()


def test_a_push_invalidates(gateway: Gateway, store: Store) -> None:
    change = store.put(1, price="11.00")

    async def test() -> None:
        token = (headers.SERVICE_TOKEN, settings.SERVICE_TOKEN)
        got = await ask(gateway, "POST", "/internal/push/", token, body=push_body(change.position))
        assert (got.status, got.body) == (200, b'{"wanted":["book:1"]}'), "which was read before"
        assert b"11.00" in (await ask(gateway, "GET", BOOK)).body

    run(test)


def test_a_push_of_another_timeline_is_refused(gateway: Gateway) -> None:
    async def test() -> None:
        token = (headers.SERVICE_TOKEN, settings.SERVICE_TOKEN)
        body = json.dumps({"timeline": "another", "invalidate": [[99, ["book:1"]]]}).encode()
        assert (await ask(gateway, "POST", "/internal/push/", token, body=body)).status == 409

    run(test)


@pytest.mark.parametrize("token", [None, "", "wrong", "Ünsinn"])
def test_a_push_without_the_token_changes_nothing(gateway: Gateway, front: Front, token: str | None) -> None:
    async def test() -> None:
        sent = [] if token is None else [(headers.SERVICE_TOKEN, token)]
        kind = ("content-type", "application/json")
        got = await ask(gateway, "POST", "/internal/push/", kind, *sent, body=push_body(99))
        assert got.status == 401
        assert front.coherence.floors.of("book:1") < 99

    run(test)


@pytest.mark.parametrize(
    "told", [("origin", "http://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")]
)
def test_a_push_from_another_origin_changes_nothing_even_with_the_token(
    gateway: Gateway, front: Front, told: tuple[str, str]
) -> None:
    async def test() -> None:
        token = (headers.SERVICE_TOKEN, settings.SERVICE_TOKEN)
        got = await ask(gateway, "POST", "/internal/push/", token, told, body=push_body(99))
        assert got.status == 403
        assert front.coherence.floors.of("book:1") < 99

    run(test)


def test_a_defect_on_the_event_loop_is_a_problem_document_with_its_traceback_in_the_log(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def explode(*args: Any, **options: Any) -> None:
        raise ZeroDivisionError("the defect")

    async def test() -> None:
        monkeypatch.setattr("frontend_app.gateway.application.build_environ", explode)
        got = await ask(gateway, "GET", "/api/v1/books/", ("x-request-id", "mine"))
        assert (got.status, json.loads(got.body)["code"]) == (500, "internal_error")
        assert got.headers["x-request-id"] == "mine"

    logger = logging.getLogger("bookstore.defects")
    logger.addHandler(caplog.handler)
    try:
        run(test)
    finally:
        logger.removeHandler(caplog.handler)
    assert "ZeroDivisionError: the defect" in caplog.text


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"timeline": "t1", "invalidate": 7}'])
def test_a_push_that_makes_no_sense_is_a_400(gateway: Gateway, body: bytes) -> None:
    async def test() -> None:
        token = (headers.SERVICE_TOKEN, settings.SERVICE_TOKEN)
        got = await ask(gateway, "POST", "/internal/push/", token, ("content-type", "application/json"), body=body)
        assert got.status == 400

    run(test)


# ---------------------------------------------------------------------------------- slow and hostile clients


def test_half_sent_bodies_delay_nobody(front: Front) -> None:
    gateway = asgi.make_gateway(front, threads=2)

    async def test() -> None:
        stalled = [asgi.stalled(gateway, "/api/v1/orders/") for _ in range(20)]
        await asyncio.sleep(0)
        assert (await ask(gateway, "GET", "/api/v1/books/")).status == 200
        bought = await ask(
            gateway, "POST", "/api/v1/orders/", ("content-type", "application/json"), body=b'{"book": 1}'
        )
        assert bought.status == 201
        assert not any(task.done() for task in stalled)
        await asgi.end(stalled)

    run(test)


def test_a_body_that_never_ends_is_refused_in_time(front: Front) -> None:
    gateway = asgi.make_gateway(front, body_timeout_s=0.01)

    async def test() -> None:
        got = await asgi.stalled(gateway, "/api/v1/orders/")
        assert (got.status, fakes.parsed(got.body)["code"]) == (400, "parse_error")
        assert got.headers["connection"] == "close"

    run(test)


def test_a_body_declared_too_large_is_refused_without_waiting_for_it(gateway: Gateway) -> None:
    async def test() -> None:
        scope = scope_of("POST", "/api/v1/orders/", [HOST, ("content-length", "10000000")])
        got = await asgi.converse(gateway, scope, [b"x"], is_whole=False)
        assert (got.status, fakes.parsed(got.body)["code"]) == (413, "payload_too_large")
        assert {"x-cache", "x-replica", "x-request-id", "server-timing", "etag"} <= got.headers.keys()

    run(test)


def test_a_body_that_turns_out_too_large_is_refused(gateway: Gateway) -> None:
    async def test() -> None:
        scope = scope_of("POST", "/api/v1/orders/", [HOST, ("transfer-encoding", "chunked")])
        got = await asgi.converse(gateway, scope, [b"x" * 700_000] * 2)
        assert got.status == 413

    run(test)


@pytest.mark.parametrize("sent", [("content-length", "99"), ("transfer-encoding", "chunked")])
@pytest.mark.parametrize("chunks", [[], [b'{"book": 1}'], [b'{"book"', b": 1}"]])
def test_a_body_that_breaks_off_is_refused_in_words_logged_and_never_executed(
    gateway: Gateway,
    store: Store,
    sent: tuple[str, str],
    chunks: list[bytes],
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test() -> None:
        scope = scope_of("POST", "/api/v1/orders/", [HOST, sent, ("content-type", "application/json")])
        got = await asgi.converse(gateway, scope, chunks, is_whole=False, then={"type": "http.disconnect"})
        assert (got.status, fakes.parsed(got.body)["code"]) == (400, "parse_error")
        assert got.headers["connection"] == "close"

    run(test)
    assert store.asked_of("/api/v1/orders/") == []
    (line,) = [record.getMessage() for record in caplog.records if record.name == "bookstore.request"]
    assert line.startswith("POST /api/v1/orders/ 400 front ")


@pytest.mark.parametrize("coding", ["gzip, chunked", "chunked, chunked", "identity", "deflate", ""])
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/api/v1/orders/"), ("GET", BOOK), ("POST", "/internal/push/")]
)
def test_a_transfer_coding_that_nobody_takes_off_is_refused(
    gateway: Gateway, store: Store, method: str, path: str, coding: str
) -> None:
    async def test() -> None:
        scope = scope_of(method, path, [HOST, ("transfer-encoding", coding)])
        got = await asgi.converse(gateway, scope, [b'{"book": 1}'])
        assert (got.status, fakes.parsed(got.body)["code"]) == (400, "parse_error")

    before = len(store.asked)
    run(test)
    assert len(store.asked) == before


@pytest.mark.parametrize("kind", ["text/plain; charset=punycode", "text/plain; charset=cp037", "a/b; x*=nobody''%ff"])
def test_a_type_in_other_letters_than_utf_8_breaks_nothing(gateway: Gateway, store: Store, kind: str) -> None:
    async def test() -> None:
        for target in ("/search/things?page=2", "/api/v1/books/?page=2", "/nowhere?page=2", BOOK):
            plain = await asgi.converse(gateway, scope_of("GET", target, [HOST]), [b""])
            got = await asgi.converse(gateway, scope_of("GET", target, [HOST, ("content-type", kind)]), [b""])
            assert (got.status, fakes.parsed(got.body).get("detail")) == (
                plain.status,
                fakes.parsed(plain.body).get("detail"),
            )
        sent = [HOST, ("content-type", kind), ("content-length", "1")]
        got = await asgi.converse(gateway, scope_of("POST", "/purchase/1", sent), [b"a"])
        assert (got.status, fakes.parsed(got.body)["code"]) == (415, "unsupported_media_type")

    run(test)


@pytest.mark.parametrize(
    ("target", "more", "status"),
    [
        ("/" + "x" * 60_000, [], 414),
        ("/search/" + "%F0%9F%93%9A" * 5000, [], 414),
        (BOOK + "?" + "x" * 60_000, [], 414),
        ("/product/77", [("x-long", "x" * 60_000)], 431),
        ("/product/77", [("host", "x" * 60_000)], 431),
        ("/product/77", [(f"x-{number}", "x" * 400) for number in range(90)], 431),
    ],
)
def test_an_address_or_headers_without_end_are_refused_in_words(
    gateway: Gateway, target: str, more: list[tuple[str, str]], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        got = await ask(gateway, "GET", target, *more)
        assert got.status == fakes.parsed(got.body)["status"] == status

    run(test)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "bookstore.request"]
    assert len(line) < 300


def test_bodies_on_their_way_take_no_more_memory_than_there_is_for_them(
    front: Front, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "TOTAL_BYTES", 20)
    gateway = asgi.make_gateway(front)
    whole = ("content-type", "application/json")

    async def test() -> None:
        stalled = [asgi.stalled(gateway, "/api/v1/orders/") for _ in range(2)]  # of 8 bytes each
        await asyncio.sleep(0)
        got = await ask(gateway, "POST", "/api/v1/orders/", whole, body=b'{"book": 1}')
        assert (got.status, fakes.parsed(got.body)["code"]) == (503, "unavailable")
        assert got.headers["connection"] == "close"
        assert "retry-after" in got.headers
        assert store.asked_of("/api/v1/orders/") == []
        token = (headers.SERVICE_TOKEN.lower(), settings.SERVICE_TOKEN)
        assert (await ask(gateway, "POST", "/internal/push/", whole, token, body=b"[" * 50)).status != 503
        await asgi.end(stalled)
        assert (await ask(gateway, "POST", "/api/v1/orders/", whole, body=b'{"book": 1}')).status == 201
        assert gateway._bodies.left_bytes == 20

    run(test)


class Blocking:
    """A WSGI application that waits until it is let go, and says how many requests are in it at once."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.inside = threading.Semaphore(0)
        self.count = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        self.count += 1
        self.inside.release()
        assert self.let_go.wait(PATIENCE_S)
        start_response("200 OK", [])
        return [b""]


def environ(method: str, target: str = "/purchase/1") -> dict[str, Any]:
    return build_environ(incoming(method, target, [HOST]), b"", IDENTITY)


def test_writes_leave_threads_to_the_reads() -> None:
    async def test() -> None:
        application = Blocking()
        way = WSGIPool(application, threads=6)
        writes = [asyncio.create_task(way.answer(environ("POST"))) for _ in range(20)]
        reads = [asyncio.create_task(way.answer(environ("GET"))) for _ in range(2)]
        for _ in range(6 + 2):
            assert await asyncio.to_thread(application.inside.acquire, timeout=PATIENCE_S)
        assert application.count == 6 + 2
        application.let_go.set()
        assert [(await task).status for task in (*reads, *writes)] == [200] * 22
        way.close()

    run(test)


def test_a_request_that_finds_no_thread_in_time_is_refused_unharmed() -> None:
    async def test() -> None:
        application = Blocking()
        way = WSGIPool(application, threads=2, slot_wait_s=0.01)
        first = asyncio.create_task(way.answer(environ("GET")))
        assert await asyncio.to_thread(application.inside.acquire, timeout=PATIENCE_S)
        with pytest.raises(BulkheadFull):
            await way.answer(environ("GET"))
        application.let_go.set()
        assert (await first).status == 200
        assert application.count == 1
        way.close()

    run(test)


def test_a_cancelled_request_keeps_its_slot_until_its_work_ends() -> None:
    async def test() -> None:
        application = Blocking()
        way = WSGIPool(application, threads=2, slot_wait_s=0.01)
        first = asyncio.create_task(way.answer(environ("GET")))
        assert await asyncio.to_thread(application.inside.acquire, timeout=PATIENCE_S)
        first.cancel()
        with pytest.raises(BulkheadFull):
            await way.answer(environ("GET"))
        application.let_go.set()
        way.close()

    run(test)


def test_headers_with_underscores_are_left_out() -> None:
    request = incoming("GET", "/", [HOST, ("x_service_token", "forged"), ("x-a", "1"), ("x-a", "2")])
    made = build_environ(request, b"", IDENTITY)
    assert "HTTP_X_SERVICE_TOKEN" not in made
    assert made["HTTP_X_A"] == "1, 2"


# ------------------------------------------------------------------------------------- what is remembered


def test_an_id_of_the_client_comes_back_and_a_wild_one_is_replaced(gateway: Gateway) -> None:
    async def test() -> None:
        for sent, comes_back in (("tame-1", True), ("wild id\t", False), ("", False)):
            for _ in range(2):  # The second time its headers are known.
                got = await ask(gateway, "GET", BOOK, (headers.REQUEST_ID.lower(), sent))
                assert (got.headers["x-request-id"] == sent) is comes_back
        several = [await ask(gateway, "GET", BOOK) for _ in range(3)]
        assert len({got.headers["x-request-id"] for got in several}) == 3
        assert {got.headers["x-cache"] for got in several} == {"hit"}

    run(test)


def test_two_ids_in_one_request_are_none(gateway: Gateway) -> None:
    async def test() -> None:
        twice = [(headers.REQUEST_ID.lower(), "one"), (headers.REQUEST_ID.lower(), "two")]
        got = await ask(gateway, "GET", BOOK, *twice)
        assert got.headers["x-request-id"] not in ("one", "two", "one,two")

    run(test)


def test_what_writers_send_is_not_remembered(front: Front) -> None:
    """Each has a key or a tag of its own: together they would drive out what readers send again and again."""
    quick = FastPath(front)
    for method in ("PATCH", "DELETE", "POST"):
        scope = scope_of(method, BOOK, [HOST, ("if-match", '"a"')])
        assert quick.answer(scope, time.perf_counter()) is None
    assert not quick._headers.known


def test_a_changed_host_or_credential_is_looked_at_again(front: Front) -> None:
    quick = FastPath(front)
    for _ in range(2):
        for sent, is_quick in (
            ([HOST], True),
            ([("host", "evil.example")], False),
            ([HOST, ("authorization", "Basic x")], False),
            ([HOST, ("x-request-id", "a"), ("authorization", "Basic x")], False),
            ([HOST, ("x-request-id", "a")], True),
        ):
            answer = quick.answer(scope_of("GET", BOOK, sent), time.perf_counter())
            assert (answer is not None) is is_quick


def test_two_keys_in_one_request_are_none(gateway: Gateway, store: Store) -> None:
    async def test() -> None:
        twice = [("idempotency-key", f"{letter}" * 20) for letter in "ab"]
        kind = ("content-type", "application/json")
        got = await ask(gateway, "POST", "/api/v1/orders/", kind, *twice, body=b'{"book": 1}')
        assert (got.status, fakes.parsed(got.body)["code"]) == (400, "validation_error")
        assert store.asked_of("/api/v1/orders/") == []

    run(test)


def test_the_time_that_is_told_includes_the_wait_for_a_thread(front: Front) -> None:
    async def test() -> None:
        way = WSGIPool(WSGIHandler(), 2)
        waited_s = 5.0
        request = build_environ(incoming("GET", "/api/v1/books/", [HOST]), b"", IDENTITY)
        answer = await way.answer(request | {metrics.BEGAN: time.perf_counter() - waited_s})
        told = dict(answer.headers)[headers.SERVER_TIMING]
        assert float(told.removeprefix("app;dur=")) >= waited_s * 1000
        way.close()

    run(test)
