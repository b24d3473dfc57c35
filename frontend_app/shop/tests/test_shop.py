"""The shop's pages: a basket in a cookie, bought once whatever is pressed, and refusals that say what is left."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core import signing
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from bookstore_project.api import headers, idempotency
from bookstore_project.nodes.client import Reply
from frontend_app.runtime import Front, serving
from frontend_app.shop import basket as baskets
from frontend_app.shop import covers
from frontend_app.tests.support import fakes
from frontend_app.tests.support.fakes import Asked, Store, json_reply, problem_reply

KEY = re.compile(r'name="key" value="([^"]+)"')
LINE = re.compile(r'name="line" value="([^"]+)"')
ORDERS = ("order-1", "order-2")


class Orders:
    """The order service: one order a key, or what `refuse` says."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.by_key: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, Any]] = []
        self.refusal: Reply | None = None
        self.is_silent = False
        """It does what it is asked for, and says that it doesn't know."""

    def __call__(self, asked: Asked) -> Reply:
        if asked.method == "GET":
            return next(
                (json_reply(each) for each in self.by_key.values() if each["id"] in asked.path),
                problem_reply("not_found", 1),
            )
        key, body = asked.headers[headers.IDEMPOTENCY_KEY], json.loads(asked.body or b"")
        self.asked.append((key, body))
        if self.refusal is not None:
            return self.refusal
        order = self.by_key.setdefault(
            key, {"id": str(idempotency.order_id(key)), "asked": body, **self._shown(body)}
        )
        if self.is_silent:
            return problem_reply("outcome_unknown", 1)
        if order["asked"] != body:
            return json_reply({"code": "idempotency_conflict", "detail": "No.", "is_bought": True}, 422)
        return json_reply(order, 201)

    def _shown(self, body: Any) -> dict[str, Any]:
        lines = [{"title": f"Book {line['book']}", "total": line["unit_price"], **line} for line in body["lines"]]
        return {"lines": lines, "total": "1.00", "created_at": "2030-01-02T03:04:05Z"}


@pytest.fixture
def store() -> Store:
    store = Store()
    for book in (1, 2):
        store.put(book, price=f"{book}0.00", authors="An <Author>", isbn13=None, quantity=3, version=1)
    return store


@pytest.fixture
def orders(store: Store) -> Orders:
    orders = Orders(store)
    store.behaviours.update(dict.fromkeys(ORDERS, orders))
    return orders


@pytest.fixture
def client() -> Client:
    return Client(headers={"accept": "text/html"})


@pytest.fixture(autouse=True)
def front(store: Store, orders: Orders) -> Iterator[Front]:
    with serving(fakes.make_front(store)) as front:
        yield front


def put(client: Client, book: int, copies: int = 1) -> Any:
    answer = client.post("/basket/put/", {"book": book, "copies": copies})
    assert (answer.status_code, answer["Location"]) == (303, "/basket/")
    return client.get("/basket/")


def form_of(answer: Any) -> dict[str, Any]:
    """The form that buys, as the page has it."""
    text = answer.content.decode()
    return {"key": KEY.findall(text)[-1], "line": LINE.findall(text)}


def signed(members: Any) -> str:
    """As the basket's cookie is."""
    return signing.dumps(members, salt="frontend_app.shop.basket")


def test_a_basket_is_bought_at_the_prices_shown_and_becomes_an_order(client: Client, orders: Orders) -> None:
    put(client, 1, 2)
    page = put(client, 2)
    assert "40.00" in page.content.decode()
    form = form_of(page)
    assert form["line"] == ["1 2 10.00", "2 1 20.00"]
    bought = client.post("/buy/", form)
    order_id = str(idempotency.order_id(form["key"]))
    assert (bought.status_code, bought["Location"]) == (303, f"/orders/{order_id}/")
    assert orders.asked[-1][1]["lines"] == [
        {"book": 1, "quantity": 2, "unit_price": "10.00"},
        {"book": 2, "quantity": 1, "unit_price": "20.00"},
    ]
    shown = client.get(bought["Location"]).content.decode()
    assert f"Order {order_id[:4]} {order_id[4:8]}".upper() in shown.upper()
    assert f"/orders/{order_id}/" in client.get("/orders/").content.decode()
    assert "nothing in your basket" in client.get("/basket/").content.decode()


