"""Lab 2: does the front's cache evict what was used least often, and remember what is sold?"""

import gc
import itertools
import sys

import pytest
from django.utils.module_loading import import_string

from bookstore_project.settings import caching
from frontend_app.cache.lru import LRUCache

_places = itertools.count()
PASSING = 5000
"""Keys that come once and never again."""


@pytest.fixture
def location() -> str:
    """Of a cache that nobody has used."""
    return f"lab-2-{next(_places)}"


def make(location: str, size: int = 3) -> LRUCache:
    """As Django makes the front's cache: the class that the settings name."""
    entry = caching.in_process(size, 64, 60)
    made = import_string(entry["BACKEND"])(location, {**entry, "TIMEOUT": 60})
    assert isinstance(made, LRUCache)
    return made


def put(cache: LRUCache, *keys: str) -> None:
    for key in keys:
        cache.set(key, b"answer")


def use(cache: LRUCache, **times: int) -> None:
    """Each key so often, one after the other."""
    for key, count in times.items():
        for _ in range(count):
            assert cache.get(key) == b"answer", f"{key} is gone"


def kept(cache: LRUCache) -> set[str]:
    return set(cache.keys_in_order())


def test_the_least_often_used_goes(location: str) -> None:
    """A full cache evicts what was read least often, even if that was read last."""
    cache = make(location)
    put(cache, "a", "b", "c")
    use(cache, a=3, b=2, c=1)
    put(cache, "d")
    assert kept(cache) == {"a", "b", "d"}, f"it kept {sorted(kept(cache))} of a (3 reads), b (2), c (1, the last), d"


def test_equals_go_by_age(location: str) -> None:
    """Of those that were read equally often, the least recently used goes."""
    cache = make(location)
    put(cache, "a", "b", "c")
    use(cache, b=2, c=2, a=2)
    assert cache.keys_in_order() == ["b", "c", "a"], f"the order is {cache.keys_in_order()}"
    put(cache, "d")
    assert "b" not in kept(cache), f"it kept {sorted(kept(cache))}"


def test_the_order_is_shown(location: str) -> None:
    """`keys_in_order`, which the cluster page shows, begins with what goes next."""
    cache = make(location)
    put(cache, "a", "b", "c")
    use(cache, a=2, b=1)
    assert cache.keys_in_order() == ["c", "b", "a"], f"the order is {cache.keys_in_order()}"


def test_all_see_the_same_counts(location: str) -> None:
    """Two objects of one LOCATION are one cache: Django makes one for each thread."""
    first, second = make(location), make(location)
    put(first, "a", "b", "c")
    use(second, a=2)
    use(first, b=1)
    use(second, c=1)
    use(first, c=1)
    put(second, "d")
    assert kept(first) == {"a", "c", "d"}, f"it kept {sorted(kept(first))}"


def test_a_sale_is_not_forgotten_use(location: str) -> None:
    """A sale deletes an entry and sets it again: the book stays as popular as it was."""
    cache = make(location)
    put(cache, "bestseller", "b", "c")
    use(cache, bestseller=5, b=2, c=2)
    cache.delete("bestseller")
    put(cache, "bestseller")
    use(cache, b=1, c=1)
    put(cache, "d")
    assert "bestseller" in kept(cache), "it was read five times, then sold, and then it was the first to go"


def test_counts_are_bounded(location: str) -> None:
    """Millions of addresses may pass by: what is remembered of them doesn't grow with their number."""
    cache = make(location, 10)
    use_once(cache, "early", PASSING)
    first = objects()
    use_once(cache, "late", PASSING)
    grown = objects() - first
    assert grown < PASSING / 2, f"{PASSING} more addresses left about {grown} strings in memory"


def use_once(cache: LRUCache, name: str, count: int) -> None:
    for number in range(count):
        key = f"{name}-{number}"
        cache.set(key, b"answer")
        cache.get(key)
        cache.delete(key)


def objects() -> int:
    """How many things memory holds."""
    gc.collect()
    return sys.getallocatedblocks()
