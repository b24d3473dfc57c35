"""The settings for a shop behind a proxy that speaks TLS: only it is spoken to, and it says so."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests import programs
from tests.client import Client
from tests.nginx import NAME, Nginx, example
from tests.store import Store

BEHIND_A_PROXY = {"X-Forwarded-Proto": "https"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Iterator[Client]:
    environment = {
        "DJANGO_SETTINGS_MODULE": "bookstore_project.settings.production",
        "BOOKSTORE_ALLOWED_HOSTS": NAME,
        "BOOKSTORE_PROXIES": "127.0.0.1",
    }
    data = tmp_path_factory.mktemp("production") / "var"
    with Store(data, environment=environment, prepared=prepared) as store, Client(store) as client:
        yield client


@pytest.fixture(scope="module")
def nginx(shop: Client) -> Iterator[Nginx]:
    """As docs/shop.md has it."""
    with Nginx(shop.store.addresses["front"]) as proxy:
        yield proxy


@pytest.mark.parametrize("path", ["/", "/product/2", "/api/v1/books/2/", "/search/spring%20term", "/cluster/"])
def test_what_the_shop_shows(shop: Client, path: str) -> None:
    assert shop.call("GET", path, headers=BEHIND_A_PROXY).status == 200
    sent_on = shop.call("GET", path)
    assert sent_on.status == 301
    assert sent_on.headers["location"] == f"https://{shop.store.addresses['front']}{path}"


def test_a_purchase_and_an_edit(shop: Client) -> None:
    before = shop.call("GET", "/product/2", headers=BEHIND_A_PROXY).json["quantity"]
    bought = shop.call("POST", "/purchase/2", headers=BEHIND_A_PROXY)
    assert bought.status == 201
    order = shop.call("GET", f"/api/v1/orders/{bought.json['id']}/", headers=BEHIND_A_PROXY)
    assert order.status == 200
    changed = shop.call("PATCH", "/api/v1/books/2/", {"price": "7.50"}, headers=BEHIND_A_PROXY, as_staff=True)
    assert changed.status == 200
    shown = shop.call("GET", "/product/2", headers=BEHIND_A_PROXY).json
    assert (shown["price"], shown["quantity"]) == ("7.50", before - 1)


# ------------------------------------------------------------------- behind nginx, as the page for the shop shows it

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"https://{NAME}", "Accept": "text/html"}


def test_a_book_is_bought_through_the_proxy_with_cookies_for_https_alone(nginx: Nginx) -> None:
    page = nginx.ask("GET", "/books/3/", {"Accept": "text/html"})
    assert page.status == 200
    assert page.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains; preload"
    assert page.headers["referrer-policy"] == "same-origin"
    assert nginx.cookies
    for cookie in nginx.cookies:
        assert {"Secure", "HttpOnly", "SameSite=Lax"} <= set(cookie.split("; ")), cookie
    text = page.body.decode()
    (key,), (line,) = (
        re.findall(r'name="key" value="([^"]+)"', text),
        re.findall(r'name="line" value="([^"]+)"', text),
    )
    bought = nginx.ask("POST", "/buy/", FORM, urlencode({"key": key, "line": line}).encode())
    assert bought.status == 303
    assert nginx.ask("GET", bought.headers["location"], {"Accept": "text/html"}).status == 200


def test_a_login_through_the_proxy_has_cookies_for_https_alone(nginx: Nginx, shop: Client) -> None:
    page = nginx.ask("GET", "/api-auth/login/?next=/cluster/", {"Accept": "text/html"})
    (token,) = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.body.decode())
    cookies = "; ".join(cookie.partition(";")[0] for cookie in nginx.cookies)
    user, password = shop.store.staff
    form = {"csrfmiddlewaretoken": token, "username": user, "password": password, "next": "/cluster/"}
    answer = nginx.ask("POST", "/api-auth/login/", {**FORM, "Cookie": cookies}, urlencode(form).encode())
    assert (answer.status, answer.headers["location"]) == (302, "/cluster/")
    assert any(cookie.startswith("sessionid-front=") for cookie in nginx.cookies)
    for cookie in nginx.cookies:
        assert {"Secure", "HttpOnly", "SameSite=Lax"} <= set(cookie.split("; ")), cookie


def test_plain_http_is_sent_on_to_https_whatever_it_says_of_itself(nginx: Nginx) -> None:
    for said in ({}, {"X-Forwarded-Proto": "https"}):
        answer = nginx.ask("GET", "/books/3/?a=b", said, is_secure=False)
        assert (answer.status, answer.headers["location"]) == (301, f"https://{NAME}/books/3/?a=b")
    assert nginx.ask("GET", "/books/3/", {"X-Forwarded-Proto": "http"}).status == 200, "the proxy knows better"


def test_logins_are_counted_by_the_address_that_the_proxy_saw(nginx: Nginx) -> None:
    """Not by what a client says of itself, and not by the proxy's own."""

    def guess(source: str, number: int) -> int:
        said = {"Authorization": "Token wrong", "X-Forwarded-For": f"192.0.2.{number}"}
        return nginx.ask("GET", "/api/v1/orders/", said, source=source).status

    told = [guess("127.0.0.9", number) for number in range(25)]
    assert set(told[:15]) == {401}
    assert told[-1] == 429
    assert guess("127.0.0.8", 1) == 401


@pytest.mark.parametrize("path", ["/admin/", "/admin/login/", "/internal/push/", "/internal", "/metrics", "/readyz"])
def test_what_is_not_for_the_world_is_not_there(nginx: Nginx, path: str) -> None:
    assert nginx.ask("GET", path).status == 404


def test_too_large_a_body_ends_at_the_proxy_or_is_told_by_the_shop(nginx: Nginx) -> None:
    for size in ((2 << 20) + 1, 1_500_000):
        answer = nginx.ask("POST", "/buy/", FORM, b"x" * size)
        assert answer.status == 413, size


def test_static_files_and_covers_come_through_compressed_and_kept(nginx: Nginx) -> None:
    page = nginx.ask("GET", "/books/3/", {"Accept": "text/html"})
    style = re.findall(r'href="(/static/[^"]+\.css)"', page.body.decode())[0]
    answer = nginx.ask("GET", style, {"Accept-Encoding": "br"})
    assert (answer.headers["content-encoding"], "immutable" in answer.headers["cache-control"]) == ("br", True)
    assert (
        nginx.ask("GET", "/", {"Accept": "text/html", "Accept-Encoding": "gzip"}).headers["content-encoding"]
        == "gzip"
    )


def test_another_name_is_not_the_shops(nginx: Nginx) -> None:
    assert nginx.ask("GET", "/", {"Host": "elsewhere.example"}).status == 400


def test_caddy_understands_the_example_for_it(tmp_path: Path) -> None:
    program = programs.require("caddy", "caddy")
    (tmp_path / "Caddyfile").write_text(example("caddy"))
    command = [program, "validate", "--adapter", "caddyfile", "--config", str(tmp_path / "Caddyfile")]
    environment = os.environ | {
        "HOME": str(tmp_path),
        "XDG_DATA_HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
    }
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert "not formatted" not in told.stderr
