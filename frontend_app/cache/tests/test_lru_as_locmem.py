"""Django's cache interface as its documentation and its own tests have it: asked of `LocMemCache` and of ours."""

import asyncio
import itertools
import sys
import threading
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache.backends import base, locmem
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache

from frontend_app.cache.lru import LRUCache
from tests.clock import Clock

TIMEOUT_S = 60
_names = itertools.count()
Make = Callable[..., BaseCache]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(LRUCache, "clock", clock)
    for module in (base, locmem):
        monkeypatch.setattr(module, "time", SimpleNamespace(time=clock))
    return clock


@pytest.fixture(params=[LocMemCache, LRUCache], ids=["Django", "ours"])
def make(request: pytest.FixtureRequest) -> Make:
    """Makes caches of the same entries, with those parameters."""
    location = f"interface-{next(_names)}"
    return lambda **params: request.param(location, {"TIMEOUT": TIMEOUT_S, **params})


@pytest.fixture
def cache(make: Make, clock: Clock) -> BaseCache:
    return make()


def test_what_is_set_is_there_and_none_is_a_value(cache: BaseCache) -> None:
    for value in ("text", b"bytes", 7, 1.5, None, [1, {"a": (2, None)}], {"set"}):
        cache.set("key", value)
        assert cache.get("key", "default") == value
    assert cache.get("missing") is None
    assert cache.get("missing", "default") == "default"


def test_keys_of_the_empty_string_and_of_any_letters(cache: BaseCache) -> None:
    for key in ("", "ascii", "Iñtërnâtiônàlizætiøn", "a:b:c"):
        cache.set(key, key)
        assert cache.get(key) == key


def test_has_key_and_in(cache: BaseCache) -> None:
    cache.set("there", None)
    assert cache.has_key("there")
    assert "there" in cache
    assert not cache.has_key("missing")
    assert "missing" not in cache


def test_add_takes_only_what_is_not_there(cache: BaseCache, clock: Clock) -> None:
    assert cache.add("key", 1, timeout=5)
    assert not cache.add("key", 2)
    assert cache.get("key") == 1
    clock.now += 5
    assert cache.add("key", 3)
    assert cache.get("key") == 3


def test_delete_says_whether_there_was_something(cache: BaseCache) -> None:
    cache.set_many({"a": 1, "b": 2})
    assert cache.delete("a")
    assert not cache.delete("a")
    assert cache.get("a") is None
    assert cache.get("b") == 2


@pytest.mark.parametrize("timeout", [0, -1])
def test_a_timeout_of_nothing_keeps_nothing(cache: BaseCache, timeout: int) -> None:
    cache.set("set", 1, timeout=timeout)
    assert cache.add("added", 1, timeout=timeout)
    cache.set("touched", 1)
    assert cache.touch("touched", timeout=timeout)
    cache.set("replaced", 1)
    cache.set("replaced", 2, timeout=timeout)
    cache.set_many({"many": 1}, timeout=timeout)
    for key in ("set", "added", "touched", "replaced", "many"):
        assert cache.get(key) is None
        assert key not in cache


def test_no_timeout_keeps_for_ever(cache: BaseCache, clock: Clock) -> None:
    cache.set("set", 1, timeout=None)
    cache.add("added", 1, timeout=None)
    cache.set("touched", 1)
    cache.touch("touched", timeout=None)
    cache.set_many({"many": 1}, timeout=None)
    clock.now += 1e9
    assert cache.get_many(["set", "added", "touched", "many"]) == {"set": 1, "added": 1, "touched": 1, "many": 1}


def test_timeouts_are_the_default_or_said_in_seconds_or_parts_of_one(cache: BaseCache, clock: Clock) -> None:
    cache.set("default", 1)
    cache.set("long", 1, timeout=60 * 60 * 24 * 30 + 1)
    cache.set("short", 1, timeout=0.25)
    clock.now += 0.25
    assert cache.get_many(["default", "short"]) == {"default": 1}
    clock.now += TIMEOUT_S
    assert cache.get_many(["default", "long"]) == {"long": 1}


