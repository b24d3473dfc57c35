"""Fixtures of the in-process tests: a store of real files, new for each test that asks for it.

No test database of Django's: replication is about files, their inodes and their commits, so the tests have those.
"""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connections
from hypothesis import HealthCheck, settings
from pytest_django.plugin import DjangoDbBlocker
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from bookstore_project.replication import points, setup
from bookstore_project.replication.service import get_service
from bookstore_project.settings import topology
from bookstore_project.wire.attempts import attempts
from tests.redis import RedisServer

STORES = tuple(f"tests/{name}/" for name in ("stress", "chaos", "browser", "cluster", "contract"))
"""Where the tests of whole stores are: those that take longest first."""
A_STORE = "tests/cluster/test_shop.py"
"""Those of one, which `--quick` leaves."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help=f"all tests in one process, and of whole stores {A_STORE}")


def pytest_configure(config: pytest.Config) -> None:
    """Tests write in the folder of their run, unless `--basetemp` names one that is to stay."""
    if config.option.basetemp is None and "PYTEST_XDIST_WORKER" not in os.environ:
        config.option.basetemp = str(Path(tempfile.gettempdir(), "t"))
    for number in (signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) == signal.SIG_IGN:
            # nohup, or a shell's `&`, is for the run; what it starts heeds the signal (man 2 execve: a handler
            # becomes the default again).
            signal.signal(number, lambda number, frame: None)


# The same examples each time, however slow the machine is.
settings.register_profile(
    "store",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("store")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Those of whole stores come first, in whatever order otherwise: small ones fill what is left of the time."""

    def rank(item: pytest.Item) -> int:
        return next((number for number, place in enumerate(STORES) if item.nodeid.startswith(place)), len(STORES))

    items.sort(key=rank)
    if config.option.quick:
        left_out = [item for item in items if item.nodeid.startswith(STORES) and not item.nodeid.startswith(A_STORE)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    return OneModuleTogether(config, log)


class OneModuleTogether(LoadScopeScheduling):  # type: ignore[misc]
    """Gives a module of whole stores to one process, and the other tests one by one to whoever is free."""

    def _split_scope(self, nodeid: str) -> str:
        module, *_ = nodeid.split("::")
        return module if module.startswith(STORES) else nodeid


@pytest.fixture(scope="session")
def migrated_files(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> Path:
    """A folder with every database of a fresh store, migrated once in a run."""
    template = tmp_path_factory.mktemp("migrated")
    with django_db_blocker.unblock():
        call_command("migrate", verbosity=0)
        connections.close_all()
    for alias in connections:
        path = topology.database_file(alias)
        shutil.copy(path, template / f"{alias}.sqlite3")
    return template


@pytest.fixture(scope="session")
def django_db_setup(migrated_files: Path) -> None:
    """For tests marked `django_db`, which want accounts only: the migrated file, in a transaction that is undone."""


@pytest.fixture(autouse=True)
def _no_failed_logins() -> None:
    """Nobody has to wait for what another test got wrong on purpose."""
    attempts.table.path.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def lay_out_store(migrated_files: Path) -> Callable[[], None]:
    """Puts a store without books in the place of whatever was there."""

    def lay_out() -> None:
        connections.close_all()
        for folder in ("witness", "leases", "locks", "care"):
            shutil.rmtree(topology.DATA / folder, ignore_errors=True)
        for alias in connections:
            path = topology.database_file(alias)
            for leftover in path.parent.glob(f"{path.name}*"):
                leftover.unlink()
            shutil.copy(migrated_files / f"{alias}.sqlite3", path)
        for name in topology.APPS_OF_SERVICE:
            setup.create_first_witness(get_service(name))

    return lay_out


@pytest.fixture
def empty_store(lay_out_store: Callable[[], None], django_db_blocker: DjangoDbBlocker) -> Iterator[Path]:
    """A store without books; gives its folder. Each test has files of its own, under the same paths."""
    with django_db_blocker.unblock():
        lay_out_store()
        yield topology.DATA
        points.hooks.clear()
        connections.close_all()


@pytest.fixture
def seven_books(empty_store: Path) -> Path:
    """A store with the seven books of the course, ids 1 to 7, 50 copies each."""
    call_command("seed_books", verbosity=0)
    return empty_store


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """An empty Redis of the test's own, which may be done anything to."""
    with RedisServer() as server:
        yield server
