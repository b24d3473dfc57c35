"""The fast path and Django give the same answer, whatever is asked for, and however."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.conf import settings
from django.db import connections

from bookstore_project.api import headers
from bookstore_project.nodes.gateway import header_checks
from bookstore_project.nodes.gateway.messages import Scope
from bookstore_project.settings import topology
from frontend_app import services
from frontend_app.cache.coherence import Cache
from frontend_app.gateway.application import Gateway
from frontend_app.gateway.fast_path import FastPath
from frontend_app.runtime import Front, serving
from frontend_app.tests.support import asgi, fakes
from frontend_app.tests.support.asgi import converse
from frontend_app.tests.support.fakes import Store
from tests.answers import Answer
from tests.asgi import run, scope_of

pytestmark = pytest.mark.django_db(databases=[topology.ACCOUNTS])

BOOK = "/api/v1/books/1/"
CACHED = (
    BOOK,
    "/api/v1/books/2",
    "/product/2",
    "/product/1/",
    "/info/1",
    "/info/2/",
    "/search/a%20topic",
    "/search/a%20topic/",
    "/search/%C3%9Cbung",
    "/search/things?page=1",
    "/search/things/?page=1&page_size=5",
)
OTHERS = (
    "/",
    "/api/v1/books/",
    "/api/v1/orders/",
    "/api/v1/orders/7d444840-9dc0-11d1-b245-5ffdce74fad2/",
    "/api/v1/books/1/restock/",
    "/purchase/1",
    "/internal/push/",
    "/healthz",
    "/healthz/",
    "/api/schema/",
    "/api/docs/",
    "/product/3",
    "/product/0",
    "/product/02",
    "/product/99999999999999999999",
    "/product/-1",
    "/product/2//",
    "//product/2",
    "/PRODUCT/2",
    "/product/2;a=1",
    "/product/%32",
    "/product/2%20",
    "/product/2%2F",
    "/product/%00",
    "/product/%D9%A2",
    "/search/",
    "/search/.",
    "/search/..",
    "/search/a%2Fb",
    "/search/a+topic",
    "/search/%FF",
    "/search/a%00b",
    "/search/nothing",
    "/search/" + "x" * 300,
    "/nowhere",
)
QUERIES: tuple[str, ...] = (
    "",
    "?",
    "?x",
    "?x=1",
    "?format=json",
    "?format=api",
    "?format=x",
    "?page=1",
    "?page=0",
    "?page=%31",
)
QUERIES += ("?page=1&page=2", "?page_size=5", "?page_size=101", "?page=1;page_size=5", "?page=%FF", "?%70age=1")
ACCEPTS: tuple[str, ...] = (
    "",
    "*/*",
    "application/json",
    "text/html",
    "application/*",
    "image/png",
    "APPLICATION/JSON",
    "nonsense",
    ",",
)
ACCEPTS += ("application/json;q=0.5", "text/html, */*;q=0.1", "application/json; indent=4")
CONDITIONS = ("*", '"other"', 'W/"other", "x"', "unquoted", ",", '"')
OTHER_HEADERS = (
    ("accept-encoding", "gzip, br"),
    ("authorization", "Basic nonsense"),
    ("authorization", "Token x"),
    ("connection", "close"),
    ("content-length", "0"),
    ("cookie", "theme=dark"),
    ("cookie", f"{settings.SESSION_COOKIE_NAME}=made-up"),
    ("host", "evil.example"),
    ("host", "localhost:1"),
    ("host", ""),
    ("if-match", '"other"'),
    ("if-modified-since", "Wed, 21 Oct 2015 07:28:00 GMT"),
    ("origin", "https://evil.example"),
    ("range", "bytes=0-1"),
    ("x-forwarded-proto", "https"),
    ("x-http-method-override", "DELETE"),
    (headers.SERVICE_TOKEN.lower(), "wrong"),
    (headers.DEADLINE.lower(), "1"),
    (headers.REQUEST_TIMEOUT.lower(), "2.5"),
    (headers.REQUEST_TIMEOUT.lower(), "soon"),
    (headers.REQUEST_TIMEOUT.lower(), ""),
)
Case = tuple[str, str, list[tuple[str, str]]]
REQUEST_ID = headers.REQUEST_ID.lower()
TOKEN = re.compile(rb"\b[A-Za-z0-9]{64}\b|<p class=\"source\">.*</p>")
"""What differs from one page to the next: a token against forged requests, and how long it took."""


@pytest.fixture
def front(cache: Cache) -> Iterator[Front]:
    store = Store()
    store.put(1, price="10.00", topic="things")
    store.put(2, topic="a topic", title="Übung")
    store.put(4, topic="Übung")
    front = fakes.make_front(store, cache)
    for book_id in (1, 2):
        services.read_book(front, book_id)
    for topic, query in (
        ("a topic", ""),
        ("Übung", ""),
        *(("things", query[1:]) for query in (*QUERIES, "?page=1&page_size=5")),
    ):
        services.read_titles(front, topic, query)
    with serving(front):
        yield front


class NothingQuick(FastPath):
    """Leaves everything to Django."""

    def answer(self, scope: Scope, began: float) -> None:
        return None


@pytest.fixture
def pair(front: Front) -> tuple[Gateway, Gateway]:
    """One that answers hits by itself, and one that leaves all to Django."""
    quick, ordinary = asgi.make_gateway(front, threads=1), asgi.make_gateway(front, threads=1)
    ordinary._parts = replace(ordinary.start(), fast_path=NothingQuick(front))
    return quick, ordinary


def compare(pair: tuple[Gateway, Gateway], cases: list[Case]) -> list[Answer]:
    """Asks both for all of them, under one id and under none; returns the first one's answers."""
    answers: list[tuple[Case, Answer, Answer]] = []
    known: list[tuple[Case, Answer, Answer]] = []

    async def ask_both() -> None:
        for method, target, sent in cases:
            named = {name for name, _ in sent}
            usual_ones = [item for item in (asgi.HOST, (REQUEST_ID, "same-for-both")) if item[0] not in named]
            scope = scope_of(method, target, [*usual_ones, *(item for item in sent if item != ("host", ""))])
            one, other = [await converse(gateway, dict(scope), [b""]) for gateway in pair]
            if one.headers["x-cache"] == "miss":  # And so a hit for the other.
                one = await converse(pair[0], dict(scope), [b""])
            answers.append(((method, target, sent), one, other))
            # Without an id of its own, and with headers that are known by now.
            scope["headers"] = [item for item in scope["headers"] if item[0] != REQUEST_ID.encode()]
            known.append(((method, target, sent), await converse(pair[0], dict(scope), [b""]), other))

    run(ask_both)
    connections.close_all()
    for case, one, other in answers:
        assert comparable(one) == comparable(other), case
    for case, got, other in known:
        assert (got.status, got.headers["x-cache"]) == (other.status, other.headers["x-cache"]), case
        if got.status < 400:  # A problem's body names the request.
            renamed = replace(other, headers={**other.headers, "x-request-id": got.headers["x-request-id"]})
            assert comparable(got) == comparable(renamed), case
    return [one for _, one, _ in answers]


