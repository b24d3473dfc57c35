"""People, and ways to be recognised."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from bookstore_project.api.tests.api import make_people
from frontend_app.tests.support import fakes
from tests.everywhere import nodes

Being = Callable[[str], AbstractContextManager[fakes.Store]]


@pytest.fixture
def posing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Being:
    """As `being`, without books and accounts."""
    return lambda node: nodes.being(node, settings, monkeypatch)


@pytest.fixture
def being(seven_books: Path, posing: Being) -> Being:
    """Answers as the node of that name, with seven books, and the people of `make_people`."""
    make_people()
    return posing
