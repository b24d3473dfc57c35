from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from bookstore_project.cluster import preparation
from bookstore_project.settings import databases
from tests.configured import replication


@pytest.fixture
def shop(seven_books: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A store with the seven books, a key of its own, and leases that run out at once."""
    if databases.ON_POSTGRESQL:
        # The server of the tests works below the data folder, as another user, and has to come in.
        monkeypatch.setattr(preparation, "make_folders", lambda: None)
    key = settings.SECRET_KEY_FILE.read_bytes()
    with replication(LEASE_S=0.01):
        yield seven_books
    settings.SECRET_KEY_FILE.write_bytes(key)
