"""The routes of a catalog replica, with people who may and may not change things."""

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings


@pytest.fixture
def seven_books(seven_books_and_people: Path) -> Path:
    """Here all tests have people: to make them takes longer than to copy them."""
    return seven_books_and_people


@pytest.fixture
def node(seven_books: Path, settings: Settings) -> None:
    """A catalog replica with the seven books; `ann` is its staff."""
    settings.ROOT_URLCONF = "catalog_app.urls"


@pytest.fixture
def root(node: None) -> Client:
    """A browser in which `root`, who may do everything, has logged in."""
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get(username="root"))
    return client
