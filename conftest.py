"""Fixtures of the in-process tests: a store of real files, new for each test that asks for it.

No test database of Django's: replication is about files, their inodes and their commits, so the tests have those.
"""

import fcntl
import gc
import os
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django import urls
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connections
from hypothesis import HealthCheck, settings
from pytest_django.plugin import DjangoDbBlocker
from whitenoise.middleware import WhiteNoiseMiddleware
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from bookstore_project.api.login_attempts import attempts
from bookstore_project.replication import failpoints
from bookstore_project.settings import databases, topology
from tests import lookouts
from tests.layout import layout
from tests.migrating import own_tables_only
from tests.patience import patient
from tests.redis import RedisServer

BROWSER = "tests/browser/"
STORES = ("tests/hosts/", "tests/stress/", "tests/chaos/", BROWSER, "tests/cluster/", "tests/contract/")
"""Where the tests of whole stores are: those that take longest first."""
TOGETHER = (*STORES, "bookstore_project/cluster/tests/", "bookstore_project/archive/tests/test_moving.py")
"""Where the tests of a module share what is dear to start."""
SIMULATED = "tests/simulation/"
"""Where tests of all modules do: it takes seconds of a processor until a process simulates stores (`warm.py`)."""
OF_POSTGRESQL = "bookstore_project/replication/postgresql/tests/"
"""Tests of that engine alone, for runs on it."""
A_STORE = "tests/cluster/test_shop.py"
"""Those of one, which `--quick` leaves."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--quick", action="store_true", help=f"tests in one process alone, and of whole stores {A_STORE}"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Tests write in the folder of their run, unless `--basetemp` names one that is to stay."""
    if config.option.quick:
        settings.load_profile("quick")
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        config.args = begun_elsewhere(config.args, int(worker.removeprefix("gw")))
        config.pluginmanager.register(InOneOrder())
    if config.option.basetemp is None and "PYTEST_XDIST_WORKER" not in os.environ:
        config.option.basetemp = str(Path(tempfile.gettempdir(), "t"))
    for number in (signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) == signal.SIG_IGN:
            # nohup, or a shell's `&`, is for the run; what it starts heeds the signal (man 2 execve: a handler
            # becomes the default again).
            signal.signal(number, lambda number, frame: None)


gc.set_threshold(100_000, 50, 100)  # To look for garbage as often as usual takes a tenth of the time of all tests.

