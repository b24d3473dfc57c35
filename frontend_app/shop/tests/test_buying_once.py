"""What is bought in the shop is bought once, whatever is pressed, reloaded, or opened in another tab."""

import random
from http.cookies import SimpleCookie

import pytest
from django.http import HttpResponse
from django.test import Client

from bookstore_project.api import idempotency
from bookstore_project.api.representations import MAX_LINES
from bookstore_project.nodes.gateway.header_checks import LONGEST_TARGET
from frontend_app.shop import made_purchases, single_purchases
from frontend_app.shop.single_purchases import MOST_BOOKS, SinglePurchases
from frontend_app.shop.tests.visits import Orders, form_named, form_of, put, signed, text_of, unanswered, words_of
from frontend_app.tests.support.fakes import Store, problem_reply


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


def test_pressed_again_reloaded_or_in_another_tab_it_is_the_same_order(client: Client, orders: Orders) -> None:
    page = put(client, 1)
    other_tab = client.get("/basket/")
    first = client.post("/buy/", form_of(page))
    assert "had made this purchase already" not in words_of(client.get(first["Location"]))
    for again in (page, other_tab):
        assert client.post("/buy/", form_of(again))["Location"] == first["Location"]
        assert "had made this purchase already" in words_of(client.get(first["Location"]))
        assert "had made this purchase already" not in words_of(client.get(first["Location"])), "it is said once"
    assert len(orders.by_key) == 1


def test_a_lost_answer_leaves_the_basket_and_the_next_try_finds_the_order(client: Client, orders: Orders) -> None:
    page = put(client, 1)
    orders.is_silent, orders.is_readable = True, False
    lost = unanswered(client, form_of(page))
    assert lost.status_code == 503
    assert form_of(lost) == form_of(page)
    orders.is_silent, orders.is_readable = False, True
    next_day = client.get("/basket/")
    assert form_of(next_day) == form_of(page)
    found = client.post("/buy/", form_of(next_day))
    assert found.status_code == 303
    assert "had made this purchase already" not in words_of(client.get(found["Location"])), "as far as they know"
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
    assert client.post("/buy/", form)["Location"].startswith("/buy/again/")
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
    assert client.post("/buy/", lost)["Location"].startswith("/buy/again/")
    orders.is_silent = False
    for meanwhile in {"/books/2/", "/books/3/", "/basket/"} - {lost_path}:
        assert client.post("/buy/", form_of(client.get(meanwhile))).status_code == 303
    assert form_of(client.get(lost_path)) == lost


def test_a_basket_bought_in_another_tab_before_it_was_changed_is_not_bought_twice(
    client: Client, orders: Orders
) -> None:
    first = put(client, 1)
    changed = put(client, 2)
    bought = client.post("/buy/", form_of(first))
    told = client.post("/buy/", form_of(changed))
    assert (told.status_code, told["Location"]) == (303, f"{bought['Location']}?bought=before")
    words = words_of(client.get(told["Location"]))
    assert "This was bought already" in words
    assert "Your basket has something else in it" in words
    assert len(orders.by_key) == 1
    assert form_of(client.get("/basket/"))["line"] == ["2 1 20.00"], "what was put in meanwhile is there still"


def test_what_was_bought_by_a_try_whose_answer_was_lost_leaves_a_basket_that_has_grown_since(
    client: Client, orders: Orders
) -> None:
    orders.is_silent = True
    client.post("/buy/", form_of(put(client, 1)))
    orders.is_silent = False
    told = client.post("/buy/", form_of(put(client, 2)))
    assert told["Location"].endswith("?bought=before")
    assert form_of(client.get("/basket/"))["line"] == ["2 1 20.00"]


def test_unavailable_keeps_key_and_lines(client: Client, orders: Orders) -> None:
    page = put(client, 1)
    orders.refusal = problem_reply("unavailable", 1)
    answer = unanswered(client, form_of(page))
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert form_of(answer) == form_of(page)
    assert "Nothing was bought" in text_of(answer)


