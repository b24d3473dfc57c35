"""The pages of orders: for whoever knows the address, and the visitor's own."""

import re
import time
import uuid

import pytest
from django.test import Client

from bookstore_project.api import internal_paths
from frontend_app.shop import catalogue, own_orders
from frontend_app.shop.catalogue import number_of
from frontend_app.shop.tests.visits import Orders, form_of, put, signed, text_of
from frontend_app.tests.support import fakes
from frontend_app.tests.support.fakes import Store


def bought(client: Client, *books: int) -> str:
    """The order's id."""
    for book in books:
        page = put(client, book)
    address: str = client.post("/buy/", form_of(page))["Location"]
    return address.strip("/").rpartition("/")[2]


def test_my_orders_have_number_date_books_total_and_state_newest_first(client: Client, orders: Orders) -> None:
    first, second = bought(client, 1), bought(client, 2, 1)
    text = text_of(client.get("/orders/"))
    for told in ("2 Jan 2030", "Book 1<", "Book 2 and 1 more", "30.00", "To be collected"):
        assert told in text
    assert text.index(number_of(second)) < text.index(number_of(first))


@pytest.mark.parametrize("fault", [fakes.refuse, fakes.hang_up])
def test_where_no_replica_answers_my_orders_are_their_numbers(
    client: Client, store: Store, fault: fakes.Behaviour
) -> None:
    order = bought(client, 1)
    store.behaviours |= {"order-1": fault, "order-2": fault}
    page = client.get("/orders/")
    assert page.status_code == 200
    assert f'href="/orders/{order}/"' in text_of(page)
    assert number_of(order) in text_of(page)
    assert "What is in your orders can’t be shown just now" in text_of(page)
    assert "2 Jan" not in text_of(page)


def test_my_orders_are_asked_for_at_once_and_not_for_long(
    client: Client, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "ORDERS_WAIT_S", 0.5)
    for book in (1, 2):
        bought(client, book)
    client.get("/orders/")
    (asked,) = [each for each in store.asked if each.path.startswith(internal_paths.ORDERS)]
    assert asked.deadline is not None
    assert asked.deadline <= time.time() + 0.5


def test_an_order_of_which_the_service_does_not_know_is_its_number(client: Client, orders: Orders) -> None:
    known, unknown = bought(client, 1), str(uuid.uuid4())
    client.cookies[own_orders.COOKIE] = signed({"orders": [unknown, known]}, own_orders.COOKIE)
    text = text_of(client.get("/orders/"))
    assert number_of(unknown) in text
    assert "What is in some of your orders can’t be shown" in text
    assert "Book 1" in text


def test_an_order_that_cannot_be_shown_now_still_has_its_number(client: Client, orders: Orders) -> None:
    order = bought(client, 1)
    orders.is_readable = False
    page = client.get(f"/orders/{order}/")
    assert (page.status_code, page["Retry-After"]) == (503, "1")
    assert f"Order {number_of(order)}" in text_of(page)
    assert "If you were told that it is bought, it is" in text_of(page)


def test_the_spoken_number_opens_nothing(client: Client, orders: Orders) -> None:
    order = bought(client, 1)
    stranger = Client(headers={"accept": "text/html"})
    number = order[:8]
    for guess in (number, number.upper(), number_of(order), f"{number}-0000-4000-8000-000000000000", order[:-1]):
        for path in (f"/orders/{guess}/", f"/api/v1/orders/{guess}/"):
            assert stranger.get(path).status_code == 404, path
    for query in (f"search={number}", f"id={number}", f"number={number}"):
        assert stranger.get(f"/api/v1/orders/?{query}").status_code in (401, 403)
    assert number not in text_of(stranger.get("/orders/"))


def test_an_address_does_not_follow_from_what_a_visitor_knows_of_others(client: Client, orders: Orders) -> None:
    ids = [uuid.UUID(bought(client, 1)) for _ in range(4)]
    assert len({each.hex[:8] for each in ids}) == 4
    assert {each.version for each in ids} == {4}
    for order, asked in zip(ids, orders.asked, strict=True):
        key, _ = asked
        assert order != uuid.uuid5(uuid.NAMESPACE_URL, key), "it takes the store's secret, too"
        assert key not in text_of(client.get(f"/orders/{order}/")), "who is shown an order can't ask in its name"


def test_my_orders_of_another_shop_are_nobodys(client: Client) -> None:
    for cookie in (signed({"orders": ["x"]}, own_orders.COOKIE), signed({"orders": 3}, own_orders.COOKIE), "forged"):
        client.cookies[own_orders.COOKIE] = cookie
        page = client.get("/orders/")
        assert (page.status_code, "Nothing was bought" in text_of(page)) == (200, True)


def words_of(text: str) -> str:
    """Without tags and line breaks."""
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def changed(orders: Orders, order: str, *, status: str, cancelled: int = 0, refunded: str = "0.00") -> None:
    """As staff has left it."""
    members = orders.order(order)
    members |= {"status": status, "refunded": refunded}
    members["lines"] = [{**line, "cancelled": cancelled} for line in members["lines"]]


def test_the_order_says_what_became_of_it_and_not_who_did_it(client: Client, orders: Orders) -> None:
    put(client, 1, 2)
    order = bought(client, 1)
    page = f"/orders/{order}/"
    text = text_of(client.get(page))
    assert "Collect your books" in text
    assert "Without what was cancelled" not in text
    changed(orders, order, status="completed", cancelled=1, refunded="10.00")
    text = text_of(client.get(page))
    assert '<small class="out">1 of 3 cancelled</small>' in text
    assert "<s>" not in text
    assert "Without what was cancelled 20.00" in words_of(text)
    assert "Given back" in text
    assert "10.00" in text
    assert "Collect your books" in text
    changed(orders, order, status="cancelled", cancelled=3)
    text = text_of(client.get(page))
    assert "Without what was cancelled 0.00" in words_of(text)
    assert "This order was cancelled." in text
    assert "<s>" in text
    assert "Collect your books" not in text
    assert "Given back" not in text
    changed(orders, order, status="collected")
    text = text_of(client.get(page))
    assert "This order was collected." in text
    assert "ancelled" not in text


@pytest.mark.parametrize(
    ("status", "told"), [("completed", "To be collected"), ("collected", "Collected"), ("cancelled", "Cancelled")]
)
def test_my_orders_say_what_became_of_each(client: Client, orders: Orders, status: str, told: str) -> None:
    changed(orders, bought(client, 1), status=status)
    assert told in text_of(client.get("/orders/"))


def test_my_orders_say_what_is_left_of_one_that_was_cancelled_in_part(client: Client, orders: Orders) -> None:
    put(client, 1, 2)
    order = bought(client, 1)
    assert "30.00 EUR" in words_of(text_of(client.get("/orders/")).replace("&nbsp;", " "))
    changed(orders, order, status="completed", cancelled=1)
    words = words_of(text_of(client.get("/orders/")).replace("&nbsp;", " "))
    assert "20.00 EUR of 30.00, the rest was cancelled To be collected" in words
    changed(orders, order, status="cancelled", cancelled=3)
    words = words_of(text_of(client.get("/orders/")).replace("&nbsp;", " "))
    assert "0.00 EUR of 30.00, the rest was cancelled" not in words
    assert "0.00 EUR of 30.00 Cancelled" in words