# The same examples each time, however slow the machine is.
settings.register_profile(
    "store",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("quick", settings.get_profile("store"), max_examples=20)
settings.load_profile("store")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Modules of which no test is to be run aren't loaded, nor what only they need."""
    place = os.path.relpath(collection_path, config.rootpath) + "/"
    if place.startswith(OF_POSTGRESQL) and not databases.ON_POSTGRESQL:
        return True
    if databases.ON_POSTGRESQL and not place.startswith(OF_POSTGRESQL) and is_of_files_alone(collection_path, config):
        return True
    is_left_out = place.startswith(STORES) and not f"{A_STORE}/".startswith(place)
    return True if config.option.quick and is_left_out else None


def is_of_files_alone(path: Path, config: pytest.Config) -> bool:
    """Whether it is a module none of whose tests holds for every engine; one that somebody names is looked into."""
    named = {Path(argument.partition("::")[0]).resolve() for argument in config.args}
    return path.match("test_*.py") and path not in named and "mark.every_engine" not in path.read_text()


def begun_elsewhere(places: list[str], number: int) -> list[str]:
    """The places of tests, in an order in which each process begins with another one.

    What one has compiled the others find when they come there; together they would compile all of it at once.
    """
    start = -number % max(1, len(places))
    return [*places[start:], *places[:start]]


class InOneOrder:
    """All processes of a run have to find the same tests in the same order, wherever they have begun."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Iterator[None]:
        items.sort(key=lambda item: item.nodeid.partition("::")[0])  # Before others shuffle them.
        return (yield)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Those that take longest come first, in whatever order otherwise: small ones fill what is left of the time.

    Simulations wait for nothing, so that one process goes on with them while tests of whole stores wait.
    """

    def rank(item: pytest.Item) -> int:
        places = enumerate((SIMULATED, *TOGETHER))
        return next((number for number, place in places if item.nodeid.startswith(place)), len(TOGETHER) + 1)

    items.sort(key=rank)
    if config.option.quick:
        leave_out(config, items, is_quick)
    if databases.ON_POSTGRESQL:
        leave_out(config, items, is_of_this_engine)


def leave_out(config: pytest.Config, items: list[pytest.Item], is_kept: Callable[[pytest.Item], bool]) -> None:
    left_out = {item for item in items if not is_kept(item)}
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


def is_of_this_engine(item: pytest.Item) -> bool:
    if item.nodeid.startswith(OF_POSTGRESQL):
        return True
    return item.get_closest_marker("every_engine") is not None and item.get_closest_marker("two_files") is None


def is_quick(item: pytest.Item) -> bool:
    return item.nodeid.startswith(A_STORE) or not any(map(item.get_closest_marker, ("processes", "large")))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    return OneModuleTogether(config, log)


class OneModuleTogether(LoadScopeScheduling):  # type: ignore[misc]  # Of a package without types.
    """Gives tests that share a start to one process, and the others one by one to whoever is free."""

    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        super().add_node_collection(node, collection)
        if node in self.registered_collections:
            self.registered_collections[node] = Numbered(collection)

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        """Forgets what is done: all of it would be counted after each test."""
        nodeid = self.registered_collections[node][item_index]
        work, scope = self.assigned_work[node], self._split_scope(nodeid)
        work[scope][nodeid] = True
        if all(work[scope].values()):
            del work[scope]
        self._reschedule(node)

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(SIMULATED):
            return SIMULATED
        module, *_ = nodeid.split("::")
        return module if module.startswith(TOGETHER) else nodeid


class Numbered(list[str]):
    """A list that knows where each of its items is."""

    def __init__(self, items: Iterable[str]) -> None:
        super().__init__(items)
        self._numbers = {item: number for number, item in enumerate(self)}

    def index(self, item: str, *_: Any) -> int:
        return self._numbers[item]


@pytest.fixture(scope="session")
def migrated_files(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> Path:
    """A folder with every database of a fresh store, made once in a run, whichever of its processes comes first."""
    with made_once("migrated", tmp_path_factory) as template:
        if not layout.is_kept(template):
            with django_db_blocker.unblock():
                layout.begin()
                call_command("migrate", verbosity=0)
                layout.keep(template)
    return template


@pytest.fixture(scope="session")
def stocked_files(
    migrated_files: Path, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Path:
    """As `migrated_files`, with the seven books of the course."""
    with made_once("stocked", tmp_path_factory) as template:
        if not layout.is_kept(template):
            with django_db_blocker.unblock():
                layout.put_in_place(migrated_files)
                call_command("seed_books", verbosity=0)
                layout.keep(template)
    return template


@pytest.fixture(scope="session")
def shelved_files(
    migrated_files: Path, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Path:
    """As `migrated_files`, with seven articles on the shelf of the tests of replication."""
    with made_once("shelved", tmp_path_factory) as template:
        if not layout.is_kept(template):
            from bookstore_project.replication.tests.shelf.services import put_seven

            with django_db_blocker.unblock():
                layout.put_in_place(migrated_files)
                put_seven()
                layout.keep(template)
    return template


@pytest.fixture(scope="session")
def peopled_files(
    stocked_files: Path, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Path:
    """As `stocked_files`, with the people of `make_people`."""
    with made_once("peopled", tmp_path_factory) as template:
        if not layout.is_kept(template):
            from bookstore_project.api.tests.api import make_people

            with django_db_blocker.unblock():
                layout.put_in_place(stocked_files)
                make_people()
                layout.keep(template)
    return template


@contextmanager
def made_once(name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that the processes of a run share: empty for the first one, who fills it while the others wait."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / name
    folder.mkdir(exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(descriptor)


@pytest.fixture(scope="session")
def django_db_setup(migrated_files: Path, django_db_blocker: DjangoDbBlocker) -> None:
    """For tests marked `django_db`, which want accounts only: the migrated file, in a transaction that is undone."""
    with django_db_blocker.unblock():
        layout.put_in_place(migrated_files)


@pytest.fixture(scope="session", autouse=True)
def _static_files_are_found_once() -> Iterator[None]:
    """Every test client loads the middleware anew, which then looks for the same files."""
    found: dict[str, dict[str, Any]] = {}
    find = WhiteNoiseMiddleware.add_files_from_finders

    def find_once(self: WhiteNoiseMiddleware) -> None:
        places = repr((django_settings.STATICFILES_FINDERS, django_settings.STATICFILES_DIRS))
        if places not in found:
            find(self)
            found[places] = dict(self.files)
        self.files.update(found[places])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", find_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def _addresses_are_read_once() -> Iterator[None]:
    """Each test that is another node would have all patterns read anew, which are a module's, and never change."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(urls, "clear_url_caches", lambda: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _migrations_render_little() -> Iterator[None]:
    with own_tables_only():
        yield


@pytest.fixture(scope="session", autouse=True)
def _servers_may_take_their_time() -> Iterator[None]:
    with patient() if databases.ON_POSTGRESQL else nullcontext():
        yield


@pytest.fixture(autouse=True)
def _no_failed_logins() -> None:
    """Nobody has to wait for what another test got wrong on purpose."""
    attempts.table.path.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def lay_out(migrated_files: Path) -> Callable[[], None]:
    """Puts a store without books in the place of whatever was there."""
    return partial(layout.put_in_place, migrated_files)


@pytest.fixture
def empty_store(migrated_files: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Path]:
    """A store without books; gives its folder. Each test has files of its own, under the same paths."""
    with used(migrated_files, django_db_blocker) as data:
        yield data


@pytest.fixture
def seven_books(stocked_files: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Path]:
    """A store with the seven books of the course, ids 1 to 7, 50 copies each."""
    with used(stocked_files, django_db_blocker) as data:
        yield data


@pytest.fixture
def seven_books_and_people(peopled_files: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Path]:
    """As `seven_books`, with the people of `make_people`. Nobody knows their passwords from the test before."""
    from bookstore_project.api import passwords

    passwords.verified.clear()
    with used(peopled_files, django_db_blocker) as data:
        yield data


@pytest.fixture
def seven_articles(shelved_files: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Path]:
    """A store with seven articles on its shelf, ids 1 to 7, fifty of each."""
    with used(shelved_files, django_db_blocker) as data:
        yield data


@contextmanager
def used(template: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Path]:
    with django_db_blocker.unblock(), lookouts.ended() if databases.ON_POSTGRESQL else nullcontext():
        layout.put_in_place(template)
        yield topology.DATA
        failpoints.hooks.clear()
        connections.close_all()


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """An empty Redis of the test's own, which may be done anything to."""
    with RedisServer() as server:
        yield server
