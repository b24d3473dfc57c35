"""Replicas that sell one book, and caches of both kinds: in the process, and in a Redis."""

from collections.abc import Callable, Iterator

import pytest

from frontend_app.cache.coherence import Cache
from frontend_app.tests.support import fakes
from frontend_app.tests.support.shared_caches import redis_backend, shared
from tests.redis import RedisServer

CacheFactory = Callable[[], Cache]


@pytest.fixture(autouse=True)
def _fronts_end() -> Iterator[None]:
    yield
    fakes.stop_fronts()


@pytest.fixture
def store() -> fakes.Store:
    """Replicas that have one book."""
    store = fakes.Store()
    store.put(1)
    return store


@pytest.fixture(scope="session")
def lasting_redis() -> Iterator[RedisServer]:
    """One Redis for all tests that leave it as well as they found it."""
    with RedisServer() as server:
        yield server


@pytest.fixture(params=["lru", "redis"])
def make_cache(request: pytest.FixtureRequest) -> CacheFactory:
    """Makes a front's cache at each call: a memory of its own, or its own way to one Redis that all share.

    A front is seen by the next one, or restarted over a warm cache, with another call.
    """
    if request.param == "lru":
        return fakes.lru
    server: RedisServer = request.getfixturevalue("lasting_redis")
    server.ask("FLUSHALL")
    return lambda: shared(redis_backend(server.url))


@pytest.fixture
def cache(make_cache: CacheFactory) -> Cache:
    """A front's cache; the test runs once with each kind."""
    return make_cache()
