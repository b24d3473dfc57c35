"""The basket: what is put in, changed, and taken out, and what it says of books that have changed meanwhile."""

import time

import pytest
from django.test import Client

from frontend_app.cache.messages import Push
from frontend_app.runtime import front
from frontend_app.shop import basket as baskets
from frontend_app.shop.tests.visits import form_of, put, signed, text_of
from frontend_app.tests.support.fakes import TIMELINE, Store


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


def test_who_refuses_cookies_is_told_why_the_basket_stays_empty() -> None:
    answer = Client().post("/basket/put/", {"book": 1, "copies": 1})
    text = text_of(Client().get(answer["Location"]))
    assert "keeps no cookie" in text
    assert 'href="/books/1/"' in text
    assert "cookie" not in text_of(Client().get("/basket/")), "nobody has put anything in"


def test_a_price_that_changed_in_the_basket_is_shown_beside_the_one_of_before(client: Client, store: Store) -> None:
    put(client, 1, 2)
    front().coherence.pushed(Push(TIMELINE, invalidate=[store.put(1, price="10.50")]))
    page = client.get("/basket/")
    assert "was 10.00" in text_of(page)
    assert form_of(page)["line"] == ["1 2 10.50"]
    client.post("/basket/change/", {"book": 1, "copies": 2, "line": "1 1 10.50"})
    assert "was 10.00" not in text_of(client.get("/basket/")), "who says how many has seen it"


def test_the_basket_says_where_its_books_came_from(client: Client) -> None:
    assert "kept in the cache" in text_of(put(client, 1))
    assert "From this front's cache" in text_of(client.get("/basket/"))
    assert "kept in the cache" in text_of(put(client, 2)), "one of them wasn't there"
    assert "without asking a replica" in text_of(Client().get("/basket/"))


def test_of_two_changes_at_the_same_time_the_lost_one_is_told(client: Client) -> None:
    put(client, 1)
    before = client.cookies[baskets.COOKIE].value
    first = client.post("/basket/put/", {"book": 2, "copies": 1})
    client.cookies[baskets.COOKIE] = before
    second = client.post("/basket/change/", {"book": 1, "copies": 3})
    assert "got lost" in text_of(client.get(first["Location"]))
    assert "got lost" not in text_of(client.get(second["Location"]))
    put(client, 2)
    assert "got lost" not in text_of(client.get(first["Location"])), "by the back button, after another change"


@pytest.mark.parametrize("change", ["", "x", "1", "1.x", "9" * 5000, "².x", "1.<b>"])
def test_an_address_that_names_no_change_is_the_basket(client: Client, change: str) -> None:
    put(client, 1)
    for book in ("1", "x", "", "9" * 5000, "²"):
        assert client.get("/basket/", {"change": change, "book": book}).status_code == 200


@pytest.mark.parametrize(("days", "is_kept"), [(1, True), (89, True), (91, False)])
def test_a_basket_and_its_key_are_kept_from_day_to_day(
    client: Client, monkeypatch: pytest.MonkeyPatch, days: int, is_kept: bool
) -> None:
    before, book = form_of(put(client, 1)), form_of(client.get("/books/2/"))
    then = time.time() + days * 24 * 3600
    monkeypatch.setattr(time, "time", lambda: then)
    assert (text_of(client.get("/basket/")).count("nothing in your basket") == 0) == is_kept
    assert not is_kept or form_of(client.get("/basket/")) == before
    assert (form_of(client.get("/books/2/")) == book) == is_kept


def test_a_basket_of_before_prices_were_kept_is_the_same_basket(client: Client) -> None:
    client.cookies[baskets.COOKIE] = signed({"key": "k" * 22, "lines": [[1, 2]], "base": "b" * 22, "turns": []})
    assert form_of(client.get("/basket/")) == {"key": "k" * 22, "line": ["1 2 10.00"]}


def test_a_basket_has_room_for_as_many_books_as_an_order(client: Client) -> None:
    digits = 10**18 + 7919 * 10**12
    lines = [[book, 1000 - book, 10**10 - 7919 * book] for book in range(100, 199)]
    full = {"key": "k" * 22, "lines": [[book * digits // 1000, *rest] for book, *rest in lines] + [[101, 1]]}
    client.cookies[baskets.COOKIE] = signed(full)
    assert client.post("/basket/put/", {"book": 1, "copies": 1}).status_code == 409
    again = client.post("/basket/put/", {"book": 101, "copies": 1})
    assert again.status_code == 303
    assert len(again.cookies[baskets.COOKIE].OutputString()) < 4096
