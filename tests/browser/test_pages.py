"""Every kind of page in a browser: nothing to complain of, nothing from elsewhere, readable on a phone."""

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.visitor import BOOKS, NARROW, SCHEMES, WIDE, Scheme, Visitor
from tests.client import Client
from tests.store import Store

OURS = ("/", "/?search=nothing", "/cluster/", "/api-auth/login/", "/cluster/controls/file/delete/catalog-1/")
FRAMEWORKS = {
    "front": (
        "/api/v1/books/",
        "/api/v1/books/1/",
        "/api/v1/books/1/restock/",
        "/api/v1/orders/",
        "/product/999999",
    ),
    "catalog-1": (
        "/admin/",
        f"{BOOKS}?topic=distributed+systems",
        f"{BOOKS}add/",
        f"{BOOKS}7/change/",
        f"{BOOKS}1/history/",
        f"{BOOKS}import/",
        "/admin/catalog_app/ledgerentry/",
        "/admin/catalog_app/bookchange/",
        "/admin/auth/user/",
    ),
    "order-1": ("/admin/order_app/order/",),
}
"""Each has something that no other one has: the replicas' browsable API is made of the same parts as the front's."""
WIDER = """() => {
    const boxes = [...document.querySelectorAll("#changelist .results, .wide-rows, .ledger")];
    return Math.max(0, ...boxes.map(rows => rows.scrollWidth - rows.clientWidth));
}"""
"""How much wider than their box the rows of a list of the admin, or below one of its pages, are."""
SLOW = "htmx:error: timeout"
"""What the browser says of the cluster page where the machine takes seconds: it asks again a second later."""
SETTINGS: tuple[tuple[int, Scheme], ...] = ((NARROW, "dark"), (WIDE, "light"))


@pytest.fixture
def breakable(shared_store: Store) -> Store:
    """Nobody breaks it here."""
    return shared_store


def assert_fine(visitor: Visitor, what: str) -> None:
    """The page that is open, as it is, on a phone in the dark and on a desk."""
    for width, scheme in SETTINGS:
        visitor.look(width, scheme)
        assert visitor.overflow_px() == 0, (what, width)
        assert visitor.barriers() == [], (what, scheme)


def test_our_pages_fit_and_have_no_barriers(staff: Visitor) -> None:
    staff.excused = (SLOW,)
    for path in OURS:
        staff.go(path)
        assert_fine(staff, path)


@pytest.mark.parametrize("node", FRAMEWORKS)
def test_pages_of_frameworks_fit_and_have_no_barriers(visitor: Visitor, node: str) -> None:
    """And the policy lets all through that they need."""
    visitor.be_staff(node)
    visitor.excused = ("404", "405", "Failed to load resource")  # Pages that say that there is nothing to read.
    for path in FRAMEWORKS[node]:
        visitor.go(path, node)
        assert_fine(visitor, path)


@pytest.mark.parametrize("node", ["catalog-1", "order-1"])
def test_no_rows_of_the_admin_have_to_be_scrolled_sideways_on_a_phone(visitor: Visitor, node: str) -> None:
    """Nor has the box of its rows, whatever is in them."""
    with Client(visitor.store) as shop:
        titles = {"title": "W" * 150, "authors": "A Rather Long Name " * 9, "topic": "t" * 60, "price": "1234567.80"}
        book = shop.post("/api/v1/books/", {**titles, "quantity": 9}, as_staff=True).json["id"]
        order = shop.buy(book, 3).json["id"]
        assert shop.cancel(order, [(book, 1)]).status == 200
        assert shop.call("PATCH", f"/api/v1/books/{book}/", {"topic": "tests"}, as_staff=True).status == 200
    visitor.be_staff(node)
    visitor.look(NARROW, "light")
    visitor.go("/admin/", node)
    lists = visitor.page.locator("#content-main th a").evaluate_all("links => links.map(link => link.pathname)")
    assert lists
    below = {
        "catalog-1": [f"{BOOKS}{book}/change/", f"{BOOKS}{book}/history/"],
        "order-1": [f"/admin/order_app/order/{order}/change/"],
    }
    for path in [*lists, *below[node]]:
        visitor.go(path, node)
        assert (visitor.overflow_px(), visitor.page.evaluate(WIDER)) == (0, 0), path


def test_a_book_is_changed_in_the_api_without_scripts(chromium: Browser, breakable: Store) -> None:
    with Visitor(chromium, breakable, has_javascript=False) as keeper:
        for node in ("front", "catalog-2"):
            keeper.be_staff(node)
            keeper.go("/api/v1/books/7/", node)
            authors = f"Changed at {node}"
            keeper.page.fill("#patch-form [name=authors]", authors)
            keeper.page.click("#patch-form button")
            expect(keeper.page.locator("#patch-form [name=authors]")).to_have_value(authors)
            keeper.go("/api/v1/books/7/")
            expect(keeper.page.locator("pre").last).to_contain_text(authors)