@pytest.mark.parametrize(
    ("zone", "told"), [("UTC", "2 January 2030, 03:04 UTC"), ("America/New_York", "1 January 2030, 22:04 EST")]
)
def test_an_order_tells_its_time_in_the_shops_own_zone(
    client: Client, settings: Settings, zone: str, told: str
) -> None:
    settings.TIME_ZONE = zone
    bought = client.post("/buy/", form_of(put(client, 1)))
    assert f'<time datetime="2030-01-02T03:04:05Z">{told}</time>' in client.get(bought["Location"]).content.decode()


def test_pressed_again_reloaded_or_in_another_tab_it_is_the_same_order(client: Client, orders: Orders) -> None:
    page = put(client, 1)
    other_tab = client.get("/basket/")
    first = client.post("/buy/", form_of(page))
    for again in (page, other_tab):
        assert client.post("/buy/", form_of(again))["Location"] == first["Location"]
    assert len(orders.by_key) == 1


def test_a_lost_answer_leaves_the_basket_and_the_next_try_finds_the_order(client: Client, orders: Orders) -> None:
    page = put(client, 1)
    orders.is_silent = True
    lost = client.post("/buy/", form_of(page))
    assert lost.status_code == 503
    assert form_of(lost) == form_of(page)
    orders.is_silent = False
    next_day = client.get("/basket/")
    assert form_of(next_day) == form_of(page)
    assert client.post("/buy/", form_of(next_day)).status_code == 303
    assert len(orders.by_key) == 1


def test_who_refuses_cookies_buys_a_book_from_its_page_once(orders: Orders) -> None:
    page = Client().get("/books/2/")
    form = form_of(page) | {"copies": 3}
    answers = [Client().post("/buy/", form)["Location"] for _ in range(2)]
    assert answers[0] == answers[1]
    assert Client().get(answers[0]).status_code == 200
    assert [body["lines"] for _, body in orders.asked] == [[{"book": 2, "quantity": 3, "unit_price": "20.00"}]] * 2
    assert form_of(Client().get("/books/2/"))["key"] != form["key"], "another visit, another purchase"


def test_a_book_bought_at_once_is_one_order_until_it_is_made_whatever_page_is_asked_for_again(
    client: Client, orders: Orders
) -> None:
    put(client, 1)
    form = form_of(client.get("/books/2/"))
    orders.is_silent = True
    assert client.post("/buy/", form).status_code == 503
    orders.is_silent = False
    asked_again = form_of(client.get("/books/2/"))
    assert asked_again == form
    bought = client.post("/buy/", asked_again)
    assert bought.status_code == 303
    another = form_of(client.get("/books/2/"))
    assert another["key"] != form["key"]
    assert client.post("/buy/", form)["Location"] == bought["Location"], "from the page of before, by the back button"
    assert client.post("/buy/", another)["Location"] != bought["Location"]
    assert form_of(client.get("/basket/"))["line"] == ["1 1 10.00"], "the basket stays what it was"


@pytest.mark.parametrize("lost_path", ["/books/2/", "/basket/"])
def test_what_may_have_been_bought_keeps_its_key_whatever_else_is_bought_meanwhile(
    client: Client, orders: Orders, store: Store, lost_path: str
) -> None:
    store.put(3, price="30.00", authors="", isbn13=None, quantity=3, version=1)
    put(client, 1)
    lost = form_of(client.get(lost_path))
    orders.is_silent = True
    assert client.post("/buy/", lost).status_code == 503
    orders.is_silent = False
    for meanwhile in {"/books/2/", "/books/3/", "/basket/"} - {lost_path}:
        assert client.post("/buy/", form_of(client.get(meanwhile))).status_code == 303
    assert form_of(client.get(lost_path)) == lost


