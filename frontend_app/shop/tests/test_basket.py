"""The basket: what is put in, changed, and taken out, and what it says of books that have changed meanwhile."""

import re
import time
from http.cookies import SimpleCookie

import pytest
from django.core import signing
from django.test import Client

from bookstore_project.api.representations import MAX_LINES
from frontend_app.cache.messages import Push
from frontend_app.runtime import front
from frontend_app.shop import basket as baskets
from frontend_app.shop import made_changes
from frontend_app.shop.tests.visits import Orders, form_named, form_of, put, signed, text_of, words_of
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


class TestAtTheSameMoment:
    """Changes that several tabs make of one basket: the browser keeps the last cookie that it gets."""

    @pytest.fixture(autouse=True)
    def _plenty(self, store: Store) -> None:
        for book in (1, 2):
            store.put(book, quantity=99)

    def made(self, client: Client, *changes: tuple[str, dict[str, int]]) -> list[str]:
        """The addresses to which they lead; each was made to the cookie of before."""
        before = {name: morsel.value for name, morsel in client.cookies.items()}
        addresses, made = [], dict[str, str]()
        for what, form in changes:
            client.cookies = SimpleCookie(before)
            addresses.append(client.post(f"/basket/{what}/", form)["Location"])
            made |= {name: morsel.value for name, morsel in client.cookies.items()}
        client.cookies = SimpleCookie(made)
        return addresses

    def lines(self, client: Client) -> list[str]:
        return list(form_of(client.get("/basket/"))["line"])

    def test_all_of_them_are_made_whichever_page_is_asked_for_first(self, client: Client) -> None:
        put(client, 1)
        for number in range(2):
            first, second = self.made(
                client, ("put", {"book": 2, "copies": 1}), ("change", {"book": 1, "copies": 3 + number, "shown": 1})
            )
            pages = [client.get(address, follow=True) for address in ((first, second), (second, first))[number]]
            assert "got lost" not in text_of(pages[0]) + text_of(pages[1])
            assert self.lines(client) == [f"1 {3 + number} 10.00", f"2 {1 + number} 20.00"]
            client.post("/basket/change/", {"book": 1, "copies": 1})

    def test_many_of_them_too_each_once_however_often_its_page_is_asked_for(self, client: Client) -> None:
        put(client, 1)
        addresses = self.made(client, *[("put", {"book": 2, "copies": copies}) for copies in (1, 1, 1)])
        for _ in range(2):
            for address in addresses:
                client.get(address, follow=True)
        assert self.lines(client) == ["1 1 10.00", "2 3 20.00"]

    def test_one_whose_page_comes_before_the_other_cookie_does_is_there_as_well(self, client: Client) -> None:
        """The other tab's answer takes longer: nobody looks at the first tab's page again."""
        put(client, 1)
        first, second = self.made(client, ("put", {"book": 2, "copies": 1}), ("put", {"book": 1, "copies": 1}))
        late = client.cookies[baskets.COOKIE].value
        client.get(first, follow=True)
        client.cookies[baskets.COOKIE] = late
        client.get(second, follow=True)
        assert self.lines(client) == ["1 2 10.00", "2 1 20.00"]

    def test_the_first_two_of_a_basket_are_one_basket(self, client: Client) -> None:
        """There is no cookie yet from which both could go on."""
        for book in (1, 2):
            client.cookies.pop(baskets.COOKIE, None)
            client.post("/basket/put/", {"book": book, "copies": 1})
        client.get("/")
        for name in [name for name in client.cookies if name.startswith(made_changes.PREFIX)]:
            del client.cookies[name]  # They are kept for minutes alone: any page has made them by then.
        assert sorted(self.lines(client)) == ["1 1 10.00", "2 1 20.00"]

    def test_no_change_is_made_twice_however_many_follow_one_another(self, client: Client) -> None:
        put(client, 1)
        old = client.cookies[baskets.COOKIE].value
        for _ in range(2 * baskets.REMEMBERED):
            client.post("/basket/put/", {"book": 2, "copies": 1})
        sent = [morsel.value for morsel in client.cookies.values() if morsel.value]
        assert len(sent) <= 1 + baskets.REMEMBERED, "those that are long in it are given up"
        assert self.lines(client) == ["1 1 10.00", f"2 {2 * baskets.REMEMBERED} 20.00"]
        client.cookies[baskets.COOKIE] = old
        for number in range(baskets.REMEMBERED + 1):
            client.post("/basket/put/", {"book": 1, "copies": 1})
            copies = self.lines(client)[1]
            assert self.lines(client) == [f"1 {2 + number} 10.00", copies]

    @pytest.mark.parametrize("change", [{}, {"number": 1}, {"number": True}, {"number": 1, "book": 2, "copies": -1}])
    def test_a_cookie_that_makes_no_sense_changes_nothing(self, client: Client, change: dict[str, int]) -> None:
        put(client, 1)
        name = f"{made_changes.PREFIX}odd"
        client.cookies[name] = signed({"more": 1, **change}, name)
        assert self.lines(client) == ["1 1 10.00"]
        client.cookies[name] = "x"
        assert self.lines(client) == ["1 1 10.00"]

    def test_pages_that_ask_at_the_same_moment_too_come_to_an_end(self, client: Client) -> None:
        put(client, 1)
        waiting = self.made(client, *[("put", {"book": 2, "copies": copies}) for copies in (1, 1, 1)])
        for _ in range(len(waiting)):
            sent, answers = client.cookies[baskets.COOKIE].value, []
            for address in waiting:
                client.cookies[baskets.COOKIE] = sent
                answers.append(client.get(address))
                if answers[-1].cookies:
                    kept = client.cookies[baskets.COOKIE].value
            waiting = [answer["Location"] for answer in answers if answer.status_code == 303]
            client.cookies[baskets.COOKIE] = kept if waiting else sent
        assert waiting == []
        assert self.lines(client) == ["1 1 10.00", "2 3 20.00"]

    def test_two_numbers_for_one_book_are_told(self, client: Client) -> None:
        put(client, 1)
        forms = [{"book": 1, "copies": copies, "shown": 1} for copies in (2, 3)]
        first, second = self.made(client, *[("change", form) for form in forms])
        told = words_of(client.get(first, follow=True))
        assert "Another tab had made it 3 copies of “ Book 1 ”. It is 2 now, as you said here." in told
        assert self.lines(client) == ["1 2 10.00"]
        assert client.get(second).status_code == 200

    def test_what_was_taken_out_again_stays_out_though_its_page_is_gone_back_to(self, client: Client) -> None:
        put(client, 1)
        first, second = self.made(client, ("put", {"book": 2, "copies": 1}), ("put", {"book": 1, "copies": 1}))
        for address in (first, second):
            client.get(address, follow=True)
        client.post("/basket/change/", {"book": 2, "copies": 0})
        for number in range(baskets.REMEMBERED + 1):
            client.get(first, follow=True)
            assert self.lines(client) == [f"1 {2 + number} 10.00"]
            client.post("/basket/put/", {"book": 1, "copies": 1})

    @pytest.mark.parametrize("is_full", [True, False])
    def test_what_cannot_be_made_again_is_told(self, client: Client, is_full: bool) -> None:
        put(client, 1)
        (first,) = self.made(client, ("put", {"book": 2, "copies": 1}))
        members = signing.loads(client.cookies[baskets.COOKIE].value, salt="frontend_app.shop.basket")
        members["change"][1] = "another"
        if is_full:
            members["lines"] = [[book, 1] for book in range(10, 10 + MAX_LINES)]
        else:
            members["key"] = "k" * 22  # It was bought.
        client.cookies[baskets.COOKIE] = signed(members)
        told = client.get(first)
        assert (told.status_code, "got lost" in text_of(told)) == (200, True)

    def test_nobody_else_says_what_is_put_in(self, client: Client) -> None:
        put(client, 1)
        stranger = Client()
        put(stranger, 1)
        (theirs,) = self.made(stranger, ("put", {"book": 2, "copies": 9}))
        for address in (theirs, "/basket/?change=1.other&book=2"):
            told = client.get(address)
            assert told.status_code == 200
            assert self.lines(client) == ["1 1 10.00"]


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
    one_more = {"book": 1, "copies": 1}
    assert client.post("/basket/put/", one_more, headers={"accept": "application/json"}).status_code == 409
    full_page = client.post("/basket/put/", one_more)
    assert (full_page.status_code, full_page["Location"]) == (303, "/basket/")
    assert "room for 100 different books: buy these first." in text_of(client.get("/basket/"))
    again = client.post("/basket/put/", {"book": 101, "copies": 1})
    assert again.status_code == 303
    assert len(again.cookies[baskets.COOKIE].OutputString()) < 4096


