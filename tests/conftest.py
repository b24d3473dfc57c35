"""Real stores for the tests that need processes."""

from collections.abc import Iterator

import pytest

from tests.client import Shop
from tests.pool import Pool
from tests.store import Store


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    made = Pool(tmp_path_factory.mktemp("pool"))
    yield made
    made.close()


@pytest.fixture
def store(pool: Pool) -> Iterator[Store]:
    """A healthy store, to break: it is used again if it recovers."""
    with pool.store() as running:
        yield running


@pytest.fixture
def shared_store(pool: Pool) -> Iterator[Store]:
    """A store for whoever leaves it as healthy as it was."""
    with pool.ordinary_store() as running:
        yield running


@pytest.fixture
def shop(shared_store: Store) -> Iterator[Shop]:
    """The shared store to talk to; whatever it answers has to be what its schema promises."""
    # Nobody has to wait for what another test got wrong on purpose.
    (shared_store.data / "attempts").unlink(missing_ok=True)
    talk = Shop(shared_store)
    yield talk
    talk.assert_contract_kept()