def test_pages_between_two_clicks_fit_and_have_no_barriers(visitor: Visitor) -> None:
    """A failed login, a form with an error, the page that asks how many copies, a refused import."""
    for path in ("/admin/login/", "/api-auth/login/"):
        visitor.go(path, "catalog-1")
        visitor.page.fill("[name=username]", "nobody")
        visitor.page.fill("[name=password]", "wrong")
        visitor.page.get_by_role("button", name="Log in").click()
        expect(visitor.page.locator("body")).to_contain_text(re.compile("enter (a|the) correct username"))
        assert_fine(visitor, f"{path}, failed")
    visitor.be_staff("catalog-1")
    visitor.go(BOOKS, "catalog-1")
    visitor.page.locator(".action-select").first.check()
    visitor.page.locator("[name=action]").select_option("restock")
    visitor.page.get_by_role("button", name="Go").click()
    visitor.page.locator("[name=quantity]").fill("0")
    visitor.page.get_by_role("button", name="Restock").click()
    expect(visitor.page.locator(".errorlist")).to_be_visible()
    assert_fine(visitor, "restock")
    visitor.go(f"{BOOKS}import/", "catalog-1")
    visitor.upload("[name=file]", b"title,price\nCheap,cheap\n")
    visitor.page.get_by_role("button", name="Import").click()
    expect(visitor.page.locator("#report")).to_contain_text("1 rejected")
    assert_fine(visitor, "import")


def test_staff_cancels_in_the_admin_and_the_customer_sees_it(visitor: Visitor) -> None:
    """Once, with a double click; all of these pages fit and have no barriers."""
    with Client(visitor.store) as client:
        order = client.buy_lines([(4, 2), (5, 1)]).json["id"]
    visitor.be_staff("order-1")
    visitor.go(f"/admin/order_app/order/{order}/change/", "order-1")
    visitor.page.get_by_role("link", name="Cancel copies").click()
    visitor.page.locator("[name=copies-4]").fill("1")
    visitor.page.locator("[name=copies-5]").fill("7")
    visitor.page.locator("[name=reason]").fill("one is enough")
    visitor.page.get_by_role("button", name="Cancel copies").click()
    expect(visitor.page.locator(".errorlist")).to_be_visible()
    assert_fine(visitor, "cancel")
    visitor.page.locator("[name=copies-5]").fill("0")
    visitor.page.get_by_role("button", name="Cancel copies").dblclick()
    expect(visitor.page.locator("body")).to_contain_text("the copies are for sale again")
    expect(visitor.page.locator("body")).to_contain_text("one is enough")
    assert_fine(visitor, "order")
    for what in ("refund", "collect"):
        visitor.go(f"/admin/order_app/order/{order}/{what}/", "order-1")
        assert_fine(visitor, what)
    visitor.page.get_by_role("button", name="Hand out").click()
    visitor.go(f"/admin/order_app/order/{order}/change/", "order-1")
    visitor.page.get_by_role("link", name="Undo hand-out").click()
    assert_fine(visitor, "undo hand-out")
    visitor.go(f"/orders/{order}/")
    expect(visitor.page.locator("main")).to_contain_text("1 of 2 cancelled")
    expect(visitor.page.locator("main")).to_contain_text("This order was collected.")
    assert_fine(visitor, "the customer's page")


def test_a_form_of_the_admin_that_is_gone_back_to_and_sent_again_is_carried_out_once(visitor: Visitor) -> None:
    with Client(visitor.store) as client:
        order = client.buy_lines([(4, 3)]).json["id"]
    visitor.be_staff("order-1")
    visitor.go(f"/admin/order_app/order/{order}/change/", "order-1")
    visitor.page.get_by_role("link", name="Cancel copies").click()
    visitor.page.locator("[name=copies-4]").fill("1")
    visitor.page.locator("[name=reason]").fill("one is enough")
    for _ in range(2):
        visitor.page.get_by_role("button", name="Cancel copies").click()
        expect(visitor.page.locator("body")).to_contain_text("the copies are for sale again")
        visitor.page.go_back()
        expect(visitor.page.locator("[name=copies-4]")).to_have_value("1")
    with Client(visitor.store) as client:
        lines = client.get(f"/api/v1/orders/{order}/").json["lines"]
    assert [line["cancelled"] for line in lines] == [1]


@pytest.mark.parametrize(
    ("node", "path"), [("front", "/api-auth/login/"), ("front", "/api/v1/books/"), ("order-1", "/api/docs/")]
)
def test_pages_of_frameworks_are_dark_where_the_system_is(visitor: Visitor, node: str, path: str) -> None:
    visitor.go(path, node)
    shades = {}
    for scheme in SCHEMES:
        visitor.look(WIDE, scheme)
        shades[scheme] = visitor.background()
    assert shades["dark"] < 0.2 < 0.8 < shades["light"]


def test_the_description_of_the_api_can_be_tried_by_everybody(visitor: Visitor) -> None:
    visitor.go("/api/docs/")
    operation = visitor.page.locator(".opblock").filter(has_text="/info/{book_id}")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_placeholder("book_id").fill("2")
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table")).to_contain_text("RPCs for Noobs")
    assert_fine(visitor, "tried")


def test_staff_changes_a_price_in_the_browsable_api_and_logs_out(visitor: Visitor) -> None:
    """Its forms, which a script of the framework sends, work under the policy."""
    visitor.log_in()
    visitor.go("/api/v1/books/7/restock/")
    visitor.page.locator("[name=quantity]").first.fill("3")
    visitor.page.get_by_role("button", name="POST").first.click()
    expect(visitor.page.locator("body")).to_contain_text("200 OK")
    visitor.excused = ("405", "Failed to load resource")  # The page of a route that can't be read says so.
    visitor.go("/api/v1/books/7/")
    visitor.page.get_by_role("button", name="Log out").click()
    expect(visitor.page.get_by_role("link", name="Log in").first).to_be_visible()
