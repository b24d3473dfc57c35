"""No page of another site changes anything, at any route of any node, whoever's login the browser has."""

from collections.abc import Iterator
from itertools import cycle
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings
from rest_framework.authtoken.models import Token

from bookstore_project.api.same_origin import REFUSED, TOLD, is_foreign
from bookstore_project.api.tests.api import as_node, assert_problem, basic
from tests.everywhere import nodes
from tests.everywhere.conftest import Being

UNSAFE = ("POST", "PUT", "PATCH", "DELETE", "BREW")
OWN = "http://testserver"
FOREIGN: list[dict[str, str]] = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "https://testserver"},
    {"Origin": "http://testserver:8001"},
    {"Origin": "http://testserver.evil.example"},
    {"Origin": "http://testserver@evil.example"},
    {"Origin": "http://localhost"},
    {"Origin": "http://127.0.0.2:8001"},
    {"Origin": "http://testserver, http://evil.example"},
    {"Origin": "http://[", "Referer": OWN},
    {"Origin": "http://testserver:port"},
    {"Referer": "http://evil.example/http://testserver/"},
    {"Referer": "about:blank"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": OWN},
    {"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.example"},
]
HOME: list[dict[str, str]] = [
    {},
    {"Origin": OWN},
    {"Origin": "HTTP://TestServer:80"},
    {"Referer": f"{OWN}/api/v1/books/?page=2"},
    {"Referer": ""},
    {"Sec-Fetch-Site": "same-origin", "Origin": OWN, "Referer": f"{OWN}/"},
    {"Sec-Fetch-Site": "none"},
]


def logins() -> Iterator[tuple[Client, dict[str, str]]]:
    """By every way in which somebody may be recognised, nobody among them; again and again."""
    root = User.objects.get(username="root")
    session = Client(raise_request_exception=False)
    session.force_login(root)
    plain = Client(raise_request_exception=False)
    token, _ = Token.objects.get_or_create(user=root)
    yield from cycle(
        [
            (plain, {}),
            (plain, basic("root")),
            (plain, {"Authorization": f"Token {token.key}"}),
            (session, {}),
            (plain, as_node(**{"X-Acting-User": "root"})),
        ]
    )


def ask(client: Client, method: str, path: str, sent: dict[str, str]) -> Any:
    return client.generic(method, path, b'{"quantity": 5}', content_type="application/json", headers=sent)


@pytest.mark.parametrize("node", nodes.URLS)
def test_every_unsafe_method_of_every_route_is_refused_from_another_origin(being: Being, node: str) -> None:
    with being(node) as store:
        ways, foreign = logins(), cycle(FOREIGN)
        for path in nodes.addresses(nodes.URLS[node]):
            for method in UNSAFE:
                client, login = next(ways)
                answer = ask(client, method, path, login | next(foreign))
                assert assert_problem(answer, 403, "permission_denied")["detail"] == REFUSED, f"{method} {path}"
        assert store.asked == []


@pytest.mark.parametrize(
    ("node", "path"),
    [("front", "/api/v1/books/1/restock/"), ("front", "/purchase/1"), ("front", "/internal/push/"),
     ("catalog-1", "/api/v1/books/1/restock/"), ("catalog-1", "/internal/sales/"), ("order-1", "/api/v1/orders/")],
)  # fmt: skip
def test_it_is_refused_however_the_origin_is_told_and_whoever_is_logged_in(
    being: Being, node: str, path: str
) -> None:
    with being(node) as store:
        ways = logins()
        for _ in range(5):
            client, login = next(ways)
            for sent in FOREIGN:
                answer = ask(client, "POST", path, login | sent)
                assert assert_problem(answer, 403, "permission_denied")["detail"] == REFUSED, (login, sent)
        assert store.asked == []


@pytest.mark.parametrize(
    ("node", "path", "login", "status"),
    [("front", "/api/v1/books/1/restock/", "root", 201), ("front", "/purchase/1", "", 201),
     ("catalog-1", "/api/v1/books/1/restock/", "root", 200)],
)  # fmt: skip
def test_own_pages_and_programs_go_on(being: Being, node: str, path: str, login: str, status: int) -> None:
    with being(node):
        for sent in HOME:
            answer = ask(Client(), "POST", path, (basic(login) if login else {}) | sent)
            assert answer.status_code == status, (sent, answer.content)


@pytest.mark.parametrize("node", nodes.URLS)
def test_no_route_refuses_its_own_pages_for_their_origin(being: Being, node: str) -> None:
    with being(node):
        home = cycle(HOME)
        for path in nodes.addresses(nodes.URLS[node]):
            answer = ask(Client(raise_request_exception=False), "POST", path, next(home))
            assert REFUSED.encode() not in getattr(answer, "content", b""), path


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reads_are_for_pages_of_all_origins(being: Being, method: str) -> None:
    with being("front"):
        for sent in FOREIGN:
            assert ask(Client(), method, "/product/1", sent).status_code == 200


def test_a_person_is_refused_with_a_page(being: Being) -> None:
    with being("order-1"):
        answer = ask(Client(), "POST", "/purchase/1", {"Accept": "text/html", "Origin": "null"})
    assert (answer.status_code, answer.headers["Content-Type"].startswith("text/html")) == (403, True)
    assert TOLD in answer.content.decode()


@pytest.mark.parametrize(
    ("host", "is_secure", "origin", "expected"),
    [
        ("shop.example", True, "https://shop.example", False),
        ("shop.example", True, "https://shop.example:443", False),
        ("shop.example:8443", True, "https://shop.example:8443", False),
        ("shop.example", True, "http://shop.example", True),
        ("shop.example", False, "https://shop.example", True),
        ("shop.example", True, "https://shop.example:8443", True),
        ("[::1]:8000", False, "http://[::1]:8000", False),
        ("[::1]:8000", False, "http://[::1]:8001", True),
        ("127.0.0.2:8001", False, "http://127.0.0.2:8001", False),
        ("127.0.0.2:8001", False, "http://127.0.0.1:8001", True),
    ],
)
def test_scheme_host_and_port_all_count_also_behind_a_proxy(
    settings: Settings, host: str, is_secure: bool, origin: str, expected: bool
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    proxied = {"X-Forwarded-Proto": "https"} if is_secure else {}
    request = RequestFactory().post("/", headers={"Host": host, "Origin": origin, **proxied})
    assert is_foreign(request) is expected
