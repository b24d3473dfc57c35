"""What the shop says when something can't be had, and what can be done next."""

import pytest
from django.test import Client

from bookstore_project.api.representations import MAX_LINES, MAX_PURCHASE
from frontend_app.shop import refusals
from frontend_app.shop.tests.visits import Orders, form_of, put, refused, text_of, words_of
from frontend_app.tests.support.fakes import json_reply

SOLD_OUT = {"code": "out_of_stock", "book": 1, "title": "Book 1", "asked": 1, "left": 0, "unit_price": "10.00"}


def test_what_is_missing_is_named_and_the_rest_is_another_basket(client: Client, orders: Orders) -> None:
    put(client, 1, 2)
    page = put(client, 2)
    lines = [
        {"code": "out_of_stock", "book": 1, "title": "Book 1", "asked": 2, "left": 1, "unit_price": "10.00"},
        {"code": "price_changed", "book": 2, "title": "Book 2", "asked": 1, "left": 9, "unit_price": "21.00"},
    ]
    orders.refusal = json_reply({"code": "lines_unavailable", "detail": "No.", "lines": lines}, 409)
    told = refused(client, form_of(page))
    text = told.content.decode()
    assert "“Book 1”: 1 left, 2 were asked for." in text
    assert "“Book 2” costs 21.00 EUR now." in text
    assert form_of(told)["key"] != form_of(page)["key"], "a refusal is final for its key"
    assert form_of(client.get("/basket/"))["key"] == form_of(told)["key"]


@pytest.mark.parametrize("path", ["/books/1/", "/basket/"])
def test_other_copies_under_a_key_that_was_refused_are_shown_as_another_purchase(
    client: Client, orders: Orders, path: str
) -> None:
    put(client, 1)
    form = form_of(client.get(path))
    orders.refusal = json_reply({"code": "idempotency_conflict", "detail": "No.", "is_bought": False}, 422)
    told = [refused(client, form) for _ in range(2)]
    assert "Nothing was bought" in told[0].content.decode()
    assert form_of(told[0])["line"] == ["1 1 10.00"]
    assert form_of(told[0])["key"] != form["key"]
    assert form_of(told[0]) == form_of(told[1]), "however often it is pressed"
    assert form_of(told[0]) == form_of(client.get(path)), "where it may be tried again, should the answer get lost"
    orders.refusal = None
    assert client.post("/buy/", form_of(told[0])).status_code == 303
    assert len(orders.by_key) == 1


def test_a_refusal_keeps_what_was_put_into_the_basket_meanwhile(client: Client, orders: Orders) -> None:
    stale = put(client, 1)
    put(client, 2)
    line = {"code": "price_changed", "book": 1, "title": "Book 1", "asked": 1, "left": 9, "unit_price": "10.00"}
    orders.refusal = json_reply({"code": "price_changed", "detail": "No.", "lines": [line]}, 409)
    told = refused(client, form_of(stale))
    assert form_of(told)["line"] == ["1 1 10.00", "2 1 20.00"]
    assert form_of(client.get("/basket/")) == form_of(told)


def test_a_refusal_asked_for_again_is_the_same_basket(client: Client, orders: Orders) -> None:
    page = put(client, 1)
    line = {"code": "price_changed", "book": 1, "title": "Book 1", "asked": 1, "left": 9, "unit_price": "10.00"}
    orders.refusal = json_reply({"code": "price_changed", "detail": "No.", "lines": [line]}, 409)
    told, pressed_again = (refused(client, form_of(page)) for _ in range(2))
    assert form_of(told) == form_of(pressed_again) == form_of(client.get("/basket/"))


@pytest.mark.parametrize("has_cookies", [True, False])
def test_a_book_refused_at_once_is_asked_for_again_on_its_own_page_and_the_basket_stays_what_it_was(
    client: Client, orders: Orders, has_cookies: bool
) -> None:
    put(client, 1)
    basket = form_of(client.get("/basket/"))
    asking = client if has_cookies else Client()
    form = form_of(asking.get("/books/2/"))
    line = {"code": "out_of_stock", "book": 2, "title": "Book 2", "asked": 9, "left": 3, "unit_price": "20.00"}
    orders.refusal = json_reply({"code": "out_of_stock", "detail": "No.", "lines": [line]}, 409)
    told = refused(asking, form | {"copies": 9})
    assert "“Book 2”: 3 left, 9 were asked for." in text_of(told)
    assert "/basket/change/" not in text_of(told)
    orders.refusal = None
    again = form_of(told)
    assert again["key"] != form["key"]
    assert again["line"] == ["2 1 20.00"]
    assert asking.post("/buy/", again | {"copies": 3})["Location"].startswith("/orders/")
    assert form_of(client.get("/basket/")) == basket


