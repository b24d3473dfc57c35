"""Which cache BOOKSTORE_CACHE_URL names, and how long a lease may be."""

import subprocess

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string
from redis.connection import SSLConnection
from redis.sentinel import SentinelManagedConnection

from bookstore_project.settings import caching, topology
from tests import loaded
from tests.store import environment_for


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost:6379/0",
        "redis://cache.example",
        "redis://user:p%40ss@cache.example:6380/3",
        "rediss://cache.example/1",
        "unix:///run/redis/redis.sock",
        "unix:///run/redis/redis.sock?db=2",
        "redis://cache.example?socket_timeout=0.5",
    ],
)
def test_what_redis_may_be_called(url: str) -> None:
    entry = caching.redis(url, 60, 0.2)
    assert entry["LOCATION"] == url
    assert import_string(entry["BACKEND"]).__name__ == "RedisCache"


def test_sentinels_are_asked_which_redis_is_written_to() -> None:
    url = "redis+sentinel://ann:p%2Fss@one.example,two.example:5000/books/3?sentinel_password=other%21"
    entry = caching.redis(url, 60, 0.2)
    options = entry["OPTIONS"]
    assert entry["LOCATION"] == "redis://books/3"
    assert options["SENTINELS"] == [("one.example", 26379), ("two.example", 5000)]
    assert options["SENTINEL_KWARGS"]["password"] == "other!"
    reached = options["CONNECTION_POOL_KWARGS"]
    assert (reached["username"], reached["password"]) == ("ann", "p/ss")
    assert {each["socket_timeout"] for each in (reached, options["SENTINEL_KWARGS"])} == {0.2}


@pytest.mark.parametrize("scheme", ["redis+sentinel", "rediss+sentinel"])
def test_tls_is_spoken_with_sentinels_and_with_redis_or_with_neither(scheme: str) -> None:
    entry = caching.redis(f"{scheme}://one.example/{scheme[:6]}", 60, 0.2)  # Pools are kept by their names.
    backend = import_string(entry["BACKEND"])(entry["LOCATION"], {"OPTIONS": entry["OPTIONS"]})
    pool = backend.client.get_client().connection_pool
    sentinel = pool.sentinel_manager.sentinels[0].connection_pool
    is_encrypted = scheme.startswith("rediss")
    assert issubclass(pool.connection_class, SentinelManagedConnection)
    assert issubclass(pool.connection_class, SSLConnection) is is_encrypted
    assert issubclass(sentinel.connection_class, SSLConnection) is is_encrypted


@pytest.mark.processes
def test_the_url_may_be_in_a_file(tmp_path_factory: pytest.TempPathFactory) -> None:
    """So that no password is among the variables."""
    file = tmp_path_factory.mktemp("url") / "cache-url"
    code = "from django.conf import settings; print(settings.CACHES['default']['LOCATION'])"
    missing = manage(tmp_path_factory, "check", BOOKSTORE_CACHE_URL_FILE=str(file))
    assert f"BOOKSTORE_CACHE_URL_FILE='{file}' can't be read" in missing.stderr
    file.write_text("redis://cache.example/2\n")
    said = manage(tmp_path_factory, "shell", "--verbosity=0", "--command", code, BOOKSTORE_CACHE_URL_FILE=str(file))
    assert said.stdout.strip() == "redis://cache.example/2", said.stderr


@pytest.mark.parametrize(
    "url",
    [
        "memcached://cache.example",
        "http://cache.example",
        "cache.example:6379",
        "/run/redis.sock",
        "redis://",
        "redis:///0",
        "redis://cache.example/books",
        "redis://cache.example:99999",
        "redis://cache.example?db=x",
        "redis://cache.example?colour=red",
        "redis://user:p/ss-secret@cache.example",
        "redis://:se[cret@cache.example",
        "redis://:secret\N{FULLWIDTH SOLIDUS}@cache.example",
        "unix://",
        "unix://run/redis.sock",
        "redis+sentinel://one.example,two.example",
        "redis+sentinel://one.example,/books",
        "redis+sentinel://one.example:99999/books",
        "redis+sentinel://:secret\N{FULLWIDTH SOLIDUS}@one.example/books",
        "redis+sentinel://one.example/books/first",
        "redis+sentinel://one.example/books/-1",
        "redis+sentinel://one.example/Books",
        "redis+sentinel://one.example/books:1",
        "redis+sentinel://:secret@one.example/books?colour=red",
        "redis+sentinel://:secret@one.example/books?sentinel_password",
    ],
)
def test_what_can_be_no_redis_is_refused_without_telling_passwords(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="BOOKSTORE_CACHE_URL can't be used: expected redis://") as refused:
        caching.redis(url, 60, 0.2)
    assert "secret" not in str(refused.value)


@pytest.mark.processes
def test_a_process_with_a_wrong_url_says_so_and_does_not_begin(tmp_path_factory: pytest.TempPathFactory) -> None:
    said = manage(tmp_path_factory, "check", BOOKSTORE_CACHE_URL="memcached://cache.example")
    assert said.returncode == 1
    assert "BOOKSTORE_CACHE_URL can't be used" in said.stderr


@pytest.mark.parametrize(("url", "backend"), [("", "LRUCache"), ("redis://cache.example", "RedisCache")])
@pytest.mark.processes
def test_the_url_chooses_the_cache(tmp_path_factory: pytest.TempPathFactory, url: str, backend: str) -> None:
    code = "from django.conf import settings; print(settings.CACHES['default']['BACKEND'])"
    said = manage(tmp_path_factory, "shell", "--verbosity=0", "--command", code, BOOKSTORE_CACHE_URL=url)
    assert said.stdout.strip().endswith(f".{backend}"), said.stderr


@pytest.mark.parametrize("lease_s", ["0", "60.1", "inf", "nan", "long"])
@pytest.mark.processes
def test_a_lease_that_makes_no_sense_is_refused(tmp_path_factory: pytest.TempPathFactory, lease_s: str) -> None:
    said = manage(tmp_path_factory, "check", BOOKSTORE_LEASE_S=lease_s)
    assert said.returncode == 1
    wanted = f"BOOKSTORE_LEASE_S='{lease_s}': expected a number of at least 0.1, and 60 at most."
    assert wanted in said.stderr


def manage(folders: pytest.TempPathFactory, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    nodes = {name: f"127.0.0.1:{18000 + number}" for number, name in enumerate(topology.NODES)}
    settings = environment_for(folders.mktemp("settings"), nodes) | environment
    return loaded.run([str(topology.ROOT / "manage.py"), *arguments], settings)
