"""A headless Chromium, for one module, as its event loop suits no other tests; and stores to look at."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.visitor import Visitor
from tests.browser.visitor import chromium as opened_chromium
from tests.store import Store


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with opened_chromium() as browser:
        yield browser


@pytest.fixture
def breakable(store: Store) -> Store:
    """One to break, as its controls do."""
    return store


@pytest.fixture
def visitor(chromium: Browser, breakable: Store) -> Iterator[Visitor]:
    """Somebody with a browser of their own; what it complains of fails the test."""
    with Visitor(chromium, breakable) as somebody:
        yield somebody


@pytest.fixture
def staff(visitor: Visitor) -> Visitor:
    visitor.be_staff()
    return visitor