def test_a_basket_of_another_time_that_is_refused_is_shown_apart_from_the_one_of_now(
    client: Client, orders: Orders
) -> None:
    stale = form_of(put(client, 1))
    client.post("/buy/", form_of(put(client, 2)))
    now = form_of(put(client, 2))
    line = {"code": "out_of_stock", "book": 1, "title": "Book 1", "asked": 1, "left": 0, "unit_price": "10.00"}
    orders.refusal = json_reply({"code": "out_of_stock", "detail": "No.", "lines": [line]}, 409)
    told = refused(client, stale | {"key": "an-older-basket-of-mine"})
    assert "sold out" in text_of(told)
    assert "/basket/change/" not in text_of(told), "it isn't in the basket"
    assert form_of(client.get("/basket/")) == now


class TestItsAddress:
    """The page of a refusal is asked for by GET, so it may be reloaded and gone back to."""

    @pytest.fixture(autouse=True)
    def _refusing(self, orders: Orders) -> None:
        orders.refusal = json_reply({"code": "out_of_stock", "detail": "No.", "lines": [SOLD_OUT]}, 409)

    def address(self, client: Client, path: str) -> str:
        return str(client.post("/buy/", form_of(client.get(path)))["Location"])

    @pytest.mark.parametrize(
        ("has_cookies", "path"),
        [
            pytest.param(True, "/basket/", id="basket"),
            pytest.param(True, "/books/1/", id="book"),
            pytest.param(False, "/books/1/", id="no cookies"),
        ],
    )
    def test_the_page_of_a_refusal_is_the_same_each_time(self, client: Client, has_cookies: bool, path: str) -> None:
        put(client, 1)
        form = form_of((client if has_cookies else Client()).get(path))
        address = (client if has_cookies else Client()).post("/buy/", form)["Location"]
        pages = [(client if has_cookies else Client()).get(address) for _ in range(2)]
        assert "“Book 1”: sold out." in words_of(pages[0])
        assert form_of(pages[0]) == form_of(pages[1])

    @pytest.mark.parametrize("path", ["/basket/", "/books/1/"])
    def test_a_refusal_is_told_until_what_is_left_is_bought(self, client: Client, orders: Orders, path: str) -> None:
        put(client, 1)
        address = self.address(client, path)
        assert "Nothing was bought" in text_of(client.get(address))
        orders.refusal = None
        assert client.post("/buy/", form_of(client.get(address))).status_code == 303
        gone_back = client.get(address)
        assert gone_back.status_code == 200
        assert "Nothing was bought" not in text_of(gone_back)

    @pytest.mark.parametrize("path", ["/basket/", "/books/1/"])
    def test_it_tells_a_stranger_nothing(self, client: Client, path: str) -> None:
        put(client, 1)
        address = self.address(client, path)
        page = Client().get(address)
        assert "Nothing was bought" not in text_of(page)
        assert form_of(client.get(address))["key"] not in text_of(page)

    @pytest.mark.parametrize("token", ["", "x", "eyJtaXNzaW5nIjpbXX0:1xXr4L:e4uV_4N8CcQD", "\x00", "ä" * 999])
    def test_what_the_shop_has_not_said_is_not_said(self, client: Client, token: str) -> None:
        put(client, 1)
        for path in ("/basket/", "/books/1/"):
            page = client.get(path, {refusals.PARAMETER: token})
            assert page.status_code == 200
            assert "Nothing was bought" not in text_of(page)

    def test_a_book_that_is_gone_is_not_found_and_nothing_was_bought(self, client: Client) -> None:
        gone = {"key": "k" * 22 + "-77-0", "line": "77 1 10.00"}
        page = client.get(client.post("/buy/", gone)["Location"])
        assert page.status_code == 404
        assert "Nothing was bought." in text_of(page)

    def test_it_is_short_enough_for_any_browser_and_proxy(self) -> None:
        lines = [
            SOLD_OUT | {"book": 10**9 + 7919**2 * at % 10**9, "left": 7 * at, "unit_price": f"{at * 37}.99"}
            for at in range(MAX_LINES)
        ]
        copies = {10**9 + at: MAX_PURCHASE - at for at in range(MAX_LINES)}
        assert len(refusals.address_with("/basket/", lines, "k" * 36, copies)) < 4096
