"""Real stores for the tests that need processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import STORES, made_once
from tests.client import Shop
from tests.pool import Pool
from tests.store import QUICK_LOGINS, Store


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that has been prepared, and in which nothing has run: made once in a run."""
    with made_once("prepared", tmp_path_factory) as folder:
        store = Store(folder / "var", environment=QUICK_LOGINS, is_forked=True)
        if not store.data.exists():
            made = store.manage("prepare")
            assert made.returncode == 0, made.stderr
    return store.data


POOL = pytest.StashKey[Pool]()


@pytest.fixture(scope="session")
def pool(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Iterator[Pool]:
    made = request.config.stash[POOL] = Pool(tmp_path_factory.mktemp("pool"), prepared)
    yield made
    made.close()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Nothing runs beside the tests that need no store: an idle one takes a hundredth of a core, and memory."""
    if POOL in item.config.stash and not (nextitem and nextitem.nodeid.startswith(STORES)):
        item.config.stash[POOL].close()


def pytest_exception_interact(node: pytest.Item | pytest.Collector) -> None:
    """A test has failed; fixtures that give a store hear nothing of that."""
    if POOL in node.config.stash:
        node.config.stash[POOL].distrust()


@pytest.fixture
def store(pool: Pool) -> Iterator[Store]:
    """A healthy store, to break: it is used again if it recovers."""
    with pool.store() as running:
        yield running


@pytest.fixture
def shared_store(pool: Pool, request: pytest.FixtureRequest) -> Iterator[Store]:
    """A store for whoever leaves it as healthy as it was."""
    with pool.ordinary_store(request.module.__name__) as running:
        yield running


@pytest.fixture
def shop(shared_store: Store) -> Iterator[Shop]:
    """The shared store to talk to; whatever it answers has to be what its schema promises."""
    # Nobody has to wait for what another test got wrong on purpose.
    (shared_store.data / "attempts").unlink(missing_ok=True)
    talk = Shop(shared_store)
    yield talk
    talk.assert_contract_kept()
