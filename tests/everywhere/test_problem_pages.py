"""What goes wrong is told to people as a page with advice, to programs as a document: on every kind of route."""

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client, RequestFactory

from bookstore_project.api import errors, health, problem_pages, problems
from bookstore_project.nodes.gateway import bodies
from bookstore_project.nodes.gateway.header_checks import LARGEST_HEAD_BYTES, LONGEST_TARGET
from bookstore_project.settings import topology
from frontend_app.gateway import wsgi_pool
from frontend_app.runtime import front
from frontend_app.shop import buying, unanswered
from frontend_app.tests.support import asgi, fakes
from tests.everywhere import nodes
from tests.everywhere.conftest import Being

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
ACCEPTED = {
    BROWSER: True,
    "text/html": True,
    "text/html, */*": True,
    "application/json;q=0.5, text/html": True,
    "": False,
    "*/*": False,
    "application/json": False,
    "application/problem+json": False,
    "application/json, text/html;q=0.9": False,
    "application/json, text/html": False,
    "text/html;q=0, */*": False,
    "text/html;charset*=nowhere''x": False,
}
"""Values of Accept, and whether their sender prefers a page."""
SECRETS = re.compile(
    rf"Traceback|sqlite|\.py\b|SELECT |{re.escape(str(topology.ROOT))}|settings\.|DATA_UPLOAD|ALLOWED_HOST|HTTP_H",
    re.IGNORECASE,
)
FOR_PROGRAMS = re.compile(
    r"[Ii]dempotency|Expected |_app\.|request body|replica|Content-Type|CSRF|bytes|origin|\b[a-z_]+: [A-Z]",
)
"""Words that no customer has a use for."""
REPLICAS = ("catalog-1", "catalog-2", "order-1", "order-2")
NO_ORDER = "9b2c1e1c-98a3-4d57-8f0e-9f3a6f0c1d2e"


@dataclass(frozen=True)
class Case:
    """A request, and what is wrong with it."""

    code: str
    method: str
    path: str
    sent: dict[str, str] = field(default_factory=dict)
    form: dict[str, str] | None = None
    nodes: tuple[str, ...] = ("front",)

    def __str__(self) -> str:
        return f"{self.code}-{self.method}-{self.path[:30]}"


LARGE, MANY = {"username": "x" * (1 << 20) + "x"}, {f"field-{number}": "" for number in range(1100)}
FOREIGN, EVERYWHERE = {"Origin": "https://elsewhere.example"}, tuple(nodes.URLS)
CASES = (
    Case("not_found", "GET", "/nowhere", nodes=EVERYWHERE),
    Case("not_found", "GET", "/api/v1/nothing/", nodes=EVERYWHERE),
    Case("not_found", "GET", "/books/77/"),
    Case("not_found", "GET", "/covers/77/x.svg"),
    Case("method_not_allowed", "DELETE", "/"),
    Case("method_not_allowed", "PUT", "/books/1/"),
    Case("method_not_allowed", "GET", "/basket/put/"),
    Case("method_not_allowed", "GET", "/buy/"),
    Case("method_not_allowed", "POST", "/healthz", nodes=EVERYWHERE),
    Case("method_not_allowed", "GET", "/api-auth/logout/", nodes=EVERYWHERE),
    Case("permission_denied", "POST", "/basket/put/", FOREIGN),
    Case("permission_denied", "POST", "/api/v1/orders/", FOREIGN, nodes=EVERYWHERE),
    Case("parse_error", "GET", "/", {"Host": "elsewhere.example"}, nodes=EVERYWHERE),
    Case("validation_error", "POST", "/basket/put/", form={"book": "-1", "copies": "1"}),
    Case("validation_error", "POST", "/buy/", form={}),
    Case("validation_error", "POST", "/buy/", form={"key": "short", "line": "1 1 10.00"}),
    Case("validation_error", "POST", "/buy/", form={"key": "k" * 22, "line": "1 x 10.00"}),
    Case("validation_error", "POST", "/basket/put/", form={"book": "1", "copies": "1.5"}),
    Case("method_not_allowed", "BREW", "/basket/"),
    Case("method_not_allowed", "PATCH", "/orders/"),
    Case("payload_too_large", "POST", "/basket/put/", form=LARGE),
    Case("payload_too_large", "POST", "/api-auth/login/", form=LARGE, nodes=EVERYWHERE),
    Case("parse_error", "POST", "/api-auth/login/", form=MANY, nodes=EVERYWHERE),
    Case("parse_error", "POST", "/api/v1/orders/", form=MANY, nodes=("front", "order-1")),
    Case("validation_error", "POST", "/basket/put/", form=MANY),
)
AGAIN = '<a href="">Load this page again</a>'
OWN_WORDS = {"not_authenticated", "permission_denied", "internal_error", "unavailable", "outcome_unknown"}
"""Of a front, whatever a replica says: who is staff, and whether a replica is well, isn't the client's affair."""
RELAYED = sorted(set(problems.TITLES) - OWN_WORDS)


