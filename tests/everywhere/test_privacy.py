"""What depends on who asks is stored by nobody; what is the same for all stays as it was."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from bookstore_project.api import csp, headers, problems
from bookstore_project.api.tests.api import as_node, basic
from tests.everywhere import nodes
from tests.everywhere.conftest import Being

PUBLIC = {
    "front": ("/product/1", "/info/1", "/search/things", "/api/v1/books/", "/healthz", "/metrics", "/product/99"),
    "catalog-1": ("/product/1", "/search/things", "/api/v1/books/", "/healthz", "/metrics", "/product/99"),
    "order-1": ("/healthz", "/readyz", "/metrics", "/nowhere"),
}
PERSONAL = {
    "front": ("/", "/cluster/", "/api/v1/orders/", "/cluster/controls/node/kill/catalog-1/", "/api-auth/login/"),
    "catalog-1": ("/admin/", "/admin/login/", "/internal/status/", "/api-auth/login/"),
    "order-1": ("/admin/", "/api/v1/orders/", "/internal/status/", "/purchase/1"),
}
OF_ONE_BUYER = "/api/v1/orders/9b2c1e1c-98a3-4d57-8f0e-9f3a6f0c1d2e/"


def is_personal(answer: Any) -> bool:
    varies = {word.strip() for word in answer.headers.get("Vary", "").split(",")}
    is_so: bool = answer.headers.get("Cache-Control") == "private, no-store"
    assert not is_so or {"Cookie", "Authorization"} <= varies, answer.headers
    return is_so


@pytest.mark.large
@pytest.mark.parametrize("node", nodes.URLS)
def test_whatever_is_asked_with_credentials_is_personal(being: Being, node: str) -> None:
    """Right ones or wrong ones, whatever the answer; whoever has logged in may see more than others."""
    session = Client(raise_request_exception=False)
    plain = Client(raise_request_exception=False)
    with being(node):
        session.force_login(User.objects.get(username="root"))
        ways: list[tuple[Client, dict[str, str]]] = [
            (session, {}),
            (plain, basic("root")),
            (plain, basic("root", "wrong")),
            (plain, {"Authorization": "Token x"}),
            (plain, as_node()),
            (plain, {headers.SERVICE_TOKEN: "x"}),
        ]
        for path in ("/product/1", "/api/v1/orders/", "/", "/cluster/", "/admin/", "/internal/status/", "/nowhere"):
            for method in ("GET", "HEAD", "OPTIONS", "POST"):
                for client, sent in ways:
                    answer = client.generic(method, path, headers=sent)
                    assert is_personal(answer), (method, path, sent, answer.status_code)


@pytest.mark.parametrize("node", nodes.URLS)
def test_what_nobody_may_and_what_is_changed_is_personal(being: Being, node: str) -> None:
    stranger = Client(raise_request_exception=False)
    with being(node):
        for path in PERSONAL[node]:
            for method in ("GET", "HEAD", "POST"):
                assert is_personal(stranger.generic(method, path)), (method, path)
        for path in nodes.addresses(nodes.URLS[node]):
            for method in ("POST", "PATCH", "DELETE"):
                answer = stranger.generic(method, path, headers={"Origin": "null"})
                assert is_personal(answer), (method, path)


@pytest.mark.parametrize("node", ["front", "order-1"])
def test_an_order_is_its_buyers_own(being: Being, node: str) -> None:
    with being(node):
        assert is_personal(Client(raise_request_exception=False).get(OF_ONE_BUYER))


@pytest.mark.parametrize("node", nodes.URLS)
def test_a_page_is_personal_and_public_data_is_not(being: Being, node: str) -> None:
    stranger = Client(raise_request_exception=False)
    with being(node):
        for path in PUBLIC[node]:
            for method in ("GET", "HEAD"):
                data = stranger.generic(method, path, headers={"Accept": "application/json, text/plain"})
                assert "Cache-Control" not in data.headers, path
                assert "Authorization" not in data.headers.get("Vary", ""), path
            page = stranger.get(path, headers={"Accept": "text/html"})
            assert is_personal(page) is page.headers["Content-Type"].startswith("text/html"), path


def test_a_personal_answer_that_the_client_has_says_so_too(being: Being) -> None:
    with being("front"):
        sent = basic("root")
        tag = Client().get("/product/1", headers=sent).headers["ETag"]
        again = Client().get("/product/1", headers={**sent, "If-None-Match": tag})
        assert (again.status_code, is_personal(again)) == (304, True)


def test_files_of_pages_are_kept_by_browsers_also_after_a_login(being: Being) -> None:
    session = Client()
    with being("front"):
        session.force_login(User.objects.get(username="root"))
        file = session.get("/static/api/pages.css")
        file.close()
        assert "no-store" not in file.headers.get("Cache-Control", "")


@pytest.mark.parametrize("node", nodes.URLS)
def test_a_refused_method_keeps_what_every_answer_says(being: Being, node: str) -> None:
    """Of a view that refuses it without a word."""
    with being(node):
        answer = Client().get("/api-auth/logout/", headers=basic("root"))
        assert (answer.status_code, answer.headers["Content-Type"]) == (405, problems.CONTENT_TYPE)
        assert is_personal(answer)
        assert answer.headers["Allow"] == "POST, OPTIONS"
        assert answer.headers[csp.HEADER] == csp.POLICY
        assert answer.headers["Content-Length"] == str(len(answer.content))


def test_a_refused_timeout_keeps_what_every_answer_says(being: Being) -> None:
    with being("front"):
        for path in ("/", "/product/1", "/api/v1/orders/", "/purchase/1"):
            for accepted, kind in (("text/html", "text/html"), ("application/json", problems.CONTENT_TYPE)):
                sent = {**basic("root"), headers.REQUEST_TIMEOUT: "0", "Accept": accepted}
                answer = Client().get(path, headers=sent)
                assert (answer.status_code, is_personal(answer)) == (400, True), path
                assert answer.headers["Content-Type"].startswith(kind)
                assert answer.headers[csp.HEADER] == csp.POLICY