def test_touch_changes_the_timeout_and_nothing_else(cache: BaseCache, clock: Clock) -> None:
    cache.set("key", [1], timeout=4)
    assert cache.touch("key", timeout=8)
    clock.now += 5
    assert cache.get("key") == [1]
    assert cache.touch("key")  # The default, from now on.
    clock.now += TIMEOUT_S - 1
    assert cache.get("key") == [1]
    clock.now += 1
    assert not cache.touch("key")
    assert not cache.touch("missing")


def test_many_at_once(cache: BaseCache, clock: Clock) -> None:
    assert cache.set_many({"a": 1, "b": 2, "c": None}, timeout=5) == []
    assert cache.get_many(["a", "c", "missing"]) == {"a": 1, "c": None}
    assert cache.get_many(iter(["b"])) == {"b": 2}
    cache.delete_many(["a", "missing"])
    assert cache.get_many(["a", "b", "c"]) == {"b": 2, "c": None}
    clock.now += 5
    assert cache.get_many(["a", "b", "c"]) == {}


def test_get_or_set(cache: BaseCache, clock: Clock) -> None:
    made = itertools.count()
    assert cache.get_or_set("key", "first", timeout=5) == "first"
    assert cache.get_or_set("key", "second") == "first"
    assert cache.get_or_set("called", lambda: next(made)) == 0
    assert cache.get_or_set("called", lambda: next(made)) == 0
    assert cache.get_or_set("none", lambda: None) is None
    assert cache.get("none", "default") is None
    clock.now += 5
    assert cache.get_or_set("key", "third", version=1) == "third"
    with pytest.raises(TypeError):
        cache.get_or_set("key")  # type: ignore[call-arg]  # On purpose.


def test_clear_takes_all_versions_away(cache: BaseCache) -> None:
    cache.set("a", 1)
    cache.set("b", 1, version=2)
    cache.clear()
    assert cache.get("a") is None
    assert cache.get("b", version=2) is None


def test_whoever_changes_a_value_changes_his_own(cache: BaseCache) -> None:
    value = {"list": [1]}
    cache.set("set", value)
    cache.add("added", value)
    value["list"].append(2)
    for key in ("set", "added"):
        cache.get(key)["list"].append(3)
        assert cache.get(key) == {"list": [1]}


class Unpicklable:
    def __reduce__(self) -> Any:
        raise ValueError("It can't be copied.")


def test_a_value_that_cannot_be_kept_is_refused_and_the_old_one_stays(cache: BaseCache) -> None:
    cache.set("key", "old")
    with pytest.raises(ValueError, match="copied"):
        cache.set("key", Unpicklable())
    assert cache.get("key") == "old"


# ------------------------------------------------------------------------------------------- adding to a number


def test_incr_and_decr(cache: BaseCache) -> None:
    cache.set("answer", 41)
    assert cache.incr("answer") == 42
    assert cache.get("answer") == 42
    assert cache.incr("answer", 10) == 52
    assert cache.decr("answer") == 51
    assert cache.decr("answer", 10) == 41
    assert cache.incr("answer", -41) == 0
    assert cache.decr("answer", 3) == -3
    assert asyncio.run(cache.aincr("answer", 5)) == 2
    assert asyncio.run(cache.adecr("answer", 2)) == 0
    assert cache.get("answer") == 0


def test_incr_takes_large_numbers_and_parts(cache: BaseCache) -> None:
    cache.set("large", 2**62)
    assert cache.incr("large", 2**62) == 2**63
    cache.set("part", 0.5)
    assert cache.incr("part") == 1.5


def test_incr_keeps_the_timeout(cache: BaseCache, clock: Clock) -> None:
    for key, timeout in (("short", 5), ("default", TIMEOUT_S)):
        cache.set(key, 1, timeout=timeout)
    cache.set("always", 1, timeout=None)
    clock.now += 4
    for key in ("short", "default", "always"):
        cache.incr(key)
        cache.decr(key, 2)
    clock.now += 1
    assert cache.get_many(["short", "default", "always"]) == {"default": 0, "always": 0}
    clock.now += TIMEOUT_S - 5
    assert cache.get_many(["default", "always"]) == {"always": 0}