def hits(answers: list[Answer]) -> int:
    return sum(got.headers["x-cache"] == "hit" for got in answers)


def comparable(got: Answer) -> Answer:
    """Without what differs each time: how long it took, and a form's token against forgery."""
    left = dict(got.headers)
    left.pop("server-timing")
    if left["x-cache"] != "hit":  # Whose turn it was.
        left["x-replica"] = left["x-replica"].rstrip("12")
    body = TOKEN.sub(b"", got.body)
    if "no-store" in left.get("cache-control", "") or b"csrf" in body.lower() or "set-cookie" in left:
        for name in ("etag", "set-cookie", "content-length"):
            left.pop(name, None)
    return replace(got, headers=left, body=body)


@pytest.mark.large
def test_every_route_and_method(pair: tuple[Gateway, Gateway]) -> None:
    methods = ("GET", "HEAD", "OPTIONS", "PUT", "TRACE")
    cases: list[Case] = [(method, target, []) for target in (*CACHED, *OTHERS) for method in methods]
    assert hits(compare(pair, cases)) >= 2 * len(CACHED)


def test_every_query(pair: tuple[Gateway, Gateway]) -> None:
    paths = ("/product/2", "/api/v1/books/1/", "/search/things", "/search/things/", "/healthz", "/nowhere")
    cases: list[Case] = [("GET", path + query, []) for path, query in itertools.product(paths, QUERIES)]
    assert hits(compare(pair, cases)) >= 10


@pytest.mark.large
@pytest.mark.parametrize("path", CACHED)
def test_every_way_to_accept(pair: tuple[Gateway, Gateway], path: str) -> None:
    cases: list[Case] = [(method, path, [("accept", accept)]) for method in ("GET", "HEAD") for accept in ACCEPTS]
    assert hits(compare(pair, cases)) >= 2


@pytest.mark.large
@pytest.mark.parametrize("path", CACHED)
def test_every_condition(pair: tuple[Gateway, Gateway], path: str) -> None:
    async def tag() -> None:
        known.append((await asgi.ask(pair[0], "GET", path)).headers["etag"])

    known: list[str] = []
    run(tag)
    conditions = (*CONDITIONS, known[0], f"W/{known[0]}", f'"x", {known[0]}', known[0].strip('"'))
    cases: list[Case] = [
        (method, path, [("if-none-match", tags)]) for method in ("GET", "HEAD") for tags in conditions
    ]
    assert hits(compare(pair, cases)) == len(cases)


@pytest.mark.large
@pytest.mark.parametrize("path", ["/product/2", "/api/v1/books/1/", "/search/a%20topic", "/healthz", "/nowhere"])
def test_every_other_header(pair: tuple[Gateway, Gateway], path: str) -> None:
    cases: list[Case] = [(method, path, [sent]) for method in ("GET", "HEAD") for sent in OTHER_HEADERS]
    compare(pair, cases)


