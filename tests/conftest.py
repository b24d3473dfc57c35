"""Real stores for the tests that need processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client import Shop
from tests.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store of the test's own, ready; at the end it is stopped, and nothing of it may be left."""
    with Store(tmp_path / "var") as running:
        yield running


@pytest.fixture(scope="session")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store for all tests that leave it as healthy as they found it."""
    with Store(tmp_path_factory.mktemp("shared") / "var") as running:
        yield running


@pytest.fixture
def shop(shared_store: Store) -> Iterator[Shop]:
    """The shared store to talk to; whatever it answers has to be what its schema promises."""
    # Nobody has to wait for what another test got wrong on purpose.
    (shared_store.data / "attempts").unlink(missing_ok=True)
    talk = Shop(shared_store)
    yield talk
    talk.assert_contract_kept()