def test_what_cannot_be_had_has_no_total(client: Client, store: Store) -> None:
    put(client, 1)
    store.put(2, quantity=0)
    page = words_of(put(client, 2))
    assert "0.00" not in page.replace("10.00", "").replace("20.00", "")
    assert "What can be had now 10.00" in page


class TestTypedNumbers:
    """On the page of the basket, before anybody has pressed a button for them."""

    def form(self, client: Client, **typed: int) -> dict[str, object]:
        """What the buttons below and beside the numbers send, with some that were typed."""
        page = client.get("/basket/")
        fields = dict(re.findall(r'form="purchase" name="([^"]+)" value="([^"]+)"', text_of(page)))
        return {**form_of(page), **fields, **{name.replace("_", "-"): copies for name, copies in typed.items()}}

    def test_who_buys_with_one_is_asked_again_and_buys_what_was_typed(
        self, client: Client, orders: Orders, store: Store
    ) -> None:
        store.put(2, quantity=9)
        put(client, 1)
        put(client, 2)
        answer = client.post("/buy/", self.form(client, copies_2=4))
        assert (answer.status_code, answer["Location"].startswith("/basket/?")) == (303, True)
        told = client.get(answer["Location"])
        assert "Nothing was bought yet: you have changed the copies." in words_of(told)
        assert "Buy for 90.00" in text_of(told)
        assert orders.by_key == {}
        assert client.post("/buy/", self.form(client))["Location"].startswith("/orders/")
        (order,) = orders.by_key.values()
        assert [line["quantity"] for line in order["lines"]] == [1, 4]

    def test_the_button_of_a_row_counts_those_of_all_rows(self, client: Client) -> None:
        for book in (1, 2):
            put(client, book)
        sent = {"book": "1", **self.form(client, copies_2=3)}
        client.get(client.post("/basket/change/", sent)["Location"])
        assert [self.form(client)[name] for name in ("copies-1", "copies-2")] == ["1", "3"]

    def test_one_of_which_the_other_tab_has_made_another_is_told(self, client: Client) -> None:
        for book in (1, 2):
            put(client, book)
        sent = self.form(client, copies_1=3, copies_2=3)
        client.post("/basket/change/", {"book": 1, "copies": 2})
        told = client.get(client.post("/buy/", sent)["Location"])
        assert "Another tab had made it 2 copies of “ Book 1 ”. It is 3 now, as you said here." in words_of(told)
        again = client.get(client.post("/buy/", sent)["Location"])
        assert "nother tab" not in words_of(again), "it is what was typed already"

    def test_as_many_as_a_basket_has_room_for_leave_few_cookies(self, client: Client, store: Store) -> None:
        lines = [[book, 1] for book in range(1, MAX_LINES + 1)]
        for book, _ in lines:
            store.put(book, price="1.00", authors="", isbn13=None, quantity=9, version=1)
        client.cookies[baskets.COOKIE] = signed({"key": "k" * 22, "lines": lines})
        typed = {f"copies_{book}": 2 for book, _ in lines}
        client.get(client.post("/buy/", self.form(client, **typed))["Location"])
        assert {self.form(client)[f"copies-{book}"] for book, _ in lines} == {"2"}
        assert len([name for name in client.cookies if name.startswith(made_changes.PREFIX)]) == baskets.REMEMBERED

    @pytest.mark.parametrize(
        "odd", [{"copies-0": 1}, {"copies-x": 1}, {"copies-01": 1}, {"copies-1": "٣"}, {"copies-1": 1001}]
    )
    def test_what_makes_no_sense_is_refused_and_changes_nothing(
        self, client: Client, orders: Orders, odd: dict[str, object]
    ) -> None:
        put(client, 1)
        before = self.form(client)
        for path in ("/buy/", "/basket/change/"):
            assert client.post(path, before | odd).status_code == 400
        assert self.form(client) == before
        assert orders.by_key == {}


