"""The cluster page follows what happens, and each of its controls does what it said it would."""

import re

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.shopping import new_book
from tests.browser.visitor import Visitor
from tests.databases import is_whole
from tests.store import Store
from tests.waiting import wait_for

LOST = (
    "ERR_INCOMPLETE_CHUNKED_ENCODING",
    "ERR_CONNECTION_REFUSED",
    "ERR_EMPTY_RESPONSE",
    "ERR_CONNECTION_RESET",
    "Failed to fetch",
)
"""What a browser says while the front itself is gone."""


def row(visitor: Visitor, node: str) -> Locator:
    return visitor.page.locator(f"#node-{node}")


def events(visitor: Visitor) -> Locator:
    return visitor.page.locator("#events")


def use(staff: Visitor, label: str, node: str = "") -> str:
    """Chooses a control, reads what it says, does it; returns what was foretold."""
    foretold = order(staff, label, node)
    expect(staff.page.locator(".told")).to_be_visible()
    return foretold


def order(staff: Visitor, label: str, node: str) -> str:
    staff.go("/cluster/")
    staff.page.locator("#controls").get_by_role("link", name=f"{label} {node}".strip(), exact=True).click()
    foretold = staff.page.locator(".confirm > p").first.inner_text()
    staff.page.locator(".confirm form button").click()
    return foretold


def damage(staff: Visitor, label: str, node: str) -> str:
    """As `use`, again and again: a copy is left alone until the other, if that was damaged before, is surely well."""
    staff.excused = ("409",)
    await_whole(staff.store)

    def foretold() -> str:
        said = order(staff, label, node)
        outcome = staff.page.locator(".told, [role=alert]")
        expect(outcome).to_be_visible()
        return said if "told" in (outcome.get_attribute("class") or "") else ""

    return wait_for(foretold, 60, f"{label} {node} allowed")


def await_whole(store: Store) -> None:
    wait_for(lambda: is_whole(store), what="both copies in sync")


def test_page_follows_live_while_a_replica_is_killed_and_returns(staff: Visitor) -> None:
    """Without being loaded again, with focus, selection and scroll position where they were."""
    staff.go("/cluster/")
    page = staff.page
    expect(row(staff, "catalog-1")).to_contain_text("up")
    old = staff.store.pid("catalog-1")
    expect(row(staff, "catalog-1")).to_contain_text(f"pid {old}")
    table = page.locator("#requests-table")
    table.focus()
    page.evaluate(
        """() => {
            window.stays = document.getElementById("node-catalog-1");
            const text = document.getElementById("events-title").firstChild;
            getSelection().setBaseAndExtent(text, 0, text, 3);
            window.scrollTo(0, 120);
        }"""
    )
    staff.store.kill("catalog-1")
    # The next but one to be asked, at the latest, is the one that is gone.
    for unknown in (1001, 1002):
        assert page.context.request.get(f"{staff.store.front}/product/{unknown}").status == 404
    staff.store.wait_restarted("catalog-1", old)
    new = staff.store.pid("catalog-1")
    expect(row(staff, "catalog-1")).to_contain_text(f"pid {new}")
    expect(row(staff, "catalog-1").locator("td").first).to_have_text("up")
    expect(events(staff)).to_contain_text("stopped answering")
    expect(events(staff)).to_contain_text("requests go to catalog-2")
    expect(events(staff)).to_contain_text("is back in rotation")
    expect(events(staff)).to_contain_text(f"process {new} instead of {old}")
    assert page.evaluate("window.stays === document.getElementById('node-catalog-1')"), "rows aren't made anew"
    assert page.evaluate("document.activeElement.id") == "requests-table"
    assert page.evaluate("getSelection().toString()") == "Eve"
    assert page.evaluate("window.scrollY") == 120


def test_what_is_read_and_bought_shows_up(visitor: Visitor) -> None:
    visitor.go("/cluster/")
    other = visitor.page.context.request
    book = new_book(visitor.store, quantity=1000)
    shown = visitor.page.locator("#invalidations-list")

    def is_shown() -> bool:
        """A push that comes late is given up, and the front hears of the sale otherwise: another one brings one."""
        for _ in range(2):
            other.get(f"{visitor.store.front}/product/{book}?page=seen")
        other.post(f"{visitor.store.front}/purchase/{book}")
        return f"book:{book}" in shown.inner_text()

    wait_for(is_shown, what="an invalidation on the page")
    requests = visitor.page.locator("#requests")
    expect(requests).to_contain_text("POST /purchase/<int:book_id>")
    expect(requests.get_by_role("row").filter(has_text="GET /product/<int:book_id>").first).to_contain_text(
        re.compile("hit|miss|bypass")
    )


def test_a_front_that_is_gone_is_said_to_be_gone_and_the_page_goes_on_when_it_is_back(staff: Visitor) -> None:
    staff.excused = LOST
    staff.go("/cluster/")
    old = staff.store.pid("front")
    staff.store.manage("node", "stop", "front")
    expect(staff.page.locator("#silence")).to_be_visible()
    staff.store.manage("node", "start", "front")
    staff.store.wait_restarted("front", old)
    expect(staff.page.locator("#silence")).to_be_hidden()
    expect(row(staff, "front")).to_contain_text(f"pid {staff.store.pid('front')}")


