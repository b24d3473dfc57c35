"""The basket: what is put in, changed, and taken out, and what it says of books that have changed meanwhile."""

import time

import pytest
from django.test import Client

from frontend_app.cache.messages import Push
from frontend_app.runtime import front
from frontend_app.shop import basket as baskets
from frontend_app.shop.tests.visits import form_named, form_of, put, signed, text_of, words_of
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


def test_the_lines_of_a_basket_add_up_to_what_can_be_had(client: Client, store: Store) -> None:
    put(client, 1, 9)
    words = words_of(put(client, 2))
    assert "Book 1 Only 3 left 10.00 Change Take out 30.00 Book 2 20.00 Change Take out 20.00" in words
    assert "What can be had now 50.00 EUR" in words


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


class TestAnotherTab:
    """A page of the basket that was open while another tab changed it: `shown` is what stood there."""

    def change(self, client: Client, copies: int, shown: int) -> str:
        form = {"book": 1, "copies": copies, "shown": shown, "line": "1 1 10.00"}
        return words_of(client.get(client.post("/basket/change/", form)["Location"]))

    def test_what_was_put_in_by_tabs_one_after_the_other_is_all_there(self, client: Client) -> None:
        for book in (1, 2, 1):
            assert "nother tab" not in words_of(put(client, book))
        assert form_of(client.get("/basket/"))["line"] == ["1 2 10.00", "2 1 20.00"]

    def test_a_number_that_was_typed_counts_and_the_page_says_what_it_has_replaced(self, client: Client) -> None:
        put(client, 1, 3)
        told = self.change(client, copies=2, shown=1)
        assert "Another tab had made it 3 copies of “ Book 1 ”. It is 2 now, as you said here." in told
        assert form_of(client.get("/basket/"))["line"] == ["1 2 10.00"]

    def test_a_number_that_nobody_touched_undoes_nothing(self, client: Client) -> None:
        put(client, 1, 3)
        assert "Another tab has made it 3 copies of “ Book 1 ”: that stays." in self.change(client, 1, 1)
        assert form_of(client.get("/basket/"))["line"] == ["1 3 10.00"]

    def test_what_is_taken_out_is_out_and_the_page_says_how_many_there_were(self, client: Client) -> None:
        put(client, 1, 3)
        assert "Another tab had made it 3 copies of “ Book 1 ”. The book is out now" in self.change(client, 0, 1)
        assert "nothing in your basket" in text_of(client.get("/basket/"))

    @pytest.mark.parametrize(
        ("copies", "line", "words"),
        [
            (1, [], "has left the basket in another tab, and stays out."),
            (2, ["1 2 10.00"], "had left the basket in another tab. It is in again, as you said here."),
        ],
    )
    def test_what_another_tab_has_taken_out_comes_back_only_by_a_number_that_was_typed(
        self, client: Client, copies: int, line: list[str], words: str
    ) -> None:
        put(client, 2)
        told = self.change(client, copies, shown=1)
        assert form_of(client.get("/basket/"))["line"] == ["2 1 20.00", *line]
        assert f"“ Book 1 ” {words}" in told

    def test_who_changes_what_the_page_shows_is_told_nothing(self, client: Client) -> None:
        put(client, 1, 3)
        shown = form_named(client.get("/basket/"), "/basket/change/")
        assert shown["shown"] == "3"
        assert "nother tab" not in self.change(client, 2, int(shown["shown"]))

    def test_it_is_told_beside_that_change_alone(self, client: Client) -> None:
        put(client, 1, 3)
        page = client.post("/basket/change/", {"book": 1, "copies": 3, "shown": 1})["Location"]
        put(client, 2)
        assert "nother tab" not in words_of(client.get(page))

    @pytest.mark.parametrize("before", ["x", "-1", "²", "9" * 5000, "<b>"])
    def test_an_address_that_somebody_made_up_tells_nothing(self, client: Client, before: str) -> None:
        page = client.post("/basket/change/", {"book": 1, "copies": 3, "shown": 1})["Location"]
        answer = client.get(page.replace("before=0", f"before={before}"))
        assert (answer.status_code, "nother tab" in words_of(answer)) == (200, False)


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
