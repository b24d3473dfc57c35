"""A headless Chromium, and a store to look at. Both for one module: the browser's event loop suits no other tests."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests import programs
from tests.browser.visitor import Visitor
from tests.store import Store

# Nothing of it may call home, and nothing of it is shared: each start has a profile of its own.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    program = programs.require("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


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