def test_a_purchase_without_an_answer_is_at_an_address_that_a_reload_asks_for_without_sending_it_again(
    client: Client, orders: Orders
) -> None:
    form = form_of(put(client, 1, 2))
    orders.refusal = problem_reply("unavailable", 1)
    address, asked = client.post("/buy/", form)["Location"], len(orders.asked)
    for _ in range(2):
        assert form_of(client.get(address)) == form
    assert len(orders.asked) == asked
    orders.refusal = None
    bought = client.post("/buy/", form_of(client.get(address)))
    assert bought["Location"].startswith("/orders/")
    assert client.get(address)["Location"] == bought["Location"], "the back button leads to what was bought"
    assert len(orders.by_key) == 1


def test_a_reload_shows_the_order_that_was_made_though_its_answer_was_lost(client: Client, orders: Orders) -> None:
    form = form_of(put(client, 1))
    orders.is_silent, orders.is_readable = True, False
    address, asked = client.post("/buy/", form)["Location"], len(orders.asked)
    assert client.get(address).status_code == 503
    assert "known yet whether this was bought" in text_of(client.get(address))
    orders.is_readable = True
    order = client.get(address)["Location"]
    assert order == f"/orders/{idempotency.order_id(form['key'])}/"
    assert "nothing in your basket" in text_of(client.get("/basket/"))
    assert order in text_of(client.get("/orders/"))
    assert len(orders.asked) == asked


def test_nobody_can_make_a_link_that_offers_a_purchase(client: Client, orders: Orders) -> None:
    for address in (
        "/buy/again/",
        "/buy/again/?asked=x",
        f"/buy/again/?asked={signed(['k' * 22, [], 'unavailable', 1])}",
    ):
        assert client.get(address).status_code == 404
    assert orders.asked == []


def test_an_address_has_room_for_the_largest_purchase(client: Client, orders: Orders) -> None:
    orders.refusal = problem_reply("unavailable", 1)
    digits = random.Random(7)
    lines = [f"{digits.randrange(10**18)} 1 {digits.randrange(10**8)}.99" for _ in range(MAX_LINES)]
    form = {"key": digits.randbytes(16).hex(), "line": lines}
    answer = client.post("/buy/", form)
    assert len(answer["Location"]) < LONGEST_TARGET / 2
    assert form_of(client.get(answer["Location"])) == form


def test_a_program_is_told_at_once(orders: Orders) -> None:
    orders.refusal = problem_reply("throttled", 9)
    answer = Client().post("/buy/", {"key": "k" * 22, "line": "1 1 10.00"})
    assert (answer.status_code, answer.json()["code"]) == (429, "throttled")


def test_a_key_is_never_forgotten_and_what_can_t_be_counted_is_bought_through_the_basket(client: Client) -> None:
    books = range(10**18, 10**18 + MOST_BOOKS)
    purchases = lost = SinglePurchases()
    for book in books:
        purchases = purchases.after(book, str(purchases.key_of(book)))
    assert len({purchases.key_of(book) for book in books} | {lost.key_of(book) for book in books}) == 2 * MOST_BOOKS
    response = HttpResponse()
    single_purchases.write(response, purchases)
    assert len(response.cookies[single_purchases.COOKIE].OutputString()) < 4096
    assert purchases.after(1, str(lost.key_of(1))) == purchases, "from a page that was open: the same one, ever after"
    client.cookies[single_purchases.COOKIE] = response.cookies[single_purchases.COOKIE].value
    text = text_of(client.get("/books/1/"))
    assert "Add to basket" in text
    assert "Buy now" not in text


def test_an_order_that_cannot_be_read_now_leaves_the_basket_with_its_key(client: Client, orders: Orders) -> None:
    """Else what is bought would be in it still, as another purchase."""
    orders.is_silent = True
    client.post("/buy/", form_of(put(client, 1)))
    orders.is_silent = orders.is_readable = False
    grown = form_of(put(client, 2))
    told = client.post("/buy/", grown)
    assert told["Location"].endswith("?bought=before")
    assert client.get(told["Location"]).status_code == 503
    assert form_of(client.get("/basket/")) == grown
    orders.is_readable = True
    client.post("/buy/", grown)
    assert form_of(client.get("/basket/"))["line"] == ["2 1 20.00"]


def test_the_rest_of_a_basket_is_bought_and_what_was_sold_out_stays(
    client: Client, orders: Orders, store: Store
) -> None:
    put(client, 1, 2)
    store.put(2, quantity=0)
    page = put(client, 2)
    assert "Buy the rest for 20.00" in text_of(page)
    form = form_of(page)
    assert form["line"] == ["1 2 10.00"]
    bought = client.post("/buy/", form)
    assert client.post("/buy/", form)["Location"] == bought["Location"]
    left = client.get("/basket/")
    assert "Sold out" in text_of(left)
    assert "Book 1" not in text_of(left)
    assert len(orders.by_key) == 1


