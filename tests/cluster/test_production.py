"""The settings for a shop behind a proxy that speaks TLS: only it is spoken to, and it says so."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests import programs
from tests.client import Client
from tests.proxies import MOVED, NAME, PROXIES, Proxy, example
from tests.store import Store
from tests.waiting import wait_for

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


@pytest.fixture(scope="module", params=PROXIES, ids=lambda kind: kind.program)
def proxy(shop: Client, request: pytest.FixtureRequest) -> Iterator[Proxy]:
    """As docs/shop.md has it."""
    kind: type[Proxy] = request.param
    with kind(shop.store.addresses["front"]) as proxy:
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


# ------------------------------------------------- behind a proxy, as the page for the shop shows it

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"https://{NAME}", "Accept": "text/html"}


def test_a_book_is_bought_through_the_proxy_with_cookies_for_https_alone(proxy: Proxy) -> None:
    page = proxy.ask("GET", "/books/3/", {"Accept": "text/html"})
    assert page.status == 200
    assert page.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains; preload"
    assert page.headers["referrer-policy"] == "same-origin"
    assert proxy.cookies
    for cookie in proxy.cookies:
        assert {"Secure", "HttpOnly", "SameSite=Lax"} <= set(cookie.split("; ")), cookie
    text = page.body.decode()
    (key,), (line,) = (
        re.findall(r'name="key" value="([^"]+)"', text),
        re.findall(r'name="line" value="([^"]+)"', text),
    )
    bought = proxy.ask("POST", "/buy/", FORM, urlencode({"key": key, "line": line}).encode())
    assert bought.status == 303
    assert proxy.ask("GET", bought.headers["location"], {"Accept": "text/html"}).status == 200


def test_a_login_through_the_proxy_has_cookies_for_https_alone(proxy: Proxy, shop: Client) -> None:
    page = proxy.ask("GET", "/api-auth/login/?next=/cluster/", {"Accept": "text/html"})
    (token,) = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.body.decode())
    cookies = "; ".join(cookie.partition(";")[0] for cookie in proxy.cookies)
    user, password = shop.store.staff
    form = {"csrfmiddlewaretoken": token, "username": user, "password": password, "next": "/cluster/"}
    answer = proxy.ask("POST", "/api-auth/login/", {**FORM, "Cookie": cookies}, urlencode(form).encode())
    assert (answer.status, answer.headers["location"]) == (302, "/cluster/")
    assert any(cookie.startswith("sessionid-front=") for cookie in proxy.cookies)
    for cookie in proxy.cookies:
        assert {"Secure", "HttpOnly", "SameSite=Lax"} <= set(cookie.split("; ")), cookie


def test_plain_http_is_sent_on_to_https_whatever_it_says_of_itself(proxy: Proxy) -> None:
    for said in ({}, {"X-Forwarded-Proto": "https"}):
        answer = proxy.ask("GET", "/books/3/?a=b", said, is_secure=False)
        assert answer.status in MOVED
        assert re.fullmatch(rf"https://{NAME}(:{proxy.https})?/books/3/\?a=b", answer.headers["location"])
    assert proxy.ask("GET", "/books/3/", {"X-Forwarded-Proto": "http"}).status == 200, "the proxy knows better"


def test_logins_are_counted_by_the_address_that_the_proxy_saw(proxy: Proxy) -> None:
    """Not by what a client says of itself, and not by the proxy's own."""

    def guess(source: str, number: int) -> int:
        said = {"Authorization": "Token wrong", "X-Forwarded-For": f"192.0.2.{number}"}
        return proxy.ask("GET", "/api/v1/orders/", said, source=source).status

    network = f"127.0.{PROXIES.index(type(proxy)) + 9}"  # All of them lead to one store, which has counted others.
    assert {guess(f"{network}.9", number) for number in range(15)} == {401}
    wait_for(lambda: guess(f"{network}.9", 15) == 429, what="a refusal to look at more")
    assert guess(f"{network}.8", 1) == 401


@pytest.mark.parametrize("path", ["/admin/", "/admin/login/", "/internal/push/", "/internal", "/metrics", "/readyz"])
def test_what_is_not_for_the_world_is_not_there(proxy: Proxy, path: str) -> None:
    assert proxy.ask("GET", path).status == 404


def test_too_large_a_body_ends_at_the_proxy_or_is_told_by_the_shop(proxy: Proxy) -> None:
    for size in ((2 << 20) + 1, 1_500_000):
        answer = proxy.ask("POST", "/buy/", FORM, b"x" * size)
        assert answer.status == 413, size


def test_static_files_and_covers_come_through_compressed_and_kept(proxy: Proxy) -> None:
    page = proxy.ask("GET", "/books/3/", {"Accept": "text/html"})
    style = re.findall(r'href="(/static/[^"]+\.css)"', page.body.decode())[0]
    answer = proxy.ask("GET", style, {"Accept-Encoding": "br"})
    assert (answer.headers["content-encoding"], "immutable" in answer.headers["cache-control"]) == ("br", True)
    assert (
        proxy.ask("GET", "/", {"Accept": "text/html", "Accept-Encoding": "gzip"}).headers["content-encoding"]
        == "gzip"
    )


def test_another_name_is_not_the_shops(proxy: Proxy) -> None:
    answer = proxy.ask("GET", "/", {"Host": "elsewhere.example"})
    assert answer.status == 400 or not answer.body, "Caddy has nothing to say for a name that it doesn't know"


def test_what_a_client_says_of_itself_is_not_believed(proxy: Proxy) -> None:
    said = {"X-Forwarded-For": "192.0.2.77", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "elsewhere.example"}
    answer = proxy.ask("GET", "/books/3/", {**said, "Accept": "text/html"})
    assert answer.status == 200, "not sent on to HTTPS once more"
    assert "elsewhere.example" not in answer.body.decode()


def test_the_example_for_caddy_is_written_as_caddy_writes_it(tmp_path: Path) -> None:
    program = programs.require("caddy", "caddy")
    (tmp_path / "Caddyfile").write_text(example("caddy"))
    told = subprocess.run([program, "fmt", str(tmp_path / "Caddyfile")], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (0, example("caddy"))
