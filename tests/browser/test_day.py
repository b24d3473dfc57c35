"""The day's page in a browser: an order that was just bought is found by the number that its customer says."""

from datetime import timedelta
from decimal import Decimal

from django.utils import timezone
from playwright.sync_api import expect

from tests.browser.test_pages import assert_fine
from tests.browser.visitor import Visitor
from tests.client import Client
from tests.waiting import wait_for

SOON = timedelta(minutes=5)


def is_far_from_midnight() -> bool:
    """Whether the day of the shop is the same for as long as this may take: the page's figures are today's."""
    now = timezone.localtime()
    return (now + SOON).date() == now.date()


def test_an_order_is_found_by_its_number_and_counts_among_the_takings(visitor: Visitor) -> None:
    wait_for(is_far_from_midnight, what="a new day")
    shop = Client(visitor.store)
    book = shop.post(
        "/api/v1/books/", {"title": "Sold today", "topic": "t", "price": "0.35", "quantity": 3}, as_staff=True
    )
    before = shop.get("/api/v1/orders/day/", as_staff=True).json
    order = shop.buy(int(book.json["id"]), 3).json
    number = f"{order['id'][:4]} {order['id'][4:8]}".upper()
    page = visitor.page
    visitor.be_staff()
    visitor.go("/")
    page.get_by_role("link", name="The day").click()
    takings = Decimal(before["takings"]) + Decimal("1.05")
    expect(page.locator(".figures")).to_contain_text(f"Takings{takings:,}")
    expect(page.get_by_role("region", name="Sold out now")).to_contain_text("Sold today")
    page.get_by_label("Number of the order").fill(number.lower())
    page.get_by_label("Number of the order").press("Enter")
    found = page.get_by_role("region", name="Orders to hand out")
    expect(found).to_contain_text(f"1 order with {number.lower()}")
    assert_fine(visitor, "the day")
    found.get_by_role("button", name=f"Hand out order {number}").click()
    expect(page.get_by_role("status")).to_have_text(f"Order {number} was handed out. Undo that")
    expect(found.get_by_role("link", name=number)).to_have_count(0)
    page.get_by_label("Number of the order").fill(number)
    page.get_by_role("button", name="Find").click()
    expect(found).to_contain_text("Collected")
    found.get_by_role("link", name=f"Undo the hand-out of order {number}").click()
    assert_fine(visitor, "undoing a hand-out")
    page.get_by_label("Why").fill("the wrong order")
    page.get_by_role("button", name="Undo the hand-out").dblclick()
    expect(page.get_by_role("status")).to_have_text(f"Order {number} isn’t noted as handed out any more.")
    expect(found.get_by_role("button", name=f"Hand out order {number}")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Why")).to_be_visible()
    page.get_by_label("Why").fill("the wrong order")
    page.get_by_role("button", name="Undo the hand-out").click()
    expect(page.get_by_role("status")).to_contain_text("isn’t noted as handed out any more")
    assert shop.get(f"/api/v1/orders/{order['id']}/").json["status"] == "completed"
    kinds = [
        each["kind"] for each in shop.get(f"/api/v1/orders/{order['id']}/history/", as_staff=True).json["changes"]
    ]
    assert kinds == ["collected", "reopened"]
    found.get_by_role("link", name=number, exact=True).click()
    expect(page.get_by_role("heading", name=f"Order {number}")).to_be_visible()
    visitor.be_staff("order-1")
    visitor.be_staff("order-2")
    visitor.go(f"/day/?number={number}")
    found.get_by_role("link", name=f"Order {number} in the admin").click()
    expect(page.locator(".field-number")).to_contain_text(number)
