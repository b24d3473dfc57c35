"""What somebody does in the shop, by its pages, and what has become of it, by its files."""

import re

from playwright.sync_api import Page, expect

from tests.browser.visitor import Visitor
from tests.client import Client
from tests.databases import files, query
from tests.store import Store
from tests.waiting import wait_for

ORDER = re.compile(r"/orders/[0-9a-f-]{36}/$")


def new_book(store: Store, **fields: object) -> int:
    """So that its orders are the test's own."""
    book = {"title": "Sold once", "topic": "tests", "price": "12.50", "quantity": 9, "authors": "A. Author"}
    made = Client(store).post("/api/v1/books/", book | fields, as_staff=True)
    assert made.status == 201, made
    return int(made.json["id"])


def change_book(store: Store, book: int, **fields: object) -> None:
    assert Client(store).call("PATCH", f"/api/v1/books/{book}/", fields, as_staff=True).status == 200


def to_basket(visitor: Visitor, book: int, copies: int = 1) -> None:
    visitor.go(f"/books/{book}/")
    visitor.page.get_by_label("Copies").fill(str(copies))
    visitor.page.get_by_role("button", name="Add to basket").click()
    expect(visitor.page.get_by_role("heading", name="Basket")).to_be_visible()


def buy(page: Page) -> str:
    """What the basket's page shows, and as often as it says that one should; the order's address."""
    page.get_by_role("button", name="Buy for").click()
    return reach_order(page)


def reach_order(page: Page) -> str:
    """From the answer to a purchase on: an order, or a page that asks to try again."""
    while True:
        page.wait_for_load_state()
        if ORDER.search(page.url) and page.get_by_role("heading", name="Order ").count():
            return page.url
        again = page.get_by_role("button", name="Buy", exact=True)
        assert again.count(), f"{page.url}: {page.locator('main').inner_text()}"
        again.click()


def lines_of(store: Store, book: int) -> set[tuple[str, int]]:
    """Orders of a book, and copies: as both files of both services have them, once all four agree."""
    (agreed,) = wait_for(lambda: _agreed(store, book), what="all files of one mind on what was bought")
    return agreed


def orders_of(store: Store, book: int) -> int:
    return len(lines_of(store, book))


def _agreed(store: Store, book: int) -> list[set[tuple[str, int]]]:
    orders = "SELECT order_id, quantity FROM order_app_orderline WHERE book = ?"
    sales = "SELECT \"order\", quantity FROM catalog_app_ledgerentry WHERE kind = 'sale' AND book_id = ?"
    seen = [
        set(query(path, sql, [book]))
        for service, sql in (("order", orders), ("catalog", sales))
        for path in files(store, service)
    ]
    return seen[:1] if all(each == seen[0] for each in seen) else []