def ask(case: Case, accept: str, node: str) -> Any:
    sent = {**({"Accept": accept} if accept else {}), **case.sent}
    client = Client(raise_request_exception=False)
    if case.form is not None:
        return client.post(case.path, case.form, headers=sent)
    return client.generic(case.method, case.path, headers=sent)


def assert_told(answer: Any, code: str, *, is_page: bool, is_front: bool) -> None:
    status, title = problems.TITLES[code]
    heading = problem_pages.HEADINGS.get(code, title)
    text = answer.content.decode()
    assert answer.status_code == status
    assert not SECRETS.search(re.sub(r'(href|src)="[^"]*"', "", text)), text
    if not is_page:
        assert answer.headers["Content-Type"] == problems.CONTENT_TYPE
        assert json.loads(text)["code"] == code
        return
    assert answer.headers["Content-Type"] == problem_pages.CONTENT_TYPE
    assert f"<h1>{heading}</h1>" in text
    assert problem_pages.ADVICE[code].replace("'", "&#x27;") in text
    assert answer.headers["X-Request-Id"] in text
    assert not FOR_PROGRAMS.search(told_on(text)), told_on(text)
    assert (settings.SHOP_NAME in text and 'href="/basket/"' in text) == is_front, "it is one of the shop's"


def told_on(page: str) -> str:
    """What the page says went wrong."""
    found = re.search(r'<p (?:class="out" )?(?:role="alert"|class="errornote")>(.*?)</p>', page)
    assert found, page
    return found[1]


@pytest.mark.parametrize(("accept", "is_page"), ACCEPTED.items())
def test_who_prefers_a_page_is_told_by_accept(accept: str, is_page: bool) -> None:
    assert problem_pages.is_wanted(accept) is is_page


@pytest.mark.parametrize("accept", [BROWSER, "", "*/*", "application/json"])
@pytest.mark.parametrize(("case", "node"), [(case, node) for case in CASES for node in case.nodes], ids=str)
def test_every_refusal_is_told_as_its_client_likes(posing: Being, case: Case, node: str, accept: str) -> None:
    with posing(node):
        answer = ask(case, accept, node)
        assert_told(answer, case.code, is_page=ACCEPTED[accept], is_front=node == "front")


@pytest.mark.parametrize("accept", [BROWSER, "application/json"])
@pytest.mark.parametrize("path", ["/", "/books/1/", f"/orders/{NO_ORDER}/", "/covers/1/x.svg"])
def test_without_a_replica_the_page_says_when_to_try_again(posing: Being, path: str, accept: str) -> None:
    with posing("front") as store:
        store.behaviours.update(dict.fromkeys(REPLICAS, fakes.refuse))
        answer = Client().get(path, headers={"Accept": accept})
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        is_page = answer.headers["Content-Type"] == problem_pages.CONTENT_TYPE
        if path != f"/orders/{NO_ORDER}/":  # The order's own page says its number, whatever is.
            assert is_page is ACCEPTED[accept]
            assert ("Try again in a second." in answer.content.decode()) == is_page
            if is_page and not path.startswith("/covers/"):
                assert "Nothing was changed" not in answer.content.decode(), "who only looks knows that"
                assert "Load this page again" in answer.content.decode()


