"""Forms and cookies that no page of the shop has made."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.core import signing
from django.test import Client

from frontend_app.shop import basket as baskets
from frontend_app.shop import forms, own_orders, single_purchases
from frontend_app.shop.tests.visits import Orders, form_of, put, signed, text_of, words_of


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/basket/put/", {}),
        ("/basket/put/", {"book": "x", "copies": 1}),
        ("/basket/put/", {"book": 1, "copies": -1}),
        ("/basket/put/", {"book": 1, "copies": "1.5"}),
        ("/basket/put/", {"book": 1, "copies": 1001}),
        ("/basket/put/", {"book": "9" * 40, "copies": 1}),
        ("/basket/change/", {"book": "²", "copies": 1}),
        ("/buy/", {}),
        ("/buy/", {"key": "short", "line": "1 1 10.00"}),
        ("/buy/", {"key": "k" * 22}),
        ("/buy/", {"key": "k" * 22, "line": "1"}),
        ("/buy/", {"key": "k" * 22, "line": "1 1 ten"}),
        ("/buy/", {"key": "k" * 22, "line": "1 1 NaN"}),
        ("/buy/", {"key": "k" * 22, "line": "1 1 10.00", "copies": "0"}),
        ("/buy/", {"key": "k" * 22, "line": ["1 1 10.00"] * 900}),
        ("/buy/", {"key": "k" * 22, "line": ["1 1 10.00"] * 10_000}),
    ],
)
def test_a_form_that_was_tampered_with_is_a_clear_page(client: Client, orders: Orders, path: str, form: Any) -> None:
    answer = client.post(path, form)
    assert answer.status_code == 400
    assert answer["Content-Type"].startswith("text/html")
    assert orders.by_key == {}


@pytest.mark.parametrize("line", ["0 1 10.00", f"{2**63} 1 10.00", "1 0 10.00", "1 1001 10.00", "1 999999999 10.00"])
def test_lines_that_no_page_has_are_told_in_words_for_customers(client: Client, orders: Orders, line: str) -> None:
    answer = client.post("/buy/", {"key": "k" * 22, "line": line})
    assert (answer.status_code, forms.INCOMPLETE in words_of(answer)) == (400, True)
    assert orders.asked == []


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/basket/put/", {"book": 2, "copies": -1}),
        ("/basket/put/", {"book": 2, "copies": "0.5"}),
        ("/basket/change/", {"book": 1, "copies": 10**30}),
        ("/buy/", {"key": "k" * 22, "line": ["1 1 10.00"] * 101}),
        ("/buy/", {"key": "k" * 22, "line": ["1 1 10.00"] * 10_000}),
        ("/buy/", {"key": "k" * (2 << 20), "line": "1 1 10.00"}),
        ("/buy/", {"key": "k" * 22, "line": "1 -1 10.00"}),
        ("/buy/", {"key": "k" * 22, "line": "1 1 1e9"}),
    ],
)
def test_nothing_is_lost_of_a_basket_by_what_is_refused(client: Client, path: str, form: Any) -> None:
    before = form_of(put(client, 1, 2))
    refused = client.post(path, urlencode(form, doseq=True), content_type="application/x-www-form-urlencoded")
    assert refused.status_code in (400, 413)
    assert "Your basket</a> is as it was" in text_of(refused)
    assert "settings." not in text_of(refused)
    assert form_of(client.get("/basket/")) == before


@pytest.mark.parametrize(
    "members",
    [
        [],
        7,
        {"key": "k" * 22, "lines": [[0, 1], ["x", 1], [1, 10_000], [2, -1], [1, 0.5], [None, None]]},
        {"key": "k" * 22, "lines": [[1]]},
        {"key": "k" * 22, "lines": [[1, 1, "x"]]},
        {"key": "k" * 22, "lines": [[1, 1]], "change": 3},
        {"lines": [[1, 1]]},
    ],
)
def test_a_cookie_that_makes_no_sense_is_an_empty_basket(client: Client, members: Any) -> None:
    assert_empty(client, signed(members))


def test_a_cookie_that_is_not_ours_is_an_empty_basket(client: Client) -> None:
    own = {"key": "k" * 22, "lines": [[1, 1]]}
    another_shop = signing.dumps(own, key="another secret", salt="frontend_app.shop.basket")
    for cookie in ("forged", signed(own, "another"), another_shop, signed(own)[:-1], "x" * 20_000):
        assert_empty(client, cookie)


def test_a_basket_of_as_many_lines_as_nobody_can_buy_is_cut(client: Client) -> None:
    lines = [[book, 1] for book in range(1, 10_001)]
    client.cookies[baskets.COOKIE] = signed({"key": "k" * 22, "lines": lines})
    page = client.get("/basket/")
    assert form_of(page)["line"] == ["1 1 10.00", "2 1 20.00"]
    assert text_of(page).count("Not sold any more") == 98


@pytest.mark.parametrize("members", [[], {"base": "b" * 22}, {"base": "b" * 22, "turns": [[1]]}])
def test_a_count_of_purchases_that_makes_no_sense_is_a_new_one(client: Client, members: Any) -> None:
    client.cookies[single_purchases.COOKIE] = signed(members, single_purchases.COOKIE)
    assert form_of(client.get("/books/1/")) == form_of(client.get("/books/1/"))


def test_a_book_has_the_same_key_when_asked_for_again_though_the_cookie_was_not_ours(client: Client) -> None:
    client.cookies[single_purchases.COOKIE] = "forged"
    assert form_of(client.get("/books/1/")) == form_of(client.get("/books/1/"))


def assert_empty(client: Client, cookie: str) -> None:
    client.cookies[baskets.COOKIE] = cookie
    client.cookies[own_orders.COOKIE] = cookie
    assert "nothing in your basket" in client.get("/basket/").content.decode()
    assert "Nothing was bought" in client.get("/orders/").content.decode()