def test_without_javascript_the_page_is_there_and_reloads_if_that_is_wished_for(
    chromium: Browser, breakable: Store
) -> None:
    with Visitor(chromium, breakable, has_javascript=False) as visitor:
        visitor.go("/cluster/")
        expect(row(visitor, "order-2")).to_contain_text("up")
        renewal = visitor.page.locator("meta[http-equiv=refresh]")
        expect(renewal).to_have_count(0)  # It would close what the visitor opens.
        visitor.page.get_by_role("link", name="loaded anew").click()
        expect(renewal).to_have_count(1)
        with visitor.page.expect_navigation():  # Nobody clicks.
            pass
        visitor.page.get_by_role("link", name="Stop that").click()
        expect(renewal).to_have_count(0)


def test_who_is_not_staff_is_offered_nothing_but_to_log_in(visitor: Visitor) -> None:
    visitor.go("/cluster/")
    controls = visitor.page.locator("#controls")
    expect(controls.get_by_role("link")).to_have_count(1)
    visitor.go("/cluster/controls/node/kill/catalog-1/")
    expect(visitor.page.get_by_role("button", name="Log in")).to_be_visible()


# ----------------------------------------------------------------------------------------------- controls


def test_stop_and_start(staff: Visitor) -> None:
    assert "stays stopped until you start it" in use(staff, "Stop", "order-1")
    expect(row(staff, "order-1").locator("td").first).to_contain_text("out")
    expect(row(staff, "order-1").locator("td").first).to_contain_text("stopped on purpose")
    assert use(staff, "Start", "order-1")
    expect(row(staff, "order-1").locator("td").first).to_have_text("up")


def test_kill(staff: Visitor) -> None:
    old = staff.store.pid("catalog-2")
    assert "catalog-1 takes over" in use(staff, "Kill", "catalog-2")
    new = staff.store.wait_restarted("catalog-2", old)
    expect(row(staff, "catalog-2")).to_contain_text(f"pid {new}")
    expect(row(staff, "catalog-2").locator("td").first).to_have_text("up")


def test_pause_and_continue(staff: Visitor) -> None:
    assert "answers nothing" in use(staff, "Pause", "catalog-2")
    expect(row(staff, "catalog-2").locator("td").first).to_contain_text("out")
    expect(row(staff, "catalog-2").locator("td").first).to_contain_text("paused on purpose")
    use(staff, "Continue", "catalog-2")
    expect(row(staff, "catalog-2").locator("td").first).to_have_text("up")


def test_drain_and_let_in(staff: Visitor) -> None:
    assert "gets no new requests" in use(staff, "Drain", "order-2")
    expect(row(staff, "order-2").locator("td").first).to_contain_text("drained")
    use(staff, "Let in", "order-2")
    expect(row(staff, "order-2").locator("td").first).to_have_text("up")


@pytest.mark.parametrize(
    ("label", "node"), [("Delete file", "catalog-1"), ("Truncate file", "order-1"), ("Flip a byte", "catalog-2")]
)
def test_damage_to_a_file(staff: Visitor, label: str, node: str) -> None:
    assert "the copy of" in damage(staff, label, node)
    expect(events(staff)).to_contain_text(re.compile(rf"{node} rejoined by \w+, [\d]+ entr"))
    await_whole(staff.store)
    expect(row(staff, node)).to_contain_text("in sync")


def test_lock_of_a_file(staff: Visitor) -> None:
    assert "locked for five seconds" in damage(staff, "Lock 5 s", "order-2")
    expect(events(staff)).to_contain_text("lock 5 s, ordered by staff")
    await_whole(staff.store)


def test_rush(staff: Visitor) -> None:
    assert "never more copies are sold than there are" in use(staff, "Buy 100 books at once")
    expect(events(staff)).to_contain_text("100 purchases of book 1 at once: ")


def test_clear_the_cache(staff: Visitor) -> None:
    staff.page.context.request.get(f"{staff.store.front}/product/4")
    use(staff, "Clear the cache")
    expect(staff.page.locator(".told")).to_contain_text("The cache is empty")
    expect(staff.page.locator("#keys-list")).not_to_contain_text("book:4")


def test_a_front_that_is_killed_from_its_own_page_comes_back_there(staff: Visitor) -> None:
    staff.excused = LOST
    old = staff.store.pid("front")
    assert "with an empty cache" in order(staff, "Kill", "front")
    new = staff.store.wait_restarted("front", old)
    if not staff.page.locator(".told").is_visible():  # It was gone before the browser had asked for the page.
        staff.go("/cluster/")
    expect(staff.page.locator(".told")).to_be_visible()
    expect(row(staff, "front")).to_contain_text(f"pid {new}")