HALF = "x" * (header_checks.LARGEST_HEAD_BYTES // 2)
WIDE_SPACES = "%E3%80%80"
"""As often as one likes, it is one space of a topic: an address that is long, and names what is cached."""
# Which page makes sense is a replica's to say, and the one of these tests takes any.
ODD: list[tuple[str, str, list[tuple[str, str]], int]] = [
    ("one header of 32 KiB", BOOK, [("cookie", "x" * header_checks.LARGEST_HEAD_BYTES)], 431),
    ("headers of 32 KiB together", BOOK, [("x-a", HALF), ("x-b", HALF)], 431),
    ("a name of 32 KiB", BOOK, [("x" * header_checks.LARGEST_HEAD_BYTES, "")], 431),
    ("almost 32 KiB", BOOK, [("x-a", HALF), ("x-b", HALF[100:])], 200),
    ("many headers", BOOK, [(f"x-{number}", "y" * 400) for number in range(90)], 431),
    ("many short headers", BOOK, [(f"x-{number}", "y") for number in range(1000)], 200),
    ("32 KiB for the health check", "/healthz", [("cookie", "x" * header_checks.LARGEST_HEAD_BYTES)], 431),
    ("an address of 8 KiB", "/search/a%20topic?" + "&" * header_checks.LONGEST_TARGET, [], 414),
    ("an address of 8 KiB, in characters 1,000", f"/search/a{WIDE_SPACES * 950}topic", [], 414),
    ("a long address", f"/search/a{WIDE_SPACES * 300}topic", [], 200),
    ("a thousand parameters without a name", "/search/things?" + "&" * 1000, [], 400),
    ("almost as many", "/search/things?" + "&" * 980, [], 200),
    ("half an escape in the query", "/search/things?page=%3", [], 200),
    ("no letter's bytes in the query", "/search/things?page=1%FF", [], 200),
    ("no letter's bytes in a name", "/search/things?%FF=1", [], 200),
    ("a NUL in the query", "/search/things?page=1%00", [], 200),
    ("an escape of an escape", "/search/things?page=%2531", [], 200),
    ("half an escape in the path", "/search/a%2", [], 200),
    ("no host", BOOK, [("host", "")], 200),
    ("another host", BOOK, [("host", "evil.example")], 400),
    ("two hosts", BOOK, [asgi.HOST, asgi.HOST], 400),
    ("a host with credentials", BOOK, [("host", "evil.example@127.0.0.1")], 400),
    ("a host with half a port", BOOK, [("host", "127.0.0.1:80a")], 400),
    ("a forwarded host", BOOK, [("x-forwarded-host", "evil.example")], 200),
    ("an expectation", BOOK, [("expect", "100-continue")], 200),
    ("an expectation that nobody knows", BOOK, [("expect", "nonsense")], 200),
    ("a transfer coding", BOOK, [("transfer-encoding", "gzip")], 400),
    ("a transfer coding for the health check", "/healthz", [("transfer-encoding", "gzip")], 400),
    ("chunks", BOOK, [("transfer-encoding", "chunked")], 200),
    ("a body", BOOK, [("content-length", "0"), ("content-type", "text/plain; charset=utf-16")], 200),
    ("a length in other words", BOOK, [("content-length", "00")], 200),
    ("two lengths", BOOK, [("content-length", "0"), ("content-length", "0")], 200),
    ("a content coding", BOOK, [("content-encoding", "gzip")], 200),
    ("two ways to accept", BOOK, [("accept", "application/json"), ("accept", "*/*")], 200),
    ("two timeouts", BOOK, [(headers.REQUEST_TIMEOUT.lower(), "1")] * 2, 400),
    ("a timeout with an underscore", BOOK, [("x_request_timeout", "soon")], 200),
    ("a token against forgery", BOOK, [("cookie", f"{settings.CSRF_COOKIE_NAME}={'x' * 32}")], 200),
    ("none that there is", BOOK, [("cookie", f"{settings.CSRF_COOKIE_NAME}=made-up")], 200),
    ("a cookie without a name", BOOK, [("cookie", "=;;=x; =")], 200),
]


@pytest.mark.large
@pytest.mark.parametrize(("target", "sent", "status"), [pytest.param(*case[1:], id=case[0]) for case in ODD])
def test_an_odd_request_is_answered_as_one_that_is_no_hit(
    pair: tuple[Gateway, Gateway], target: str, sent: list[tuple[str, str]], status: int
) -> None:
    """What is in the cache is no reason to take what is refused otherwise."""
    answers = compare(pair, [(method, target, sent) for method in ("GET", "HEAD")])
    assert [got.status for got in answers] == [status, status]


@pytest.mark.parametrize("ids", [["x" * header_checks.LARGEST_HEAD_BYTES], [HALF, HALF]], ids=["one", "two"])
def test_ids_count_among_the_headers_though_they_are_looked_at_apart(
    pair: tuple[Gateway, Gateway], ids: list[str]
) -> None:
    async def ask() -> None:
        for gateway in pair:
            for sent in ([], [(REQUEST_ID, text) for text in ids]):  # The others are known by now.
                got = await asgi.ask(gateway, "GET", BOOK, *sent)
                assert got.status == (431 if sent else 200)

    run(ask)
