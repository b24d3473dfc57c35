"""A store whose nodes start in a blink: one for each test, and one for those that leave it running."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bookstore_project.cluster.tests.stub_cluster import STUB
from tests.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "var", command=STUB, is_forked=True) as running:
        yield running


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("stub") / "var", command=STUB, is_forked=True) as running:
        yield running


@pytest.fixture
def shared(running: Store) -> Store:
    """For whoever leaves all nodes running."""
    running.forget_what_was_said()
    return running
