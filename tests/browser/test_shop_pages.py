"""The shop's pages in a browser: every one is fine to look at, and can be used by keyboard alone."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.shopping import ORDER, buy, change_book, new_book, orders_of, to_basket
from tests.browser.test_pages import assert_fine
from tests.browser.visitor import Visitor
from tests.store import Store

MOST_STOPS = 80
"""Of the tab key, on the way to what is looked for."""


@pytest.fixture
def breakable(shared_store: Store) -> Store:
    """Nobody breaks it here."""
    return shared_store


@pytest.fixture
def book(visitor: Visitor) -> int:
    return new_book(visitor.store)


def test_pages_of_the_shop_fit_and_have_no_barriers(visitor: Visitor, book: int) -> None:
    visitor.excused = ("404", "Failed to load resource")
    endless = new_book(visitor.store, title="W" * 500, price="99999999.99", authors="A" * 1000)
    to_basket(visitor, endless)
    to_basket(visitor, book)
    assert_fine(visitor, "basket with an endless word")
    buy(visitor.page)
    assert_fine(visitor, "order with an endless word")
    for path in (f"/books/{book}/", f"/books/{endless}/", "/books/999999/", "/basket/", "/orders/", "/?topic=tests"):
        visitor.go(path)
        assert_fine(visitor, path)


def test_pages_that_say_what_cannot_be_had_fit_and_have_no_barriers(visitor: Visitor, book: int) -> None:
    visitor.excused = ("400", "Failed to load resource")
    page, store = visitor.page, visitor.store
    other = new_book(store, title="Sells out")
    to_basket(visitor, book, 2)
    to_basket(visitor, other)
    change_book(store, book, price="13.00")
    page.get_by_role("button", name="Buy for").click()
    assert_fine(visitor, "price changed")
    change_book(store, other, quantity=0)
    page.get_by_role("button", name="Buy for").click()
    assert_fine(visitor, "one sold out")
    change_book(store, book, quantity=1)
    page.get_by_role("button", name="Buy the rest").click()
    assert_fine(visitor, "fewer left")
    visitor.go(f"/books/{other}/")
    assert_fine(visitor, "sold out")
    visitor.go(f"/books/{book}/")
    page.get_by_label("Copies").evaluate("field => { field.max = 1000; field.value = 5; }")
    page.get_by_role("button", name="Buy now").click()
    expect(page.get_by_role("alert")).to_contain_text("1 left, 5 were asked for")
    assert_fine(visitor, "refused at once")
    page.get_by_label("Copies").evaluate("field => { field.min = -5; field.value = -1; }")
    page.get_by_role("button", name="Add to basket").click()
    expect(page.locator("main")).to_contain_text("is as it was")
    assert_fine(visitor, "a form that makes no sense")
    to_basket(visitor, book)
    page.goto(re.sub(r"change=(\d+)\.[^&]+", r"change=\1.another", page.url))
    expect(page.get_by_role("alert")).to_contain_text("got lost")
    assert_fine(visitor, "a lost change")


def test_a_book_is_bought_by_keyboard_alone_from_the_first_page_on(visitor: Visitor, book: int) -> None:
    page = visitor.page
    visitor.go("/?search=sold+once&ordering=-id")
    press(page, f'a[href="/books/{book}/"]')
    expect(page.get_by_role("heading", name="Sold once")).to_be_visible()
    press(page, "button[formaction='/basket/put/']")
    expect(page.get_by_role("heading", name="Basket")).to_be_visible()
    press(page, "form[action='/buy/'] button")
    expect(page).to_have_url(ORDER)
    press(page, "a[href='/orders/']")
    expect(page.get_by_role("heading", name="My orders")).to_be_visible()
    press(page, "main a[href^='/orders/']")
    expect(page).to_have_url(ORDER)
    assert orders_of(visitor.store, book) == 1


def press(page: Page, selector: str) -> None:
    """Tab until it has the focus, for everybody to see, and Enter."""
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            break
    else:
        raise AssertionError(f"{page.url}: no {selector} by the tab key")
    assert page.evaluate("document.activeElement.matches(':focus-visible')")
    page.keyboard.press("Enter")
    page.wait_for_load_state()
