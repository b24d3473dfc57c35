"""Which cache BOOKSTORE_CACHE_URL names, and how long a lease may be."""

import subprocess

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

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
        "unix://",
        "unix://run/redis.sock",
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