def test_incr_of_what_is_not_there_or_no_number(cache: BaseCache, clock: Clock) -> None:
    cache.set("text", "x")
    cache.set("gone", 1, timeout=5)
    clock.now += 5
    for key in ("missing", "gone"):
        for add in (cache.incr, cache.decr):
            with pytest.raises(ValueError, match=key):
                add(key)
        assert key not in cache
    with pytest.raises(TypeError):
        cache.incr("text")
    assert cache.get("text") == "x"


def test_nothing_is_lost_of_what_many_threads_add(make: Make) -> None:
    threads, times = 8, 400
    make().set("count", 0)

    def add() -> None:
        cache = make()
        for _ in range(times):
            cache.incr("count", 2)
            cache.decr("count")

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        together(threads, add)
    finally:
        sys.setswitchinterval(interval)
    assert make().get("count") == threads * times


def test_of_many_who_add_a_key_one_succeeds(make: Make) -> None:
    added: list[int] = []
    numbers = itertools.count()

    def add() -> None:
        number = next(numbers)
        if make().add("key", number):
            added.append(number)

    together(8, add)
    assert added == [make().get("key")]


def together(count: int, work: Callable[[], None]) -> None:
    gate = threading.Barrier(count)

    def run() -> None:
        gate.wait()
        work()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# ------------------------------------------------------------------------------------ versions, prefixes, keys


def test_each_version_has_its_own(make: Make, clock: Clock) -> None:
    first, second = make(), make(VERSION=2)
    first.set("key", 1)
    assert (first.get("key", version=1), second.get("key"), first.get("key", version=2)) == (1, None, None)
    first.set("key", 2, version=2)
    assert (first.get("key"), second.get("key"), second.get("key", version=1)) == (1, 2, 1)
    assert not first.add("key", 3, version=2)
    assert second.incr("key", version=1) == 2
    assert second.touch("key", 5, version=1)
    assert first.has_key("key", version=2)
    clock.now += 5
    assert (first.get("key"), second.get("key")) == (None, 2)
    assert first.delete("key", version=2)
    assert "key" not in second
    first.set_many({"a": 1, "b": 2}, version=2)
    assert second.get_many(["a", "b"]) == {"a": 1, "b": 2}
    first.delete_many(["a", "b"], version=2)
    assert first.get_many(["a", "b"], version=2) == {}


def test_a_version_may_be_raised_and_lowered(make: Make, clock: Clock) -> None:
    cache, second = make(), make(VERSION=2)
    cache.set("key", "value", version=2)
    assert cache.incr_version("key", version=2) == 3
    assert (cache.get("key", version=2), cache.get("key", version=3)) == (None, "value")
    assert cache.decr_version("key", 2, version=3) == 1
    assert cache.get("key") == "value"
    cache.set("none", None)
    assert cache.incr_version("none") == 2
    assert second.get("none", "default") is None
    assert second.incr_version("none", 3) == 5
    for change in (cache.incr_version, cache.decr_version):
        with pytest.raises(ValueError, match="missing"):
            change("missing")


def test_a_prefix_keeps_apart(make: Make) -> None:
    plain, prefixed = make(), make(KEY_PREFIX="prefix")
    plain.set("key", 1)
    assert "key" not in prefixed
    prefixed.set("key", 2)
    assert (plain.get("key"), prefixed.get("key")) == (1, 2)


def test_a_function_may_make_the_keys(make: Make) -> None:
    own = make(KEY_FUNCTION=lambda key, prefix, version: f"own-{version}-{prefix}-{key}")
    usual = make()
    usual.set("key", 1)
    assert "key" not in own
    own.set("key", 2)
    assert own.incr("key") == 3
    assert own.get("key") == 3
    assert own.make_key("key") == "own-1--key"
    assert usual.make_key("key", 2) == ":2:key"


def test_ours_takes_the_keys_that_memcached_would_not(clock: Clock) -> None:
    """As Django's documentation says how: `validate_key` is replaced. Topics have blanks, and may be long."""
    cache = LRUCache(f"interface-{next(_names)}", {})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for key in ("with a blank", "x" * 251, "control\x07", "Ünsinn"):
            cache.validate_key(key)
            cache.set(key, 1)
            assert cache.add(key, 2) is False
            assert cache.incr(key) == 2
            assert cache.touch(key)
            assert cache.get(key) == 2
            assert cache.has_key(key)
            assert cache.incr_version(key) == 2
            assert cache.delete(key, version=2)