@pytest.mark.parametrize(
    ("path", "words"),
    [("/product/1", "Try again in a second."), ("/api/v1/books/?page=0", "mend what is named here")],
)
def test_a_page_of_the_api_has_the_same_advice(posing: Being, path: str, words: str) -> None:
    with posing("front") as store:
        if "page" not in path:
            store.behaviours.update(dict.fromkeys(REPLICAS, fakes.refuse))
        else:
            refused = fakes.json_reply({"code": "validation_error", "detail": "page: One or more."}, 400)
            store.behaviours.update(dict.fromkeys(REPLICAS, fakes.answer_with(refused)))
        page = Client().get(path, headers={"Accept": BROWSER})
        assert page.headers["Content-Type"] == problem_pages.CONTENT_TYPE
        assert words in page.content.decode()
        data = Client().get(path, headers={"Accept": "application/json"})
        assert (data.status_code, words in data.content.decode()) == (page.status_code, False)


@pytest.mark.parametrize("accept", [BROWSER, "application/json"])
@pytest.mark.parametrize("path", ["/product/1", "/?find=x", "/buy/", "/purchase/1"])
@pytest.mark.parametrize("code", RELAYED)
def test_whatever_a_replica_refuses_is_a_page_with_what_to_do_next(
    posing: Being, code: str, path: str, accept: str
) -> None:
    """Of the shop and of the API, as a read and as a purchase."""
    if (path, code) == ("/buy/", "idempotency_conflict"):
        return  # Pages of their own, tested in the shop: what was bought, or what can't be had.
    with posing("front") as store:
        refused = fakes.answer_with(fakes.problem_reply(code))
        store.behaviours.update(dict.fromkeys(REPLICAS, refused))
        client = Client(headers={"accept": accept})
        form = {"key": "k" * 22, "line": "1 1 10.00"}
        answer = client.get(path) if path in ("/product/1", "/?find=x") else client.post(path, form, follow=True)
    text = answer.content.decode()
    is_page = answer.headers["Content-Type"] == problem_pages.CONTENT_TYPE
    assert answer.status_code == problems.TITLES[code][0]
    assert is_page is ACCEPTED[accept]
    sentence = f"A sentence about {code}."
    told = "The shop can’t look this up" if code == "unavailable" else problem_pages.TOLD.get(code, sentence)
    if is_page and (path, code) == ("/?find=x", "validation_error"):
        assert sentence not in text, "of parameters, which no visitor has named"
    elif is_page and path == "/buy/" and code in unanswered.CODES:
        assert buying.TOLD[code] in text
    else:
        is_of_shop = path in ("/?find=x", "/buy/")  # The API's own pages show the document.
        assert (told if is_page and is_of_shop else sentence) in text
    if is_page and (path, code) == ("/buy/", "throttled"):
        assert 'action="/buy/"' in text, "to be sent once more"
    elif is_page and code in problem_pages.ADVICE:
        assert problem_pages.ADVICE[code].replace("'", "&#x27;") in text


@pytest.mark.parametrize("accept", [BROWSER, "application/json"])
@pytest.mark.parametrize("node", nodes.URLS)
def test_a_defect_is_told_without_a_word_of_it(
    posing: Being, monkeypatch: pytest.MonkeyPatch, node: str, accept: str
) -> None:
    def explode() -> None:
        raise ZeroDivisionError("SELECT secret FROM secrets.py")

    with posing(node), monkeypatch.context() as patch:
        patch.setattr(health, "_checks", [explode])
        answer = Client(raise_request_exception=False).get("/readyz", headers={"Accept": accept})
        assert_told(answer, "internal_error", is_page=ACCEPTED[accept], is_front=node == "front")
        if ACCEPTED[accept]:
            text = answer.content.decode()
            assert (AGAIN in text, f" · {node}</p>" in text) == (True, node != "front"), text
        sent = errors.server_error(RequestFactory(headers={"accept": accept}).post("/buy/"))
        assert AGAIN not in sent.content.decode(), "what was sent isn't asked for"


@pytest.mark.parametrize(
    ("wait_s", "words"),
    [(None, ""), (1, "Try again in a second."), (45, "Try again in 45 seconds."), (150, "Try again in 3 minutes.")],
)
def test_the_wait_is_told_in_words(wait_s: int | None, words: str) -> None:
    assert problem_pages.retry_in_words(wait_s) == words
    assert problem_pages.advice("throttled", wait_s).endswith(words)


