"""Nothing of one customer for another: caches on the way, cookies, referrers; on every route of the shop."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from bookstore_project.api import order_numbers, privacy
from frontend_app.shop.tests.visits import Orders, form_of, put
from frontend_app.tests.support.fakes import json_reply
from tests.everywhere import nodes
from tests.everywhere.conftest import Being

EVEN_MORE = ("/metrics", "/favicon.ico", "/articles", "/kinds")
OTHERS = (
    "/api",
    "/cluster",
    "/internal",
    "/product",
    "/info",
    "/search",
    "/purchase",
    "/healthz",
    "/readyz",
    *EVEN_MORE,
)
"""Routes that aren't the shop's: `test_privacy` has them."""
COVER = re.compile(r'src="(/covers/[^"]+)"')
BROWSER, PROGRAM = {"Accept": "text/html,*/*;q=0.8"}, {"Accept": "application/json"}
OF_SOMEBODY = ("/basket", "/buy", "/orders", "/day")


def shop_routes() -> list[str]:
    found = [each for each in nodes.addresses(nodes.URLS["front"]) if not each.startswith(OTHERS)]
    assert {"/", "/books/1/", "/basket/", "/orders/"} <= set(found)
    return [each for each in found if not each.startswith("/covers")]


ROUTES = shop_routes()


@pytest.fixture
def shop(posing: Being, settings: Settings) -> Iterator[Orders]:
    """A front over HTTPS, with one book and an order service."""
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    orders = Orders()
    with posing("front") as store:
        store.behaviours.update(dict.fromkeys(("order-1", "order-2"), orders))
        yield orders


def assert_for_nobody_else(answer: Any, path: str) -> None:
    assert answer.headers["Cache-Control"] == privacy.CACHE_CONTROL, path
    assert {"Cookie", "Authorization"} <= set(answer.headers["Vary"].split(", ")), path
    assert answer.headers["Referrer-Policy"] in ("same-origin", "no-referrer"), path
    for name, cookie in answer.cookies.items():
        flags = (cookie["secure"], cookie["httponly"], cookie["samesite"])
        assert flags == (True, True, "Lax"), (path, name)


@pytest.mark.parametrize("path", ROUTES)
def test_a_page_of_the_shop_is_kept_by_nobody_on_the_way(shop: Orders, path: str) -> None:
    visitor = Client(raise_request_exception=False)
    for method in ("GET", "HEAD", "POST", "PUT"):
        assert_for_nobody_else(visitor.generic(method, path, headers=BROWSER), f"{method} {path}")
    if path.startswith(OF_SOMEBODY):
        for method in ("GET", "HEAD"):
            assert_for_nobody_else(visitor.generic(method, path, headers=PROGRAM), f"{method} {path} as data")


def test_what_buying_answers_on_its_way_is_kept_by_nobody(shop: Orders) -> None:
    visitor = Client(headers=BROWSER)
    into = visitor.post("/basket/put/", {"book": 1, "copies": 1, "line": "1 1 10.00"})
    bought = visitor.post("/buy/", form_of(visitor.get("/basket/")))
    for answer in (into, bought, visitor.get(bought["Location"]), visitor.get("/orders/")):
        assert_for_nobody_else(answer, str(answer.status_code))
    assert (into.status_code, bought.status_code) == (303, 303)
    assert into.cookies
    assert bought.cookies


def test_the_page_of_a_refusal_is_kept_by_nobody_on_the_way(shop: Orders) -> None:
    visitor = Client(headers=BROWSER)
    form = form_of(put(visitor, 1))
    line = {"code": "out_of_stock", "book": 1, "title": "Book 1", "asked": 1, "left": 0, "unit_price": "10.00"}
    shop.refusal = json_reply({"code": "out_of_stock", "detail": "No.", "lines": [line]}, 409)
    refused = visitor.post("/buy/", form)
    for answer in (refused, visitor.get(refused["Location"])):
        assert_for_nobody_else(answer, str(answer.status_code))


def test_a_page_asked_for_again_says_so_too(shop: Orders) -> None:
    visitor = Client(headers=BROWSER)
    tag = visitor.get("/orders/").headers["ETag"]
    again = visitor.get("/orders/", headers={"If-None-Match": tag})
    assert again.status_code in (200, 304)
    assert_for_nobody_else(again, "/orders/")


def test_a_stranger_sees_nothing_of_a_customer(shop: Orders) -> None:
    customer, stranger = Client(headers=BROWSER), Client(headers=BROWSER)
    put(customer, 1, 2)
    assert "Basket (2)" in customer.get("/").content.decode()
    bought = customer.post("/buy/", form_of(customer.get("/basket/")))
    number = order_numbers.number_of(bought["Location"].split("/")[2])
    assert number in customer.get("/orders/").content.decode()
    put(customer, 1)
    for path in ("/", "/books/1/", "/basket/", "/orders/"):
        page = stranger.get(path).content.decode()
        assert number not in page, path
        assert "Basket (" not in page, path


def test_an_order_is_found_by_its_whole_address_alone(shop: Orders) -> None:
    customer, stranger = Client(headers=BROWSER), Client(headers=BROWSER)
    bought = customer.post("/buy/", form_of(put(customer, 1)))
    order = bought["Location"].split("/")[2]
    assert stranger.get(bought["Location"]).status_code == 200, "it can be bookmarked, and sent to oneself"
    for guess in (order[:8], order[:-1], order[:-1] + ("0" if order[-1] != "0" else "1"), order[::-1]):
        assert stranger.get(f"/orders/{guess}/").status_code == 404, guess


def test_a_cover_is_for_everybody_and_tells_nobody_apart(shop: Orders) -> None:
    customer, stranger = Client(), Client()
    put(customer, 1)
    (address,) = COVER.findall(customer.get("/books/1/", headers=BROWSER).content.decode())[:1]
    seen = [browser.get(address) for browser in (customer, stranger)]
    for answer in seen:
        assert "public" in answer.headers["Cache-Control"]
        assert not answer.cookies
        assert "Cookie" not in answer.headers.get("Vary", "")
    assert seen[0].content == seen[1].content
