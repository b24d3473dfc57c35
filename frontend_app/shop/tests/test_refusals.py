"""What the shop says when something can't be had, and what can be done next."""

import pytest
from django.test import Client

from frontend_app.shop.tests.visits import Orders, form_of, put, text_of
from frontend_app.tests.support.fakes import json_reply


def test_what_is_missing_is_named_and_the_rest_is_another_basket(client: Client, orders: Orders) -> None:
    put(client, 1, 2)
    page = put(client, 2)
    lines = [
        {"code": "out_of_stock", "book": 1, "title": "Book 1", "asked": 2, "left": 1, "unit_price": "10.00"},
        {"code": "price_changed", "book": 2, "title": "Book 2", "asked": 1, "left": 9, "unit_price": "21.00"},
    ]
    orders.refusal = json_reply({"code": "lines_unavailable", "detail": "No.", "lines": lines}, 409)
    refused = client.post("/buy/", form_of(page))
    text = refused.content.decode()
    assert refused.status_code == 409
    assert "“Book 1”: 1 left, 2 were asked for." in text
    assert "“Book 2” costs 21.00 EUR now." in text
    assert form_of(refused)["key"] != form_of(page)["key"], "a refusal is final for its key"
    assert form_of(client.get("/basket/"))["key"] == form_of(refused)["key"]


@pytest.mark.parametrize("path", ["/books/1/", "/basket/"])
def test_other_copies_under_a_key_that_was_refused_are_shown_as_another_purchase(
    client: Client, orders: Orders, path: str
) -> None:
    put(client, 1)
    form = form_of(client.get(path))
    orders.refusal = json_reply({"code": "idempotency_conflict", "detail": "No.", "is_bought": False}, 422)
    refused = [client.post("/buy/", form) for _ in range(2)]
    assert "Nothing was bought" in refused[0].content.decode()
    assert form_of(refused[0])["line"] == ["1 1 10.00"]
    assert form_of(refused[0])["key"] != form["key"]
    assert form_of(refused[0]) == form_of(refused[1]), "however often it is pressed"
    assert form_of(refused[0]) == form_of(client.get(path)), "where it may be tried again, should the answer get lost"
    orders.refusal = None
    assert client.post("/buy/", form_of(refused[0])).status_code == 303
    assert len(orders.by_key) == 1


def test_a_refusal_keeps_what_was_put_into_the_basket_meanwhile(client: Client, orders: Orders) -> None:
    stale = put(client, 1)
    put(client, 2)
    line = {"code": "price_changed", "book": 1, "title": "Book 1", "asked": 1, "left": 9, "unit_price": "10.00"}
    orders.refusal = json_reply({"code": "price_changed", "detail": "No.", "lines": [line]}, 409)
    refused = client.post("/buy/", form_of(stale))
    assert form_of(refused)["line"] == ["1 1 10.00", "2 1 20.00"]
    assert form_of(client.get("/basket/")) == form_of(refused)


def test_a_refusal_asked_for_again_is_the_same_basket(client: Client, orders: Orders) -> None:
    page = put(client, 1)
    line = {"code": "price_changed", "book": 1, "title": "Book 1", "asked": 1, "left": 9, "unit_price": "10.00"}
    orders.refusal = json_reply({"code": "price_changed", "detail": "No.", "lines": [line]}, 409)
    refused, reloaded = (client.post("/buy/", form_of(page)) for _ in range(2))
    assert form_of(refused) == form_of(reloaded) == form_of(client.get("/basket/"))


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
    refused = asking.post("/buy/", form | {"copies": 9})
    assert "“Book 2”: 3 left, 9 were asked for." in text_of(refused)
    assert "/basket/change/" not in text_of(refused)
    orders.refusal = None
    again = form_of(refused)
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
    refused = client.post("/buy/", stale | {"key": "an-older-basket-of-mine"})
    assert "sold out" in text_of(refused)
    assert "/basket/change/" not in text_of(refused), "it isn't in the basket"
    assert form_of(client.get("/basket/")) == now
