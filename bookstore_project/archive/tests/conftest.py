from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.configured import replication


@pytest.fixture
def shop(seven_books: Path) -> Iterator[Path]:
    """A store with the seven books, a key of its own, and leases that run out at once."""
    key = settings.SECRET_KEY_FILE.read_bytes()
    with replication(LEASE_S=0.01):
        yield seven_books
    settings.SECRET_KEY_FILE.write_bytes(key)
