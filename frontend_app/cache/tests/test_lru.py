import threading

import pytest
from django.core.cache import caches

from frontend_app.cache.lru import Counters, LRUCache
from frontend_app.tests.support.fakes import lru
from tests.clock import Clock


def test_the_least_recently_used_entry_goes_one_at_a_time() -> None:
    cache = lru(max_entries=3)
    for key in "abc":
        cache.set(key, key.encode())
    cache.get("a")
    cache.set("d", b"d")
    assert cache.keys_in_order() == ["c", "a", "d"]
    cache.set("e", b"e")
    assert cache.keys_in_order() == ["a", "d", "e"]
    assert cache.counters().evictions == 2


def test_reading_and_touching_count_as_use_and_asking_does_not() -> None:
    cache = lru(max_entries=3)
    for key in "abc":
        cache.set(key, b"")
    assert "a" in cache
    assert cache.has_key("a")
    cache.get("b")
    cache.touch("c")
    assert cache.keys_in_order() == ["a", "b", "c"]


def test_overwriting_in_a_full_cache_evicts_nothing() -> None:
    cache = lru(max_entries=2)
    cache.set("a", b"1")
    cache.set("b", b"1")
    cache.set("a", b"2")
    assert cache.keys_in_order() == ["b", "a"]
    assert cache.counters().evictions == 0
    assert cache.get("a") == b"2"


def test_an_entry_expires_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(LRUCache, "clock", clock)
    cache = lru(timeout_s=60)
    cache.set("default", b"")
    cache.set("short", b"", 5)
    cache.set("for ever", b"", None)
    cache.set("never", b"", 0)
    clock.now += 5
    assert cache.get("short") is None
    assert cache.keys_in_order() == ["default", "for ever"]
    clock.now += 55
    assert cache.get("default") is None
    assert cache.get("for ever") == b""
    assert cache.counters() == Counters(hits=1, misses=2, evictions=0, expiries=2)


def test_one_location_is_one_cache_in_every_thread() -> None:
    caches["default"].set("seen", b"by all")
    seen: list[object] = []
    thread = threading.Thread(target=lambda: seen.extend([caches["default"], caches["default"].get("seen")]))
    thread.start()
    thread.join()
    assert seen[0] is not caches["default"]
    assert seen[1] == b"by all"
    caches["default"].clear()


def test_add_keeps_what_is_there_and_delete_says_whether_it_was() -> None:
    cache = lru()
    assert cache.add("a", b"1")
    assert not cache.add("a", b"2")
    assert cache.get("a") == b"1"
    assert cache.delete("a")
    assert not cache.delete("a")
    assert not cache.touch("a")


def test_nobody_can_change_what_another_reads() -> None:
    cache = lru()
    value = {"list": [1]}
    cache.set("a", value)
    value["list"].append(2)
    cache.get("a")["list"].append(3)
    assert cache.get("a") == {"list": [1]}


def test_keys_that_other_caches_refuse_are_kept_as_they_are() -> None:
    cache = lru()
    keys = ["topic:distributed systems", "topic:" + "x" * 300]
    for key in keys:
        cache.set(key, b"")
    assert cache.keys_in_order() == keys


@pytest.mark.parametrize(
    ("entries", "shown"), [(0, ([], [])), (2, ([1, 0], [])), (5, ([4, 3, 2, 1, 0], [])), (9, ([8, 7, 6], [1, 0]))]
)
def test_ends_are_those_used_last_and_those_that_go_next(entries: int, shown: tuple[list[int], list[int]]) -> None:
    cache = lru(max_entries=10)
    for number in range(entries):
        cache.set(str(number), b"value")
    size, first, last = cache.ends(3, 2)
    assert (size, [int(key) for key in first], [int(key) for key in last]) == (entries, *shown)
