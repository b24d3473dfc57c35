"""An order service whose catalog is in the same process."""

from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from order_app import clients
from order_app.tests.catalog import Wire, reach


@pytest.fixture
def seven_books(seven_books_and_people: Path) -> Path:
    """Here all tests have people: to make them takes longer than to copy them."""
    return seven_books_and_people


@pytest.fixture
def wire(seven_books: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Wire:
    """What happens on the way to the catalog: the test decides."""
    settings.ROOT_URLCONF = "order_app.urls"
    made = Wire()
    reach(made, monkeypatch)
    monkeypatch.setattr(clients.balancer, "sleep", lambda seconds: None)
    return made


@pytest.fixture
def node(wire: Wire) -> Wire:
    """An order replica; `ann` is its staff."""
    return wire
