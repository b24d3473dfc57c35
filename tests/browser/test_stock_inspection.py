"""The admin's list of books in a browser: both replicas' stock, and edits that are seen everywhere at once."""

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.outage import out_of_sync
from tests.browser.visitor import BOOKS, NARROW, Visitor
from tests.client import Client
from tests.store import Store

RPCS, SPRING = "RPCs for Noobs", "Spring in the Pioneer Valley"
REFUSED = ("503", "Failed to load resource")
"""What a browser notes of a page that can't be shown."""


@pytest.fixture
def keeper(visitor: Visitor) -> Visitor:
    """Staff, logged in at both replicas."""
    for node in ("catalog-1", "catalog-2"):
        visitor.be_staff(node)
    return visitor


def row(visitor: Visitor, title: str) -> Locator:
    return visitor.page.locator("#result_list tbody tr").filter(has_text=title)


def stock_there(visitor: Visitor, title: str) -> Locator:
    return row(visitor, title).locator(".field-stock_there")


def price_and_stock(visitor: Visitor, title: str) -> tuple[str, str]:
    return field(visitor, title, "price").input_value(), field(visitor, title, "quantity").input_value()


def field(visitor: Visitor, title: str, name: str) -> Locator:
    return row(visitor, title).locator(f".field-{name} input:not([type=hidden])")


def test_an_upload_that_is_too_large_is_refused_with_a_page(keeper: Visitor) -> None:
    keeper.excused = ("413", "Failed to load resource")
    keeper.go(f"{BOOKS}import/", "catalog-1")
    keeper.upload("[name=file]", b"title\n" + b"a" * (2 << 20))
    keeper.page.get_by_role("button", name="Import").click()
    expect(keeper.page.locator(".errornote")).to_have_text("The upload is larger than 2 MiB.")
    assert keeper.overflow_px() == 0
    assert keeper.barriers() == []


def test_stock_here_and_on_the_other_replica_stand_side_by_side(keeper: Visitor) -> None:
    keeper.go(BOOKS, "catalog-1")
    _, stock = price_and_stock(keeper, RPCS)
    expect(stock_there(keeper, RPCS)).to_have_text(f"{stock} ✓ same")
    expect(keeper.page.locator(".stock-compared")).to_contain_text("✓ catalog-2 was read at the same moment")
    here, there = (row(keeper, RPCS).locator(f".field-{name}").bounding_box() for name in ("quantity", "stock_there"))
    assert here is not None
    assert there is not None
    assert here["y"] == there["y"]
    assert here["x"] + here["width"] == pytest.approx(there["x"], abs=1)
    keeper.page.get_by_role("link", name="This page at catalog-2").click()
    expect(keeper.page).to_have_url(f"{keeper.store.url('catalog-2')}{BOOKS}")
    expect(stock_there(keeper, RPCS)).to_have_text(f"{stock} ✓ same")
    expect(keeper.page.locator(".stock-compared")).to_contain_text("✓ catalog-1 was read at the same moment")
    keeper.page.get_by_role("link", name="This page at catalog-1").click()
    expect(keeper.page).to_have_url(f"{keeper.store.url('catalog-1')}{BOOKS}")


def test_a_replica_that_is_out_of_sync_is_marked_and_offers_the_other(keeper: Visitor) -> None:
    keeper.excused = REFUSED
    with out_of_sync(keeper.store, "catalog-2"):
        keeper.go(BOOKS, "catalog-1")
        expect(stock_there(keeper, RPCS)).to_have_text("✕ not read")
        said = keeper.page.locator(".stock-compared")
        expect(said).to_contain_text("⚠ catalog-2 isn’t shown: catalog-2 is out of sync: ")
        expect(said.get_by_role("link")).to_have_count(0)
        keeper.go("/admin/", "catalog-2")
        expect(keeper.page.locator(".errornote")).to_contain_text("This replica can't be read now: ")
        keeper.go(BOOKS, "catalog-2")
        expect(keeper.page.get_by_role("heading", name="This replica can't show this page now")).to_be_visible()
        expect(keeper.page.locator(".errornote")).to_contain_text("catalog-2 is out of sync: ")
        keeper.look(NARROW, "light")
        assert keeper.overflow_px() == 0
        assert keeper.barriers() == []
        keeper.page.get_by_role("link", name="The same page at catalog-1").click()
        expect(keeper.page).to_have_url(f"{keeper.store.url('catalog-1')}{BOOKS}")
        expect(row(keeper, RPCS)).to_be_visible()
    keeper.go(BOOKS, "catalog-2")
    expect(stock_there(keeper, RPCS)).to_contain_text("✓ same")


