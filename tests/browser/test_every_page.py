"""Every page that pictures are taken of fits its window, on a phone and on a desk, and breaks no word of a button."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.screenshots import WHOLE, Scene
from tests.browser.test_pages import SLOW
from tests.browser.visitor import NARROW, WIDE, Visitor
from tests.client import Client
from tests.store import Store

SOLD, ENOUGH = (1, 2, 3, 5, 7), 30
"""Books that scenes sell, and copies of each that suffice for one of them."""
NODES = ("front", "catalog-1", "order-1")
BROKEN = """() => [...document.querySelectorAll("main.container button")].filter(button => {
    const text = document.createRange();
    text.selectNodeContents(button);
    return new Set([...text.getClientRects()].map(box => Math.round(box.top))).size > 1;
}).map(button => button.textContent.trim())"""
"""Buttons of our own pages whose text stands in several lines."""


@pytest.fixture
def stocked(shared_store: Store) -> Store:
    """One in which scenes can sell, whoever has sold before."""
    with Client(shared_store) as shop:
        for book in SOLD:
            if shop.get(f"/product/{book}").json["quantity"] < ENOUGH:
                assert shop.post(f"/api/v1/books/{book}/restock/", {"quantity": ENOUGH}, as_staff=True).status == 200
    return shared_store


@pytest.fixture(scope="module")
def windows() -> Iterator[dict[Store, Visitor]]:
    """Of a store, the one in which its pages are looked at: a new one for each takes as long as a page."""
    opened: dict[Store, Visitor] = {}
    yield opened
    for visitor in opened.values():
        visitor.page.context.close()


@pytest.mark.parametrize("scene", WHOLE, ids=lambda scene: scene.name)
def test_it_fits_its_window(chromium: Browser, stocked: Store, windows: dict[Store, Visitor], scene: Scene) -> None:
    visitor = windows[stocked] if stocked in windows else windows.setdefault(stocked, Visitor(chromium, stocked))
    visitor.be_somebody_else(NARROW)
    visitor.excused = ("Failed to load resource", "40", SLOW)  # Some scenes are of what can't be had.
    if scene.is_logged_in:
        for node in NODES:
            visitor.be_staff(node)
    scene.show(visitor)
    visitor.page.emulate_media(media=scene.media)
    for width in (NARROW, WIDE):
        visitor.look(width, "light")
        assert (visitor.overflow_px(), visitor.page.evaluate(BROKEN)) == (0, []), (scene.name, width)
    visitor.assert_content()
