"""A headless Chromium, and a store to look at. Both for one module: the browser's event loop suits no other tests."""

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


@pytest.fixture(scope="module")
def breakable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store for a module, whose tests leave it whole."""
    with Store(tmp_path_factory.mktemp("shop") / "var", environment={"BOOKSTORE_BREAKABLE": "1"}) as store:
        yield store


@pytest.fixture
def visitor(chromium: Browser, breakable: Store) -> Iterator[Visitor]:
    """Somebody with a browser of their own; what it complains of fails the test."""
    with Visitor(chromium, breakable) as somebody:
        yield somebody


@pytest.fixture
def staff(visitor: Visitor) -> Visitor:
    visitor.log_in()
    return visitor