def test_an_edit_in_the_list_of_one_replica_is_seen_at_the_other_and_at_the_front(keeper: Visitor) -> None:
    keeper.go("/product/7")  # From now on it is in the front's cache, at the old price.
    keeper.go(BOOKS, "catalog-2")
    _, stock = price_and_stock(keeper, SPRING)
    field(keeper, SPRING, "price").fill("7.77")
    field(keeper, SPRING, "quantity").fill(str(int(stock) + 5))
    keeper.page.get_by_role("button", name="Save").click()
    expect(keeper.page.locator(".messagelist")).to_contain_text("1 book was changed successfully.")
    expect(stock_there(keeper, SPRING)).to_have_text(f"{int(stock) + 5} ✓ same")
    keeper.go("/product/7")
    expect(keeper.page.locator("body")).to_contain_text('"price": "7.77"')
    expect(keeper.page.locator("body")).to_contain_text(f'"quantity": {int(stock) + 5}')
    keeper.go(BOOKS, "catalog-1")
    assert price_and_stock(keeper, SPRING) == ("7.77", str(int(stock) + 5))
    expect(stock_there(keeper, SPRING)).to_have_text(f"{int(stock) + 5} ✓ same")


def add_a_book_with_a_word_without_an_end(store: Store) -> None:
    endless = {"title": "Endless" * 60, "authors": "Author" * 40, "topic": "t" * 100, "price": "9.90", "quantity": 1}
    with Client(store) as client:
        assert client.post("/api/v1/books/", endless, as_staff=True).status == 201


def test_on_a_desk_no_column_needs_scrolling(keeper: Visitor) -> None:
    add_a_book_with_a_word_without_an_end(keeper.store)
    Client(keeper.store).buy(2)
    keeper.be_staff("order-1")
    for node, path in (
        ("catalog-1", BOOKS),
        ("catalog-1", "/admin/catalog_app/ledgerentry/"),
        ("order-1", "/admin/order_app/order/"),
    ):
        keeper.go(path, node)
        assert hidden_px(keeper) == 0, path
    keeper.go(BOOKS, "catalog-1")
    save_an_impossible_price(keeper)
    assert hidden_px(keeper) == 0, "with an error"


def test_on_a_phone_both_replicas_stock_is_in_sight_and_the_page_fits(chromium: Browser, breakable: Store) -> None:
    add_a_book_with_a_word_without_an_end(breakable)
    with Visitor(chromium, breakable, width=NARROW) as keeper:
        keeper.be_staff("catalog-1")
        shown = keeper.page.locator("#changelist .results")
        keeper.go(BOOKS, "catalog-1")
        assert right_edge(stock_there(keeper, RPCS)) <= right_edge(shown)
        assert keeper.overflow_px() == 0, "the table scrolls by itself"
        assert keeper.page.get_by_role("link", name="Surviving Undergraduate").evaluate(LINES_OF_A_WORD) == 1
        save_an_impossible_price(keeper)
        assert right_edge(stock_there(keeper, RPCS)) <= right_edge(shown)


LINES_OF_A_WORD = """link => {
    const text = link.firstChild, range = document.createRange(), at = text.data.indexOf("Undergraduate");
    range.setStart(text, at);
    range.setEnd(text, at + "Undergraduate".length);
    return range.getClientRects().length;
}"""


def save_an_impossible_price(keeper: Visitor) -> None:
    field(keeper, RPCS, "price").evaluate("field => field.value = '-1'")
    keeper.page.get_by_role("button", name="Save").click()
    expect(keeper.page.locator(".errornote")).to_be_visible()


def hidden_px(keeper: Visitor) -> int:
    """How much of a list is only seen when it is scrolled to the side."""
    return int(keeper.page.locator("#changelist .results").evaluate("list => list.scrollWidth - list.clientWidth"))


def right_edge(place: Locator) -> float:
    box = place.bounding_box()
    assert box is not None
    return box["x"] + box["width"]