@pytest.mark.parametrize("accept", [BROWSER, "application/json"])
@pytest.mark.parametrize("node", nodes.URLS)
def test_who_comes_too_often_is_told_when_to_come_back(
    posing: Being, monkeypatch: pytest.MonkeyPatch, node: str, accept: str
) -> None:
    def refuse() -> None:
        raise problems.Throttled("Too many failed logins.", wait_s=44.2)

    with posing(node), monkeypatch.context() as patch:
        patch.setattr("django.contrib.auth.views.LoginView.get", lambda *_, **__: refuse())
        answer = Client().get("/api-auth/login/", headers={"Accept": accept})
        assert_told(answer, "throttled", is_page=ACCEPTED[accept], is_front=node == "front")
        assert answer.headers["Retry-After"] == "45"
        assert ("Try again in 45 seconds." in answer.content.decode()) == ACCEPTED[accept]


@pytest.mark.parametrize("accept", ["image/png", "text/csv, application/xml"])
@pytest.mark.parametrize(
    ("node", "path"),
    [
        ("front", "/product/1"),
        ("front", "/api/v1/books/"),
        ("front", "/api/v1/orders/"),
        ("catalog-1", "/api/v1/books/"),
        ("order-1", "/api/v1/orders/"),
        *((node, "/api/schema/") for node in nodes.URLS),
    ],
)
def test_who_accepts_nothing_that_there_is_gets_a_document(posing: Being, node: str, path: str, accept: str) -> None:
    """Nor a page: who asks for pictures alone is no browser."""
    with posing(node):
        answer = Client().get(path, headers={"Accept": accept})
        assert_told(answer, "not_acceptable", is_page=False, is_front=node == "front")


@pytest.mark.parametrize(("node", "path"), [(node, "/api/schema/") for node in nodes.URLS])
def test_who_accepts_pages_alone_reads_on_a_page_that_there_is_none(posing: Being, node: str, path: str) -> None:
    with posing(node):
        answer = Client().get(path, headers={"Accept": "text/html"})
        assert_told(answer, "not_acceptable", is_page=True, is_front=node == "front")


@pytest.mark.parametrize("accept", [BROWSER, "", "application/json", "text/csv"])
@pytest.mark.parametrize(
    ("code", "user"), [("not_authenticated", ""), ("permission_denied", "bob"), ("unavailable", "root")]
)
def test_a_file_that_cannot_be_had_is_told_in_a_page(being: Being, code: str, user: str, accept: str) -> None:
    """By a front, of its own and of what a replica says: a link for staff leads there."""
    with being("front") as store:
        store.behaviours.update(dict.fromkeys(REPLICAS, fakes.refuse))
        client = Client()
        if user:
            client.force_login(User.objects.get(username=user))
        answer = client.get("/api/v1/orders/export/", headers={"Accept": accept} if accept else {})
        assert_told(answer, code, is_page="text/html" in accept, is_front=True)
        assert answer.headers.get("Retry-After") == ("1" if code == "unavailable" else None)


@pytest.mark.parametrize("accept", [BROWSER, "application/json"])
def test_a_file_that_a_replica_refuses_is_told_in_a_page(being: Being, accept: str) -> None:
    with being("front") as store:
        refused = fakes.answer_with(fakes.problem_reply("validation_error"))
        store.behaviours.update(dict.fromkeys(REPLICAS, refused))
        client = Client()
        client.force_login(User.objects.get(username="root"))
        answer = client.get("/api/v1/orders/export/?status=lost", headers={"Accept": accept})
        assert_told(answer, "validation_error", is_page=ACCEPTED[accept], is_front=True)


def test_every_problem_has_advice() -> None:
    sold = {"out_of_stock", "price_changed", "lines_unavailable"}  # Their pages offer what to do next.
    assert set(problems.TITLES) == set(problem_pages.ADVICE) | sold


# ------------------------------------------------------------------------- before Django has seen anything

BEFORE_DJANGO: dict[str, tuple[str, str, list[tuple[str, str]], bytes]] = {
    "uri_too_long": ("GET", "/?search=" + "x" * LONGEST_TARGET, [], b""),
    "headers_too_large": ("GET", "/", [("x-long", "x" * LARGEST_HEAD_BYTES)], b""),
    "payload_too_large": ("POST", "/buy/", [("content-type", "text/plain")], b"x" * (1 << 20) + b"x"),
    "unsupported_media_type": ("POST", "/buy/", [("content-type", "text/plain; charset=latin-1")], b"x"),
    "parse_error": ("POST", "/buy/", [("transfer-encoding", "gzip")], b""),
}