class TestAFormSentTwice:
    """That puts a book in: by a double click."""

    def sent(self, client: Client) -> dict[str, str]:
        fields = form_named(client.get("/books/1/"), "")
        return {name: fields[name] for name in ("book", "change", "line", "copies")}

    def test_it_puts_the_book_in_once_and_says_so(self, client: Client) -> None:
        sent = self.sent(client)
        client.post("/basket/put/", sent)
        told = client.get(client.post("/basket/put/", sent)["Location"])
        assert "the book was put in once" in words_of(told)
        assert form_of(told)["line"] == ["1 1 10.00"]
        client.post("/basket/put/", self.sent(client))
        assert form_of(client.get("/basket/"))["line"] == ["1 2 10.00"], "its page, looked at again, is another form"

    def test_at_the_same_moment_too(self, client: Client) -> None:
        put(client, 2)
        sent, before = self.sent(client), SimpleCookie({name: each.value for name, each in client.cookies.items()})
        client.post("/basket/put/", sent)
        made, client.cookies = client.cookies, before
        client.post("/basket/put/", sent)
        made.update(client.cookies)
        client.cookies = made
        assert form_of(client.get("/basket/"))["line"] == ["2 1 20.00", "1 1 10.00"]

    @pytest.mark.parametrize("is_bought", [False, True])
    def test_it_puts_the_book_in_once_more_after_it_has_left_the_basket(
        self, client: Client, orders: Orders, is_bought: bool
    ) -> None:
        sent = self.sent(client)
        page = client.get(client.post("/basket/put/", sent)["Location"])
        if is_bought:
            client.post("/buy/", form_of(page))
        else:
            client.post("/basket/change/", {"book": 1, "copies": 0})
        again = client.post("/basket/put/", sent)["Location"]
        told = client.get(again)
        assert (form_of(told)["line"], "sent twice" in words_of(told)) == (["1 1 10.00"], False)
        told = client.get(client.post("/basket/put/", sent)["Location"])
        assert (form_of(told)["line"], "sent twice" in words_of(told)) == (["1 1 10.00"], True)

    @pytest.mark.parametrize("odd", ["", "x", "a b c d", "<b>bold</b>", "é" * 6, "a" * 500])
    def test_a_token_that_is_none_is_of_no_use(self, client: Client, odd: str) -> None:
        for _ in range(2):
            client.post("/basket/put/", {**self.sent(client), "change": odd})
        assert form_of(client.get("/basket/"))["line"] == ["1 2 10.00"]