def test_many_books_bought_at_once_leave_room_in_the_cookie_and_every_key_is_new() -> None:
    full = baskets.Basket("k" * 22, {2**63 - each * 7919131: 1000 - each for each in range(1, 101)})
    keys = set()
    for book in (*range(10**18, 10**18 + 50), 10**18):
        keys.add(full.key_of_one(book))
        full = full.after_one(book, full.key_of_one(book))
    assert len(keys) == 51
    response = HttpResponse()
    baskets.write_basket(response, full)
    assert len(response.cookies[baskets.BASKET_COOKIE].OutputString()) < 4096


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


def test_a_basket_bought_in_another_tab_before_it_was_changed_is_not_bought_twice(
    client: Client, orders: Orders
) -> None:
    first = put(client, 1)
    changed = put(client, 2)
    bought = client.post("/buy/", form_of(first))
    told = client.post("/buy/", form_of(changed))
    assert told.status_code == 409
    assert bought["Location"] in told.content.decode()
    assert len(orders.by_key) == 1
    assert form_of(client.get("/basket/"))["line"] == ["2 1 20.00"], "what was put in meanwhile is there still"


def test_what_was_bought_by_a_try_whose_answer_was_lost_leaves_a_basket_that_has_grown_since(
    client: Client, orders: Orders
) -> None:
    orders.is_silent = True
    client.post("/buy/", form_of(put(client, 1)))
    orders.is_silent = False
    told = client.post("/buy/", form_of(put(client, 2)))
    assert told.status_code == 409
    assert form_of(client.get("/basket/"))["line"] == ["2 1 20.00"]


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


def test_unavailable_keeps_key_and_lines(client: Client, orders: Orders) -> None:
    page = put(client, 1)
    orders.refusal = problem_reply("unavailable", 1)
    answer = client.post("/buy/", form_of(page))
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert form_of(answer) == form_of(page)


def test_copies_are_changed_and_taken_out(client: Client) -> None:
    put(client, 1, 2)
    assert form_of(put(client, 1, 1))["line"] == ["1 3 10.00"]
    client.post("/basket/change/", {"book": 1, "copies": 2})
    assert form_of(client.get("/basket/"))["line"] == ["1 2 10.00"]
    client.post("/basket/change/", {"book": 1, "copies": 0})
    assert "nothing in your basket" in client.get("/basket/").content.decode()


def test_what_is_short_or_gone_is_shown_before_anybody_pays(client: Client, store: Store) -> None:
    put(client, 1, 9)
    put(client, 2)
    client.post("/basket/put/", {"book": 77, "copies": 1})
    text = client.get("/basket/").content.decode()
    assert "Only 3 left" in text
    assert "Not sold any more" in text
    assert "Buy for" not in text


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


@pytest.mark.parametrize(
    "members",
    [
        [],
        {"key": "k" * 22, "base": "b" * 22, "turns": [], "lines": [[0, 1], ["x", 1], [1, 10_000], [2, -1]]},
        {"key": "k" * 22, "base": "b" * 22, "turns": [], "lines": [[1]]},
        {"key": "k" * 22, "base": "b" * 22, "turns": [[1]], "lines": [[1, 1]]},
        {"key": "k" * 22, "lines": [[1, 1]]},
    ],
)
def test_a_cookie_that_makes_no_sense_is_an_empty_basket(client: Client, members: Any) -> None:
    assert_empty(client, signed(members))


def test_a_cookie_that_is_not_ours_is_an_empty_basket(client: Client) -> None:
    for cookie in ("forged", signing.dumps({"key": "k", "lines": [[1, 1]]}, salt="another")):
        assert_empty(client, cookie)


