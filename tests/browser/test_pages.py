"""Every kind of page in a browser: nothing to complain of, nothing from elsewhere, readable on a phone."""

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.visitor import NARROW, WIDE, Scheme, Visitor
from tests.store import Store

OURS = ("/", "/?search=nothing", "/cluster/", "/api-auth/login/", "/cluster/controls/file/delete/catalog-1/")
FRAMEWORKS = (
    ("front", "/api/v1/books/"),
    ("front", "/api/v1/books/1/"),
    ("front", "/api/v1/orders/"),
    ("front", "/api/docs/"),
    ("catalog-1", "/admin/"),
    ("catalog-2", "/admin/catalog_app/book/"),
    ("order-1", "/admin/login/"),
    ("order-2", "/api/v1/orders/"),
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_our_pages_fit_and_have_no_barriers(chromium: Browser, breakable: Store, width: int, scheme: Scheme) -> None:
    with Visitor(chromium, breakable, width=width, scheme=scheme) as staff:
        staff.log_in()
        for path in OURS:
            staff.go(path)
            assert staff.overflow_px() == 0, path
            assert staff.barriers() == [], path


@pytest.mark.parametrize(("node", "path"), FRAMEWORKS)
def test_pages_of_frameworks_have_nothing_to_complain_of(staff: Visitor, node: str, path: str) -> None:
    """The policy lets all through that they need."""
    if node != "front":
        staff.log_in(node, to="/api/docs/")
    staff.go(path, node)
    staff.page.wait_for_load_state("networkidle")


def test_the_description_of_the_api_can_be_tried(visitor: Visitor) -> None:
    visitor.go("/api/docs/")
    operation = visitor.page.locator(".opblock").filter(has_text="/info/{book_id}")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_placeholder("book_id").fill("2")
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table")).to_contain_text("RPCs for Noobs")


def test_a_book_is_bought_from_the_page(visitor: Visitor) -> None:
    visitor.go("/")
    row = visitor.page.get_by_role("row").filter(has_text="Spring in the Pioneer Valley")
    row.get_by_role("spinbutton").fill("2")
    row.get_by_role("button", name="Buy").click()
    expect(visitor.page.locator("body")).to_contain_text('"completed"')


def test_staff_changes_a_price_in_the_browsable_api_and_logs_out(staff: Visitor) -> None:
    """Its forms, which a script of the framework sends, work under the policy."""
    staff.go("/api/v1/books/7/restock/")
    staff.page.locator("[name=quantity]").first.fill("3")
    staff.page.get_by_role("button", name="POST").first.click()
    expect(staff.page.locator("body")).to_contain_text("200 OK")
    staff.excused = ("405", "Failed to load resource")  # The page of a route that can't be read says so.
    staff.go("/api/v1/books/7/")
    staff.page.get_by_role("button", name="Log out").click()
    expect(staff.page.get_by_role("link", name="Log in").first).to_be_visible()
