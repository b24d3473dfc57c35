"""Pages are light: few bytes, few requests, and nothing moves while they load. On paper they are black on white."""

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import weight
from tests.browser.visitor import NARROW, SCHEMES, WIDE, Scheme, Visitor
from tests.client import Client
from tests.store import Store

MOST_BYTES, MOST_REQUESTS = 60_000, 10
pytestmark = pytest.mark.processes


def assert_light(browser: Browser, url: str) -> None:
    for width in (WIDE, NARROW):
        found = weight.weigh(browser, url, width=width)
        assert found.size_bytes <= MOST_BYTES, (url, found)
        assert 1 < len(found.requests) <= MOST_REQUESTS, (url, found)
        assert found.cls == 0, (url, found)
        assert found.lcp_ms > 0


def test_pages_are_light_at_first_sight(chromium: Browser, shared_store: Store) -> None:
    url = shared_store.url("front")
    weight.fill_page(Client(shared_store))
    for path in weight.PATHS.values():
        assert_light(chromium, url + path)


COLOURED = """() => [...document.querySelectorAll("body *")].filter(each => {
    const {color, backgroundColor} = getComputedStyle(each);
    const isPlain = color === "rgb(0, 0, 0)" && ["rgba(0, 0, 0, 0)", "rgb(255, 255, 255)"].includes(backgroundColor);
    return each.checkVisibility() && !isPlain;
}).map(each => each.outerHTML)"""
PLAIN = f"() => ({COLOURED})().length === 0"
"""Colours fade: it isn't so at once."""


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_basket_and_an_order_print_what_one_needs_on_paper(
    chromium: Browser, shared_store: Store, scheme: Scheme
) -> None:
    with Visitor(chromium, shared_store, scheme=scheme) as customer:
        page = customer.page
        customer.go("/books/2/")
        page.get_by_role("button", name="Add to basket").click()
        expect(page.get_by_role("heading", name="Basket")).to_be_visible()
        page.emulate_media(media="print")
        page.wait_for_function(PLAIN)
        expect(page.get_by_role("spinbutton")).to_have_value("1")
        expect(page.get_by_role("button")).to_have_count(0)
        page.emulate_media(media="screen")
        page.get_by_role("button", name="Buy for").click()
        expect(page.get_by_role("heading", name="Order")).to_be_visible()
        page.emulate_media(media="print")
        page.wait_for_function(PLAIN)
        expect(page.get_by_role("heading", name="Order")).to_be_visible()
        expect(page.get_by_role("table")).to_contain_text("RPCs for Noobs")
        for furniture in ("contentinfo", "button", "searchbox"):
            expect(page.get_by_role(furniture)).to_have_count(0)
