"""A headless Chromium, for as long as its tests follow one another; and stores to look at."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser

from conftest import BROWSER
from tests.browser.visitor import Visitor
from tests.browser.visitor import chromium as opened_chromium
from tests.store import Store

OPENED = pytest.StashKey[tuple[Browser, ExitStack]]()


@pytest.fixture
def chromium(request: pytest.FixtureRequest) -> Browser:
    stash = request.config.stash
    if OPENED not in stash:
        stack = ExitStack()
        stash[OPENED] = stack.enter_context(opened_chromium()), stack
    return stash[OPENED][0]


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Its event loop suits no other tests."""
    if OPENED in item.config.stash and not (nextitem and nextitem.nodeid.startswith(BROWSER)):
        _, stack = item.config.stash[OPENED]
        del item.config.stash[OPENED]
        stack.close()


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
