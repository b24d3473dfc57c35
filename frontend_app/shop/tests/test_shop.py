"""What all pages of the shop have in common."""

import re
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from bookstore_project.api.templatetags import amounts
from frontend_app.shop import basket as baskets
from frontend_app.shop import own_orders
from frontend_app.shop.tests.visits import form_of, put, text_of
from frontend_app.tests.support.fakes import Store
from tests.contract.html import Page


@pytest.mark.parametrize("path", ["/", "/books/1/", "/books/77/", "/basket/", "/orders/"])
def test_no_page_is_kept_for_somebody_else(client: Client, path: str) -> None:
    answer = client.get(path)
    assert {"private", "no-store"} <= set(re.split(", *", answer["Cache-Control"]))
    assert {"Cookie", "Authorization"} <= set(re.split(", *", answer["Vary"]))


def test_cookies_are_for_this_site_alone(client: Client, settings: Any) -> None:
    settings.SESSION_COOKIE_SECURE = True
    cookie = client.post("/basket/put/", {"book": 1, "copies": 1}).cookies[baskets.COOKIE]
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax")


def test_what_is_not_there_is_a_page_with_a_way_on(client: Client) -> None:
    for path in ("/books/77/", "/books/0/", f"/books/{2**70}/", "/orders/6c1d8f5e-0d2c-4c3c-8f0e-1d2c3b4a5f6e/"):
        answer = client.get(path)
        assert (answer.status_code, "To the books" in answer.content.decode()) == (404, True), path


@pytest.mark.parametrize(
    ("zone", "told"), [("UTC", "2 Jan 2030, 03:04 UTC"), ("America/New_York", "1 Jan 2030, 22:04 EST")]
)
def test_an_order_tells_its_time_in_the_shops_own_zone(
    client: Client, settings: Settings, zone: str, told: str
) -> None:
    settings.TIME_ZONE = zone
    bought = client.post("/buy/", form_of(put(client, 1)))
    assert f'<time datetime="2030-01-02T03:04:05Z">{told}</time>' in client.get(bought["Location"]).content.decode()


@pytest.mark.parametrize("path", ["/", "/?find=x", "/books/1/", "/books/77/", "/basket/", "/orders/", "/nowhere"])
def test_every_page_has_the_search_once(client: Client, path: str) -> None:
    forms = [form for form in Page.of(client.get(path).content).forms if "find" in form.fields]
    assert [form.action for form in forms] == ["/"]


@pytest.mark.parametrize(("copies", "kind"), [(0, "out"), (1, "few"), (5, "few"), (6, "up")])
def test_what_can_be_had_is_told_in_a_colour_too(client: Client, store: Store, copies: int, kind: str) -> None:
    store.put(1, quantity=copies)
    assert f'<p class="{kind}">' in text_of(client.get("/books/1/"))
    assert f'<span class="{kind}">' in text_of(client.get("/books/2/"))


@pytest.mark.parametrize("path", ["/", "/?find=book", "/books/1/", "/basket/"])
def test_amounts_are_grouped_for_people_and_plain_in_forms(client: Client, store: Store, path: str) -> None:
    store.put(1, price="1234567.80")
    put(client, 1)
    answer = client.get(path)
    assert "1,234,567.80" in text_of(answer)
    sent = [text for form in Page.of(answer.content).forms for text in form.fields.values()]
    assert not any("," in text for text in sent)


@pytest.mark.parametrize("amount", ["", "soon"])
def test_what_is_no_amount_is_shown_as_it_is(amount: str) -> None:
    assert amounts.money(amount) == amount


def test_a_books_page_says_how_one_gets_it_while_it_can_be_had(client: Client, store: Store) -> None:
    how = "You collect it with the number of your order."
    store.put(2, quantity=0)
    assert how in text_of(client.get("/books/1/"))
    assert how not in text_of(client.get("/books/2/"))


def test_a_books_page_says_its_topic_once_above_the_book(client: Client) -> None:
    page = text_of(client.get("/books/1/"))
    assert "things" in page[: page.index("<article")]
    assert "things" not in page[page.index("<article") : page.index("</article>")]


def test_no_answer_that_gives_a_cookie_is_kept_for_somebody_else(client: Client) -> None:
    client.post("/buy/", form_of(client.get("/books/1/")))
    del client.cookies[own_orders.COOKIE]  # As the answer in another tab has overwritten it.
    answer = client.get("/books/77/", headers={"Accept": "application/json"})
    assert (answer.status_code, own_orders.COOKIE in answer.cookies) == (404, True)
    assert {"private", "no-store"} <= set(re.split(", *", answer["Cache-Control"]))
