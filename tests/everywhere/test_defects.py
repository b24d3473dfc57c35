"""What goes wrong is told to whoever asked, as data or as a page, and leaves its traceback in the log."""

import logging
import queue
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core import signals
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import get_resolver

from bookstore_project.api import errors, headers, health, problem_pages, problems
from bookstore_project.api.tests.api import assert_problem
from bookstore_project.nodes import metrics, unhandled_exceptions
from bookstore_project.nodes.logs import DroppingQueueHandler, TextFormatter
from bookstore_project.nodes.middleware import RequestMiddleware
from bookstore_project.replication.errors import WriteRefused
from frontend_app import services
from tests.everywhere import nodes
from tests.everywhere.conftest import Being

ACCEPTED = {"data": "application/json", "page": "text/html,application/xhtml+xml,*/*;q=0.8"}
OWN_ID = {headers.REQUEST_ID: "the-broken-one"}


class Tracebacks:
    """What was logged of defects since the last look."""

    def __init__(self) -> None:
        self.records: queue.Queue[logging.LogRecord] = queue.Queue()

    def text(self) -> str:
        found = [self.records.get_nowait() for _ in range(self.records.qsize())]
        return "\n".join(TextFormatter().format(record) for record in found)


@pytest.fixture
def tracebacks() -> Iterator[Tracebacks]:
    made = Tracebacks()
    handler = DroppingQueueHandler(made.records)
    logger = logging.getLogger("bookstore.defects")
    logger.addHandler(handler)
    yield made
    logger.removeHandler(handler)


def visitor() -> Client:
    """A defect comes out as the 500 that a visitor would get."""
    return Client(raise_request_exception=False)


def ask(path: str, wish: str, **sent: str) -> Any:
    more = {name.replace("_", "-"): value for name, value in sent.items()}
    return visitor().get(path, headers={"Accept": ACCEPTED[wish], **OWN_ID, **more})


def assert_told(answer: Any, wish: str, status: int, code: str) -> None:
    if wish == "data":
        assert_problem(answer, status, code)
        return
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert OWN_ID[headers.REQUEST_ID] in answer.content.decode()
    assert answer.headers[headers.REQUEST_ID] == OWN_ID[headers.REQUEST_ID]


@pytest.mark.parametrize("wish", ACCEPTED)
@pytest.mark.parametrize("node", nodes.URLS)
def test_what_is_nowhere_is_404_for_anybody(posing: Being, tracebacks: Tracebacks, node: str, wish: str) -> None:
    with posing(node):
        paths = ["/nowhere", "/api/v1/nothing/", "/static/nothing.css", "/nowhere/" + "x" * 5000]
        if node == "front":
            paths += ["/admin/", "/admin/login/", "/admin/catalog_app/book/"]
        for path in paths:
            assert_told(ask(path, wish), wish, 404, "not_found")
    assert tracebacks.text() == ""


@pytest.mark.parametrize("wish", ACCEPTED)
@pytest.mark.parametrize("node", nodes.URLS)
def test_a_foreign_host_is_400_everywhere(posing: Being, tracebacks: Tracebacks, node: str, wish: str) -> None:
    with posing(node):
        for host in ("evil.example", "a b", "evil.example:x", "[::", "x" * 300, "\x00"):
            for path in ("/", "/admin/", "/admin/login/", "/api/v1/books/", "/product/1", "/nowhere", "/cluster/"):
                assert_told(ask(path, wish, Host=host), wish, 400, "parse_error")
    assert tracebacks.text() == ""


@pytest.mark.parametrize("wish", ACCEPTED)
@pytest.mark.parametrize("node", nodes.URLS)
def test_a_forged_form_is_403(posing: Being, tracebacks: Tracebacks, node: str, wish: str) -> None:
    with posing(node):
        careful = Client(enforce_csrf_checks=True, raise_request_exception=False)
        for path in ("/api-auth/login/", *(["/admin/login/"] if node != "front" else [])):
            answer = careful.post(path, {"username": "x"}, headers={"Accept": ACCEPTED[wish], **OWN_ID})
            assert_told(answer, wish, 403, "permission_denied")
    assert tracebacks.text() == ""


@pytest.mark.large
@pytest.mark.parametrize("node", nodes.URLS)
def test_odd_headers_of_strangers_break_no_route(being: Being, tracebacks: Tracebacks, node: str) -> None:
    odd: list[dict[str, str]] = [
        {"Accept": "text/html", "Cookie": "sessionid-manage=\x00; csrftoken-manage=;messages-manage=x"},
        {"Accept": "text/html;q=oo, */*;v=é", "Accept-Language": "x" * 300},
        {"Accept": "text/html", "X-Forwarded-Proto": "gopher", "Content-Type": "multipart/form-data"},
        {"Accept": "text/html", "Authorization": "Basic " + "=" * 40, "If-None-Match": '"'},
        {"Accept": "application/json", "Range": "bytes=9-1", "X-Request-Id": "\n"},
    ]
    with being(node):
        for number, path in enumerate(nodes.addresses(nodes.URLS[node])):
            if path.startswith("/api/schema"):
                continue  # Takes long to make, and looks at nothing.
            for method, turn in (("GET", 0), ("POST", 1)):
                sent = odd[(number + turn) % len(odd)]
                answer = visitor().generic(method, path, headers=sent)
                assert answer.status_code != 500, (method, path, sent)
    assert tracebacks.text() == ""


def explode(*args: Any, **options: Any) -> Any:
    raise ZeroDivisionError("the defect")


