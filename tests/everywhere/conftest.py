"""People, and ways to be recognised."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from frontend_app.tests.support import fakes
from tests.everywhere import nodes

Being = Callable[[str], AbstractContextManager[fakes.Store]]


@pytest.fixture
def seven_books(seven_books_and_people: Path) -> Path:
    """Here all tests have people: to make them takes longer than to copy them."""
    return seven_books_and_people


@pytest.fixture
def posing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Being:
    """As `being`, without books and accounts."""
    return lambda node: nodes.being(node, settings, monkeypatch)


@pytest.fixture
def being(seven_books: Path, posing: Being) -> Being:
    """Answers as the node of that name, with seven books, and the people of `make_people`."""
    return posing
