"""The shop in a browser: what is bought is bought once, whatever is pressed, and every page is fine to look at."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_pages import assert_fine
from tests.browser.visitor import Visitor
from tests.client import Client
from tests.databases import files, query

ORDER = re.compile(r"/orders/[0-9a-f-]{36}/$")


def orders_of(visitor: Visitor, book: int) -> int:
    counts = {
        query(path, "SELECT count(*) FROM order_app_orderline WHERE book = ?", [book])[0][0]
        for path in files(visitor.store, "order")
    }
    (count,) = counts
    return int(count)


@pytest.fixture
def book(visitor: Visitor) -> int:
    """A new one, so that its orders are this test's."""
    fields = {"title": "Sold once", "topic": "tests", "price": "12.50", "quantity": 9, "authors": "A. Author"}
    return int(Client(visitor.store).post("/api/v1/books/", fields, as_staff=True).json["id"])


def to_basket(visitor: Visitor, book: int, copies: int = 1) -> None:
    visitor.go(f"/books/{book}/")
    visitor.page.get_by_label("Copies").fill(str(copies))
    visitor.page.get_by_role("button", name="Add to basket").click()
    expect(visitor.page.get_by_role("heading", name="Basket")).to_be_visible()


def buy(page: Page) -> None:
    page.get_by_role("button", name="Buy for").click()
    expect(page).to_have_url(ORDER)


def test_a_basket_of_two_is_bought_and_reload_back_and_a_second_tab_buy_nothing_more(
    visitor: Visitor, book: int
) -> None:
    to_basket(visitor, book, 2)
    to_basket(visitor, 2)
    assert_fine(visitor, "basket")
    other_tab = visitor.page.context.new_page()
    other_tab.goto(visitor.page.url)
    buy(visitor.page)
    order = visitor.page.url
    expect(visitor.page.get_by_role("heading", name=re.compile("Order [0-9A-F]{4} [0-9A-F]{4}"))).to_be_visible()
    assert_fine(visitor, "order")
    visitor.page.reload()
    assert visitor.page.url == order
    buy(other_tab)
    assert other_tab.url == order
    visitor.page.go_back()
    if visitor.page.get_by_role("button", name="Buy for").count():
        buy(visitor.page)
        assert visitor.page.url == order
    assert orders_of(visitor, book) == 1
    visitor.go("/orders/")
    visitor.page.get_by_role("link", name=re.compile("Order ")).first.click()
    assert visitor.page.url == order


def test_a_double_click_buys_once(visitor: Visitor, book: int) -> None:
    visitor.go(f"/books/{book}/")
    visitor.page.get_by_role("button", name="Buy now").dblclick(no_wait_after=True)
    expect(visitor.page).to_have_url(ORDER)
    assert orders_of(visitor, book) == 1


def test_without_scripts_and_cookies_a_book_is_bought_once(chromium: Browser, visitor: Visitor, book: int) -> None:
    with Visitor(chromium, visitor.store, has_javascript=False) as plain:
        plain.page.context.route("**/*", without_cookies)
        plain.go(f"/books/{book}/")
        plain.page.get_by_role("button", name="Buy now").click()
        expect(plain.page).to_have_url(ORDER)
        order = plain.page.url
        plain.page.reload()
        assert plain.page.url == order
    assert orders_of(visitor, book) == 1


def without_cookies(route: Any) -> None:
    headers = {name: value for name, value in route.request.headers.items() if name != "cookie"}
    route.continue_(headers=headers)


def test_what_sold_out_or_changed_its_price_in_the_basket_is_named_before_anything_is_bought(
    visitor: Visitor, book: int
) -> None:
    visitor.excused = ("409", "Failed to load resource")
    to_basket(visitor, book, 2)
    shop = Client(visitor.store)
    shop.call("PATCH", f"/api/v1/books/{book}/", {"price": "13.00"}, as_staff=True)
    visitor.page.get_by_role("button", name="Buy for 25.00").click()
    expect(visitor.page.get_by_role("alert")).to_contain_text("costs 13.00")
    assert_fine(visitor, "price changed")
    shop.call("PATCH", f"/api/v1/books/{book}/", {"quantity": 1}, as_staff=True)
    visitor.page.get_by_role("button", name="Buy for 26.00").click()
    expect(visitor.page.get_by_role("alert")).to_contain_text("1 left, 2 were asked for")
    assert_fine(visitor, "sold out")
    visitor.page.get_by_label("Copies of Sold once").fill("1")
    visitor.page.get_by_role("button", name="Change").click()
    buy(visitor.page)
    assert orders_of(visitor, book) == 1


def test_pages_of_the_shop_fit_and_have_no_barriers(visitor: Visitor, book: int) -> None:
    visitor.excused = ("404", "Failed to load resource")
    fields = {"title": "W" * 500, "topic": "tests", "price": "99999999.99", "quantity": 9, "authors": "A" * 1000}
    endless = Client(visitor.store).post("/api/v1/books/", fields, as_staff=True).json["id"]
    to_basket(visitor, endless)
    to_basket(visitor, book)
    assert_fine(visitor, "basket with an endless word")
    buy(visitor.page)
    assert_fine(visitor, "order with an endless word")
    for path in (f"/books/{book}/", f"/books/{endless}/", "/books/999999/", "/basket/", "/orders/", "/?topic=tests"):
        visitor.go(path)
        assert_fine(visitor, path)