# ------------------------------------------------------------------------------------------------- every 500


def break_a_page(patch: pytest.MonkeyPatch) -> str:
    patch.setattr(health, "_checks", [explode])
    return "/readyz"


def break_an_api_view(patch: pytest.MonkeyPatch) -> str:
    patch.setattr("rest_framework.views.APIView.initial", explode)
    return "/product/1" if get_resolver().urlconf_name != nodes.URLS["order-1"] else "/purchase/1"


def break_a_middleware(patch: pytest.MonkeyPatch) -> str:
    patch.setattr("django.middleware.common.CommonMiddleware.process_request", explode)
    return "/healthz"


def break_the_outer_middleware(patch: pytest.MonkeyPatch) -> str:
    patch.setattr("bookstore_project.api.csp.ContentSecurityPolicyMiddleware.__call__", explode)
    return "/healthz"


def break_the_handler(name: str) -> Callable[[pytest.MonkeyPatch], str]:
    def break_it(patch: pytest.MonkeyPatch) -> str:
        original = errors.refusal

        def refuse(request: HttpRequest, code: str, detail: str, **extra: Any) -> HttpResponse:
            if code != "internal_error":
                explode()
            return original(request, code, detail, **extra)

        patch.setattr(errors, "refusal", refuse)
        if name == "permission_denied":
            patch.setattr(health, "_checks", [deny])
        return {"bad_request": "/healthz?host", "page_not_found": "/nowhere"}.get(name, "/readyz")

    def deny() -> None:
        from django.core.exceptions import PermissionDenied

        raise PermissionDenied

    break_it.__name__ = f"break_{name}"
    return break_it


BREAKS: list[Callable[[pytest.MonkeyPatch], str]] = [
    break_a_page,
    break_an_api_view,
    break_a_middleware,
    break_the_outer_middleware,
    break_the_handler("page_not_found"),
    break_the_handler("bad_request"),
    break_the_handler("permission_denied"),
]


@pytest.mark.parametrize("node", nodes.URLS)
@pytest.mark.parametrize("break_it", BREAKS, ids=lambda each: each.__name__)
def test_a_defect_anywhere_is_500_with_its_traceback_in_the_log(
    posing: Being,
    tracebacks: Tracebacks,
    monkeypatch: pytest.MonkeyPatch,
    break_it: Callable[[pytest.MonkeyPatch], str],
    node: str,
) -> None:
    with posing(node), monkeypatch.context() as patch:
        path = break_it(patch)
        for wish in ACCEPTED:
            answer = ask(path, wish, **({"Host": "evil.example"} if "host" in path else {}))
            assert_told(answer, wish, 500, "internal_error")
            said = tracebacks.text()
            assert "ZeroDivisionError: the defect" in said
            assert said.count(" broke\n") == said.count("[the-broken-one]") == 1


@pytest.mark.parametrize("wish", ACCEPTED)
def test_a_page_that_cannot_be_made_is_data(
    posing: Being, tracebacks: Tracebacks, monkeypatch: pytest.MonkeyPatch, wish: str
) -> None:
    with posing("catalog-1"), monkeypatch.context() as patch:
        problem_pages._made.cache_clear()
        patch.setattr(problem_pages, "render_to_string", explode)
        patch.setattr(health, "_checks", [explode])
        assert_problem(ask("/readyz", wish), 500, "internal_error")
    assert tracebacks.text().count(" broke\n") == (2 if wish == "page" else 1)


@pytest.mark.parametrize("wish", ACCEPTED)
def test_a_defect_that_a_handler_puts_in_words_is_in_the_log_too(
    posing: Being, tracebacks: Tracebacks, monkeypatch: pytest.MonkeyPatch, wish: str
) -> None:
    """A write outside of a transaction is a sentence for whoever writes code, and a 500 for a visitor."""

    def write(*args: Any, **options: Any) -> None:
        raise WriteRefused("A defect of ours.")

    with posing("front"), monkeypatch.context() as patch:
        patch.setattr(services, "read_book", write)
        assert ask("/product/1", wish).status_code == 500
        assert "A defect of ours." in tracebacks.text()
        patch.setattr(health, "_checks", [write])
        assert ask("/readyz", wish).status_code == 500
    outside = RequestMiddleware(errors.server_error).process_exception(
        RequestFactory().get("/"), WriteRefused("Ours.")
    )
    assert outside is not None
    assert "Ours." in tracebacks.text()


def test_what_django_itself_lets_through_is_a_problem_document(
    tracebacks: Tracebacks, rf: RequestFactory, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Before the first middleware there is nobody else to catch it, to count it, or to log it as an answer."""
    counted: list[Any] = []
    monkeypatch.setattr(metrics.requests, "observe", lambda labels, took_s: counted.append(labels))
    monkeypatch.setattr(signals.request_started, "send", explode)
    told: list[Any] = []
    environ = rf.get("/product/1", headers=OWN_ID).environ
    (body,) = unhandled_exceptions.Guard(WSGIHandler())(
        environ, lambda status, named, info: told.extend((status, dict(named)))
    )
    assert told[0] == "500 Internal Server Error"
    assert (told[1]["Content-Type"], told[1][headers.REQUEST_ID]) == (problems.CONTENT_TYPE, "the-broken-one")
    assert b'"internal_error"' in body
    said = tracebacks.text()
    assert "ZeroDivisionError: the defect" in said
    assert "[the-broken-one]" in said
    assert "GET /product/1 500" in caplog.text
    assert counted == [("/product/<int:book_id>", "GET", "5xx")]
