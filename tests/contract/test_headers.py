"""What every answer of the front carries, whichever route and whoever made it."""

import hashlib
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import pytest

from tests.answers import Answer
from tests.client import Shop
from tests.waiting import wait_for

NO_ORDER = "9b2c1e1c-98a3-4d57-8f0e-9f3a6f0c1d2e"
OWN_ID = "test-0123456789.abc:DEF_"


@dataclass(frozen=True)
class Route:
    """A request to the front; its answers stay the same while `is_stable`."""

    path: str
    method: str = "GET"
    accept: str = "application/json"
    as_staff: bool = False
    is_stable: bool = True

    def __str__(self) -> str:
        return f"{self.method}-{self.path}-{self.accept.partition('/')[2]}{'-staff' * self.as_staff}"

    def ask(self, shop: Shop, *, method: str = "", **headers: str) -> Answer:
        sent = {"Accept": self.accept, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return shop.front.call(method or self.method, self.path, None, sent, as_staff=self.as_staff)


PATHS = (
    "/api/v1/books/",
    "/api/v1/books/1/",
    "/api/v1/books/999999/",
    "/product/1",
    "/product/999999",
    "/info/1",
    "/search/distributed%20systems",
    "/search/nothing",
    f"/api/v1/orders/{NO_ORDER}/",
    "/api/v1/orders/",
    "/api/v1/cluster/",
    "/cluster/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/api/schema/",
    "/api/docs/",
    "/internal/push/",
    "/nothing",
)
CHANGING = ("/api/v1/cluster", "/cluster", "/metrics", "/api/docs")
PAGES = ("/cluster", "/api/docs", "/metrics", "/api/schema")
WRITES = (
    Route("/purchase/999999", "POST", is_stable=False),
    Route("/api/v1/orders/", "POST", is_stable=False),
    Route("/api/v1/books/", "POST", as_staff=True, is_stable=False),
    Route("/api/v1/books/999999/", "PATCH", as_staff=True, is_stable=False),
    Route("/api/v1/books/1/restock/", "POST", as_staff=True, is_stable=False),
    Route("/api/v1/books/1/", "DELETE", is_stable=False),
    Route("/product/1", "BREW", is_stable=False),
)


def _reads() -> list[Route]:
    found = [Route("/", accept="text/html", is_stable=False)]
    for path in PATHS:
        for form in (path.rstrip("/"), path.rstrip("/") + "/"):
            accept = "*/*" if form.startswith(PAGES) else "application/json"
            is_stable = not form.startswith(CHANGING) and not form.startswith("/internal")
            found.append(Route(form, accept=accept, is_stable=is_stable, as_staff=form.startswith("/api/v1/orders")))
    return found


READS = _reads()


def positions(answer: Answer) -> bool:
    return answer.headers.get("x-log-position", "").isdigit()


def complaint(shop: Shop, answer: Answer) -> str:
    """What the answer lacks; empty if it has everything."""
    headers = answer.headers
    if 300 <= answer.status < 400 and answer.status != 304:
        return "a redirect"
    if headers.get("x-cache") not in ("hit", "miss", "bypass"):
        return f"X-Cache is {headers.get('x-cache')}"
    if headers.get("x-replica") not in shop.store.nodes:
        return f"X-Replica is {headers.get('x-replica')}"
    if ("x-log-position" in headers) != (headers["x-replica"] != "front"):
        return f"X-Log-Position is {headers.get('x-log-position')} of {headers['x-replica']}"
    if "x-log-position" in headers and not positions(answer):
        return f"X-Log-Position is {headers['x-log-position']}"
    if "dur=" not in headers.get("server-timing", ""):
        return "no Server-Timing"
    if "x-log-timeline" in headers:
        return "X-Log-Timeline, which is between nodes only"
    return _tag_complaint(answer)


def _tag_complaint(answer: Answer) -> str:
    """Strong, and a hash of the body, so that equal tags are equal bytes."""
    if not answer.body:
        return ""
    tag = answer.headers.get("etag", "")
    digest = hashlib.sha256(answer.body).hexdigest()
    if not tag.startswith('"') or not digest.startswith(tag.strip('"')) or len(tag) < 18:
        return f"ETag is {tag}"
    return ""


@pytest.mark.parametrize("route", [*READS, *WRITES], ids=str)
def test_every_answer_says_where_it_comes_from(shop: Shop, route: Route) -> None:
    for answer in (route.ask(shop), route.ask(shop, X_Request_Id=OWN_ID)):
        assert not complaint(shop, answer), f"{complaint(shop, answer)}: {answer} {dict(answer.headers)}"
    assert answer.headers["x-request-id"] == OWN_ID
    made = {route.ask(shop).headers["x-request-id"] for _ in range(2)}
    assert len(made) == 2
    assert OWN_ID not in made


@pytest.mark.parametrize("sent", ["with space", "x" * 500, "<b>", 'a"b', ""])
@pytest.mark.parametrize("path", ["/product/1", "/healthz", "/api/v1/books/", "/nothing"])
def test_odd_request_id_is_replaced(shop: Shop, path: str, sent: str) -> None:
    got = shop.front.get(path, {"X-Request-Id": sent}).headers["x-request-id"]
    assert got != sent
    assert got.isalnum()


@pytest.mark.parametrize("route", [route for route in READS if route.is_stable], ids=str)
def test_head_is_get_without_the_body(shop: Shop, route: Route) -> None:
    got, head = route.ask(shop, X_Request_Id=OWN_ID), route.ask(shop, method="HEAD", X_Request_Id=OWN_ID)
    assert (head.status, head.body) == (got.status, b"")
    for name in ("content-type", "content-length", "etag", "allow", "vary"):
        assert head.headers.get(name) == got.headers.get(name), name
    assert not complaint(shop, head)


@pytest.mark.parametrize("route", [route for route in READS if route.is_stable], ids=str)
def test_answer_that_the_client_has_is_not_sent_again(shop: Shop, route: Route) -> None:
    got = route.ask(shop, X_Request_Id=OWN_ID)
    tag = got.headers["etag"]
    for listed in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        for method in ("GET", "HEAD"):
            answer = route.ask(shop, method=method, If_None_Match=listed, X_Request_Id=OWN_ID)
            if got.status != 200:
                assert answer.status == got.status
                continue
            assert (answer.status, answer.body) == (304, b""), listed
            assert answer.headers["etag"] == tag
            assert not complaint(shop, answer)
            assert answer.headers["x-request-id"] == OWN_ID
            assert answer.headers.get("vary") == got.headers.get("vary")
    assert route.ask(shop, If_None_Match='"other"').status == got.status


def two_hits(shop: Shop, path: str, headers: dict[str, str]) -> list[Answer]:
    """Answers to two requests for one entry, the second one with these headers; none where the lease has run out."""
    answers = [shop.front.get(path), shop.front.get(path, headers)]
    return answers if all(answer.headers["x-cache"] == "hit" for answer in answers) else []


@pytest.mark.parametrize("path", ["/product/1", "/info/1/", "/search/undergraduate%20school", "/api/v1/books/1"])
def test_hit_has_the_headers_of_the_miss(shop: Shop, path: str) -> None:
    """The fast path says what Django says, which an uncommon Accept takes."""
    hit, slow = wait_for(partial(two_hits, shop, path, {"Accept": "application/json;q=0.9"}), what="two hits")
    changing = {"x-request-id", "server-timing", "date"}
    assert {name: value for name, value in hit.headers.items() if name not in changing} == {
        name: value for name, value in slow.headers.items() if name not in changing
    }
    assert hit.body == slow.body


def status_of(shop: Shop, target: str, *sent: str) -> int:
    """Of the front's answer to a GET with those header lines, whatever the schema says of it."""
    head = "\r\n".join((f"GET {target} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *sent, "", ""))
    with shop.store.connect("front") as connection:
        connection.sendall(head.encode())
        return int(connection.recv(65536).split()[1])


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ([f"X-{number}: {'x' * 8_000}" for number in range(5)], 431),
        ([f"X-Request-Id: {'x' * 33_000}"], 431),
        (["Transfer-Encoding: gzip"], 400),
        (["Host: evil.example"], 400),
        (["Expect: 100-continue"], 200),
        ([], 200),
    ],
    ids=["together 40 KB", "an id of 33 KB", "a transfer coding", "two hosts", "an expectation", "nothing odd"],
)
def test_what_is_cached_is_refused_as_what_is_not(shop: Shop, sent: list[str], status: int) -> None:
    shop.front.get_hit("/product/1")
    assert [status_of(shop, target, *sent) for target in ("/product/1", "/api/v1/books/")] == [status, status]


def take_turns(shop: Shop) -> bool:
    names = [shop.front.get("/api/v1/books/").headers["x-replica"] for _ in range(6)]
    return set(names) == {"catalog-1", "catalog-2"} and all(first != second for first, second in pairwise(names))


def test_reads_take_turns_between_the_replicas(shop: Shop) -> None:
    """But for a moment in which one of them is too slow for its health check, and left out."""
    wait_for(partial(take_turns, shop), what="reads in turn")


def test_position_grows_with_a_change_and_never_shrinks(shop: Shop) -> None:
    first = int(shop.front.get("/api/v1/books/").headers["x-log-position"])
    book = shop.new_book(quantity=1)
    seen = [int(shop.front.get(f"/product/{book}").headers["x-log-position"]) for _ in range(4)]
    assert first < seen[0]
    assert seen == sorted(seen)


def test_metrics_are_prometheus_text_on_every_node(shop: Shop) -> None:
    for node in shop.store.nodes:
        answer = shop.client(node).get("/metrics")
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("text/plain")
        assert b"# TYPE " in answer.body


def test_page_links_are_paths_that_keep_the_query(shop: Shop) -> None:
    """Whatever Host says: a link built from it would lead to whoever wrote it."""
    page = shop.front.get("/api/v1/books/?page_size=2&ordering=-id&search=o", {"Host": "localhost"})
    second = shop.front.get(page.json["next"])
    assert page.json["next"].startswith("/api/v1/books/?")
    assert [book["id"] for book in page.json["results"]] > [book["id"] for book in second.json["results"]]
    assert shop.front.get(second.json["previous"]).json["results"] == page.json["results"]


def test_foreign_host_is_refused(shop: Shop) -> None:
    for node in shop.store.nodes:
        answer = shop.client(node).get("/healthz", {"Host": "evil.example"})
        assert answer.status == 400, answer
        assert answer.code == "parse_error"
