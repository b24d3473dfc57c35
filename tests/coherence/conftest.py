"""A cluster with one front, which has its lease; every schedule is run with each kind of cache."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from pytest_django.fixtures import Settings

from bookstore_project.replication import interface, reads, timelines
from bookstore_project.replication.invalidation import leases, polls, pushes
from bookstore_project.replication.web import views
from frontend_app.cache.coherence import Cache
from frontend_app.conftest import lasting_redis, make_cache
from frontend_app.runtime import Front
from tests.clock import Clock
from tests.coherence.simulated_cluster import SimulatedCluster, asked_alias, look, prices

__all__ = ["lasting_redis", "make_cache"]


def clocks_of_engine() -> list[ModuleType]:
    """Modules of it that wait for leases."""
    return [sys.modules[name] for name in ("bookstore_project.replication.postgresql.leases",) if name in sys.modules]


@pytest.fixture
def cluster(seven_books: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedCluster]:
    settings.ROOT_URLCONF = "catalog_app.urls"
    clock = Clock()
    made = SimulatedCluster(clock)
    for module in (pushes, leases, polls, interface, timelines, *clocks_of_engine()):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(pushes, "push", made.push)
    for module in (reads, views):
        monkeypatch.setattr(module, "local_alias", asked_alias)
    yield made
    for front in made.fronts.values():
        front.stop()


@pytest.fixture
def front(cluster: SimulatedCluster, make_cache: Callable[[], Cache]) -> Front:
    """A front with a lease, and the first book in its cache."""
    front = cluster.add_front("front", make_cache())
    assert cluster.poll(front)
    return front


@pytest.fixture
def known(cluster: SimulatedCluster, front: Front) -> list[str]:
    """The price in the cache, and those that the next writes will set."""
    before, _ = look(front)
    assert look(front) == (before, "hit")
    cluster.reads.clear()
    return prices(before, 4)