def test_a_book_has_the_same_key_when_asked_for_again_though_the_cookie_was_not_ours(client: Client) -> None:
    client.cookies[baskets.BASKET_COOKIE] = "forged"
    assert form_of(client.get("/books/1/")) == form_of(client.get("/books/1/"))


def test_who_refuses_cookies_is_told_why_the_basket_stays_empty() -> None:
    assert Client().post("/basket/put/", {"book": 1, "copies": 1}).status_code == 303
    assert "buy a book from its own page" in Client().get("/basket/").content.decode()


def assert_empty(client: Client, cookie: str) -> None:
    client.cookies[baskets.BASKET_COOKIE] = cookie
    client.cookies[baskets.ORDERS_COOKIE] = cookie
    assert "nothing in your basket" in client.get("/basket/").content.decode()
    assert "Nothing was bought" in client.get("/orders/").content.decode()


def test_a_basket_has_room_for_as_many_books_as_an_order(client: Client) -> None:
    full = {"key": "k" * 22, "lines": [[book, 1] for book in range(101, 201)], "base": "b" * 22, "turns": []}
    client.cookies[baskets.BASKET_COOKIE] = signed(full)
    assert client.post("/basket/put/", {"book": 1, "copies": 1}).status_code == 409
    again = client.post("/basket/put/", {"book": 101, "copies": 1})
    assert again.status_code == 303
    assert len(again.cookies[baskets.BASKET_COOKIE].OutputString()) < 4096


@pytest.mark.parametrize("path", ["/", "/books/1/", "/books/77/", "/basket/", "/orders/"])
def test_no_page_is_kept_for_somebody_else(client: Client, path: str) -> None:
    answer = client.get(path)
    assert {"private", "no-store"} <= set(re.split(", *", answer["Cache-Control"]))
    assert {"Cookie", "Authorization"} <= set(re.split(", *", answer["Vary"]))


def test_cookies_are_for_this_site_alone(client: Client, settings: Any) -> None:
    settings.SESSION_COOKIE_SECURE = True
    cookie = client.post("/basket/put/", {"book": 1, "copies": 1}).cookies[baskets.BASKET_COOKIE]
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax")


def test_what_is_not_there_is_a_page_with_a_way_on(client: Client) -> None:
    for path in ("/books/77/", "/books/0/", f"/books/{2**70}/", "/orders/6c1d8f5e-0d2c-4c3c-8f0e-1d2c3b4a5f6e/"):
        answer = client.get(path)
        assert (answer.status_code, "To the books" in answer.content.decode()) == (404, True), path


def test_a_cover_is_drawn_from_what_the_book_says_and_kept_while_it_says_so(client: Client, store: Store) -> None:
    address = re.findall(r'src="(/covers/[^"]+)"', client.get("/books/1/").content.decode())[0]
    picture = client.get(address)
    text = picture.content.decode()
    assert picture["Content-Type"] == "image/svg+xml"
    assert "immutable" in picture["Cache-Control"]
    assert "An &lt;Author&gt;" in text
    assert "<Author>" not in text
    assert client.get(address).content == picture.content
    assert "immutable" not in client.get("/covers/1/another.svg")["Cache-Control"]
    assert client.get("/covers/77/x.svg").status_code == 404


@pytest.mark.parametrize("title", ["", "x" * 500, "]]>&<script>\"'", "ß" * 40 + " " + "長" * 60, "a\u200d\u0301"])
def test_every_title_makes_a_picture(title: str) -> None:
    from xml.etree import ElementTree

    book = {"title": title, "authors": title, "topic": title}
    assert ElementTree.fromstring(covers.draw(book)).tag.endswith("svg")


def test_wide_letters_have_shorter_lines_on_a_cover() -> None:
    for title, line in (("ab" * 20, "ab" * 8), ("長い" * 20, "長い" * 4), ("AB" * 20, "AB" * 5)):
        cover = covers.draw({"title": title, "authors": title, "topic": "t"})
        assert f">{line}</text>" in cover
    assert f">{'AB' * 8}A…</text>" in cover, "a word that is too long is cut"
