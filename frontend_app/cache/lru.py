"""A backend of Django's cache framework that evicts one entry at a time: the one that was used least recently.

It keeps and evicts. Whether an entry may be used, `coherence` decides; what deletes and sets on an update, `pushes`
and `poller` say.
"""

import copy
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache, default_key_func

from bookstore_project.clock import Clock


@dataclass
class Counters:
    """What happened to a cache since its process started."""

    hits: int = 0
    misses: int = 0
    evictions: int = 0
    """Entries that had to go because the cache was full."""
    expiries: int = 0
    """Entries that were found too old."""


ITEM_BYTES = 400
"""What an entry takes beside its value and its name, about: the objects, and the place in the table."""

# Name, value, and when it expires. A plain tuple, as the garbage collector leaves a million of those alone that hold
# bytes.
_Item = tuple[str, Any, float]


@dataclass
class _Store:
    """State of one LOCATION: `items` from the least to the most recently used."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    items: OrderedDict[str, _Item] = field(default_factory=OrderedDict)
    size_bytes: int = 0
    counters: Counters = field(default_factory=Counters)


_stores: dict[str, _Store] = {}
_stores_lock = threading.Lock()


class LRUCache(BaseCache):
    """Django's cache interface over an exact LRU of MAX_ENTRIES entries (or MAX_BYTES) in this process.

    Every `LRUCache` of the same LOCATION, in whatever thread, is the same cache. Reading, writing and touching
    count as use; asking whether a key is there doesn't. Overwriting evicts nothing. Values are copied in and out,
    so that nobody changes what another reads; bytes, which nobody can change, are not. All else is as in Django's
    `LocMemCache` (`frontend_app/cache/tests/test_lru_as_locmem.py` asks both).
    """

    clock: Clock = staticmethod(time.monotonic)
    """Seconds; tests replace it."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        options = params.get("OPTIONS", {})
        self.max_entries = max(1, int(options.get("MAX_ENTRIES", params.get("MAX_ENTRIES", 300))))
        self.max_bytes = int(options.get("MAX_BYTES", sys.maxsize))
        is_usual = self.key_func is default_key_func
        self._prefix = default_key_func("", self.key_prefix, self.version) if is_usual else ""
        """Of every key, where keys are made as usual."""
        with _stores_lock:
            self._store = _stores.setdefault(location, _Store())

    # ------------------------------------------------------------------------------- Django's interface

    def make_key(self, key: str, version: int | None = None) -> str:
        if version is None and self._prefix:
            return self._prefix + key  # The same, made quicker.
        return super().make_key(key, version)

    def validate_key(self, key: str) -> None:
        """Any string is a good key: none leaves the process, where memcached would have a say."""

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        made, kept = self.make_key(key, version), _own(value)
        with self._store.lock:
            if self._live(made) is not None:
                return False
            self._put(made, (key, kept, self._expiry(timeout)))
            return True

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        # As make_key does it, without the call: a hit shall cost next to nothing.
        made = self._prefix + key if version is None and self._prefix else self.make_key(key, version)
        store = self._store
        with store.lock:
            items = store.items
            item = items.get(made)
            if item is None or item[2] <= self.clock():
                self._live(made)  # Away with what is too old.
                store.counters.misses += 1
                return default
            items.move_to_end(made)
            store.counters.hits += 1
        value = item[1]
        return value if type(value) is bytes else _own(value)

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        made, kept = self.make_key(key, version), _own(value)
        with self._store.lock:
            self._put(made, (key, kept, self._expiry(timeout)))

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        made = self.make_key(key, version)
        with self._store.lock:
            item = self._live(made)
            if item is None:
                return False
            self._put(made, (item[0], item[1], self._expiry(timeout)))
            return True

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        """The sum. Counts as use, and leaves the timeout as it is; raises ValueError if the key isn't there."""
        made = self.make_key(key, version)
        with self._store.lock:
            item = self._live(made)
            if item is None:
                raise ValueError(f"Key {key!r} not found")
            name, value, expires = item
            total: int = value + delta
            self._put(made, (name, total, expires))
            return total

    async def aincr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        return self.incr(key, delta, version)

    def delete(self, key: str, version: int | None = None) -> bool:
        made = self.make_key(key, version)
        with self._store.lock:
            found = self._live(made) is not None
            self._drop(made)
            return found

    def has_key(self, key: str, version: int | None = None) -> bool:
        with self._store.lock:
            return self._live(self.make_key(key, version)) is not None

    def clear(self) -> None:
        with self._store.lock:
            self._store.items.clear()
            self._store.size_bytes = 0

    # --------------------------------------------------------------------------------------- inspection

    def __len__(self) -> int:
        with self._store.lock:
            return len(self._store.items)

    def keys_in_order(self) -> list[str]:
        """From the key that goes next to the one used last."""
        with self._store.lock:
            return [self._store.items[made][0] for made in self._in_order()]

    def ends(self, first: int, last: int) -> tuple[int, list[str], list[str]]:
        """How many entries there are, and the keys of so many used last, and of so many that go next: the order in
        which they would go, backwards. Whatever the size, it takes no longer than what is asked for.
        """
        with self._store.lock:
            items = self._store.items
            size = len(items)
            newest = [name for name, _, _ in islice(reversed(items.values()), first if size > first + last else size)]
            oldest = [name for name, _, _ in islice(items.values(), last)] if size > first + last else []
        return size, newest, oldest[::-1]

    def counters(self) -> Counters:
        with self._store.lock:
            return replace(self._store.counters)

    # ------------------------------------------------------------------------ helpers: the lock is held

    def _in_order(self) -> Iterable[str]:
        """What is kept, from what goes next to what goes last: the whole of the eviction policy, with `get`."""
        return self._store.items

    def _live(self, made: str) -> _Item | None:
        item = self._store.items.get(made)
        if item is not None and item[2] <= self.clock():
            self._drop(made)
            self._store.counters.expiries += 1
            return None
        return item

    def _expiry(self, timeout: Any) -> float:
        """Of `clock`; now, or before, for what is not to be kept at all."""
        seconds = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        return float("inf") if seconds is None else self.clock() + seconds

    def _put(self, made: str, item: _Item) -> None:
        store = self._store
        self._drop(made)
        size_bytes = _size_bytes(item)
        if item[2] <= self.clock() or size_bytes > self.max_bytes:
            return
        # Room first: so no order makes the new entry go.
        while len(store.items) >= self.max_entries or store.size_bytes + size_bytes > self.max_bytes:
            self._drop(next(iter(self._in_order())))
            store.counters.evictions += 1
        store.items[made] = item
        store.size_bytes += size_bytes

    def _drop(self, made: str) -> None:
        item = self._store.items.pop(made, None)
        if item is not None:
            self._store.size_bytes -= _size_bytes(item)


def _size_bytes(item: _Item) -> int:
    """About what it takes; of a value that isn't bytes, without what it refers to."""
    name, value, _ = item
    return ITEM_BYTES + 4 * len(name) + (len(value) if isinstance(value, bytes) else sys.getsizeof(value))


def _own(value: Any) -> Any:
    return value if isinstance(value, bytes) else copy.deepcopy(value)
