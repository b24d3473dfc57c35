import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from django.conf import settings

from bookstore_project.cluster import preparation
from bookstore_project.replication.transfer import migrating
from bookstore_project.settings import databases
from conftest import made_once
from tests.configured import replication


@pytest.fixture(scope="session")
def empty_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a backup on PostgreSQL begins with: a process of its own takes seconds to make them."""
    with made_once("empty", tmp_path_factory) as folder:
        if not any(folder.iterdir()):
            migrating.migrate(folder)
    return folder


@pytest.fixture
def shop(seven_books: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A store with the seven books, a key of its own, and leases that run out at once."""
    if databases.ON_POSTGRESQL:
        # The server of the tests works below the data folder, as another user, and has to come in.
        monkeypatch.setattr(preparation, "make_folders", lambda: None)
        copied = partial(shutil.copytree, request.getfixturevalue("empty_files"), dirs_exist_ok=True)
        monkeypatch.setattr(migrating, "migrate", copied)
    key = settings.SECRET_KEY_FILE.read_bytes()
    with replication(LEASE_S=0.01):
        yield seven_books
    settings.SECRET_KEY_FILE.write_bytes(key)