def test_copies_that_cannot_be_had_now_stay_in_the_basket_as_its_page_says(client: Client, orders: Orders) -> None:
    page = put(client, 1, 5)
    assert "What can’t be had now stays in the basket" in text_of(page)
    assert form_of(page)["line"] == ["1 3 10.00"]
    client.post("/buy/", form_of(page))
    kept = form_named(client.get("/basket/"), "/basket/change/")
    assert (kept["book"], kept["shown"]) == ("1", "2")


class TestAtTheSameMoment:
    """Two tabs buy: each purchase is made to the cookies of before, and the browser keeps the last answer's."""

    def bought(self, client: Client, *pages: str) -> list[str]:
        """The addresses of the orders."""
        forms = [form_of(client.get(page)) for page in pages]
        before = SimpleCookie({name: morsel.value for name, morsel in client.cookies.items()})
        after, addresses = SimpleCookie(before), []
        for form in forms:
            client.cookies = SimpleCookie(before)
            addresses.append(client.post("/buy/", form)["Location"])
            after.update(client.cookies)
        client.cookies = after
        return addresses

    def without_their_own(self, client: Client) -> None:
        """Ten minutes later."""
        for name in [name for name in client.cookies if name.startswith(made_purchases.PREFIX)]:
            del client.cookies[name]

    def test_both_orders_are_the_visitors_and_each_book_has_another_key(self, client: Client, orders: Orders) -> None:
        books = ["/books/1/", "/books/2/"]
        keys = [form_of(client.get(book))["key"] for book in books]
        addresses = self.bought(client, *books)
        for _ in range(2):
            text = text_of(client.get("/orders/"))
            assert [address in text for address in addresses] == [True, True]
            assert not {form_of(client.get(book))["key"] for book in books} & set(keys), "else it is bought before"
            self.without_their_own(client)
        assert len(orders.by_key) == 2

    def test_a_basket_and_a_book_too(self, client: Client, orders: Orders) -> None:
        put(client, 2)
        addresses = self.bought(client, "/books/1/", "/basket/")
        client.get("/")
        self.without_their_own(client)
        text = text_of(client.get("/orders/"))
        assert [address in text for address in addresses] == [True, True]

    def test_one_that_is_answered_after_others_hides_none_of_them(self, client: Client, store: Store) -> None:
        store.put(3, price="30.00", authors="", isbn13=None, quantity=3, version=1)
        books = ["/books/1/", "/books/2/", "/books/3/"]
        slow, *others = [form_of(client.get(book)) for book in books]
        before = SimpleCookie({name: morsel.value for name, morsel in client.cookies.items()})
        addresses = [client.post("/buy/", form)["Location"] for form in others]
        after, client.cookies = client.cookies, before
        addresses.append(client.post("/buy/", slow)["Location"])
        after.update(client.cookies)
        client.cookies = after
        text = text_of(client.get("/orders/"))
        assert [address in text for address in addresses] == [True, True, True]
        keys = [form["key"] for form in (slow, *others)]
        assert not {form_of(client.get(book))["key"] for book in books} & set(keys), "else it is bought before"

    def test_those_one_after_the_other_leave_few_cookies(self, client: Client) -> None:
        for number in range(9):
            client.post("/buy/", form_of(client.get("/books/1/")))
            names = [name for name, morsel in client.cookies.items() if morsel.value]
            most = made_purchases.LATEST + 1
            assert len([name for name in names if name.startswith(made_purchases.PREFIX)]) <= most, number
        assert text_of(client.get("/orders/")).count('href="/orders/') >= 9

    @pytest.mark.parametrize("members", [{}, {"key": 7}, {"key": "x"}, {"key": ["k" * 22]}])
    def test_a_cookie_that_makes_no_sense_is_no_purchase(self, client: Client, members: dict[str, object]) -> None:
        name = f"{made_purchases.PREFIX}odd"
        for value in (signed(members, name), "x", signed({"key": "k" * 22}, "another")):
            client.cookies[name] = value
            assert "Nothing was bought with this browser yet" in text_of(client.get("/orders/"))
