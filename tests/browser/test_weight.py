"""Pages are light: few bytes, few requests, and nothing moves while they load."""

import pytest
from playwright.sync_api import Browser

from tests.browser import weight
from tests.browser.visitor import NARROW, WIDE
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