@pytest.mark.parametrize("accept", [BROWSER, "application/json"])
@pytest.mark.parametrize("code", BEFORE_DJANGO)
def test_what_the_gateway_refuses_is_told_in_the_same_way(posing: Being, code: str, accept: str) -> None:
    method, target, sent, body = BEFORE_DJANGO[code]
    with posing("front"):
        gateway = asgi.make_gateway(front())
        answer = asyncio.run(asgi.ask(gateway, method, target, ("accept", accept), *sent, body=body))
    assert_gateway_told(answer, code, is_page=ACCEPTED[accept])


@pytest.mark.parametrize("accept", [BROWSER, "application/json"])
def test_when_all_threads_are_busy_the_page_says_when_to_try_again(
    posing: Being, monkeypatch: pytest.MonkeyPatch, accept: str
) -> None:
    async def is_full(*_: object) -> None:
        raise wsgi_pool.BulkheadFull

    monkeypatch.setattr(wsgi_pool.WSGIPool, "answer", is_full)
    with posing("front"):
        gateway = asgi.make_gateway(front())
        answer = asyncio.run(asgi.ask(gateway, "GET", "/", ("accept", accept)))
    assert_gateway_told(answer, "unavailable", is_page=ACCEPTED[accept])
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize("accept", [BROWSER, "application/json"])
@pytest.mark.parametrize("breaks", ["the view", "the page as well"])
def test_a_defect_of_the_gateway_is_told_even_if_no_page_can_be_made(
    posing: Being, monkeypatch: pytest.MonkeyPatch, breaks: str, accept: str
) -> None:
    def explode(*_: object) -> Callable[[], None]:
        raise ZeroDivisionError

    monkeypatch.setattr(bodies, "read_body", explode)
    if breaks != "the view":
        monkeypatch.setattr(problem_pages, "page", explode)
    with posing("front"):
        gateway = asgi.make_gateway(front())
        answer = asyncio.run(asgi.ask(gateway, "GET", "/basket/", ("accept", accept)))
    is_page = ACCEPTED[accept] and breaks == "the view"
    assert_gateway_told(answer, "internal_error", is_page=is_page)


@pytest.mark.parametrize("accept", [BROWSER, "application/json"])
@pytest.mark.parametrize(
    ("method", "path", "words"),
    [
        ("GET", "/day/", "see orders"),
        ("GET", "/api/v1/orders/export/", "see orders"),
        ("POST", "/day/collect/", "hand out"),
    ],
)
def test_who_may_not_is_told_what_an_account_lacks(
    being: Being, method: str, path: str, words: str, accept: str
) -> None:
    with being("front"):
        client = Client()
        client.force_login(User.objects.get(username="bob"))
        answer = client.generic(method, path, headers={"Accept": accept})
        assert_told(answer, "permission_denied", is_page=ACCEPTED[accept], is_front=True)
        text = answer.content.decode()
        assert (f"Your account may not {words}" in text, "order_app." in text) == (
            (True, False) if ACCEPTED[accept] else (False, True)
        )


def assert_gateway_told(answer: Any, code: str, *, is_page: bool) -> None:
    status, title = problems.TITLES[code]
    heading = problem_pages.HEADINGS.get(code, title)
    text = answer.body.decode()
    assert answer.status == status
    assert not SECRETS.search(re.sub(r'(href|src)="[^"]*"', "", text))
    assert answer.headers["cache-control"] == "private, no-store"
    if is_page:
        assert answer.headers["content-type"] == problem_pages.CONTENT_TYPE
        assert f"<h1>{heading}</h1>" in text
        assert problem_pages.ADVICE[code].replace("'", "&#x27;") in text
        assert answer.headers["x-request-id"] in text
        assert not FOR_PROGRAMS.search(told_on(text)), told_on(text)
    else:
        assert (answer.headers["content-type"], json.loads(text)["code"]) == (problems.CONTENT_TYPE, code)
