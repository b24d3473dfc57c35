"""What the fixtures of all tests promise."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker

from bookstore_project.replication.conf import replication_settings


@pytest.mark.parametrize("alias", list(replication_settings.service_of_alias))
def test_a_process_that_has_not_made_the_databases_has_them_as_well(
    empty_store: Path, lay_out: Callable[[], None], django_db_blocker: DjangoDbBlocker, alias: str
) -> None:
    """In a run of several processes one alone has migrated, and has all folders by that."""
    connections.close_all()
    shutil.rmtree(replication_settings.files[alias].parent)
    lay_out()
    assert replication_settings.files[alias].exists()
