"""Shared caches for tests: the real backend over a real Redis, patient unless told otherwise."""

import threading
import time
from collections.abc import Callable
from typing import Any, cast

from django.conf import settings
from django.core.cache.backends.base import BaseCache
from django.utils.module_loading import import_string

from bookstore_project.clock import Clock
from bookstore_project.settings import caching
from frontend_app.cache.coherence import Cache
from frontend_app.cache.shared.cache import SharedCache
from frontend_app.runtime import Front
from tests.waiting import PATIENCE_S

IMPATIENCE_S = 0.1


def redis_backend(url: str, wait_s: float = PATIENCE_S) -> BaseCache:
    """Django's cache as the settings make it for this URL."""
    entry = caching.redis(url, 60, wait_s)
    backend: Callable[[str, dict[str, object]], BaseCache] = import_string(entry["BACKEND"])
    return backend(entry["LOCATION"], {name: value for name, value in entry.items() if name != "BACKEND"})


def shared(backend: object, wait_s: float = PATIENCE_S, clock: Clock = time.monotonic) -> SharedCache:
    """A front's own way to a cache that others may use, too."""
    return SharedCache(cast("Cache", backend), secret=settings.SECRET_KEY, wait_s=wait_s, clock=clock)


def settle(front: Front) -> None:
    """Waits until what the front has set and deleted is in its cache, for other fronts to see."""
    cache = front.reads.cache
    if isinstance(cache, SharedCache):
        assert cache.flush(PATIENCE_S)


class Backend:
    """A cache that notes its calls, and does `misbehave` before each; `after_get` once it has looked."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.calls: list[tuple[str, str]] = []
        self.misbehave: Callable[[], None] = lambda: None
        self.after_get: Callable[[], None] = lambda: None

    def get(self, key: str) -> Any:
        self.calls.append(("get", key))
        self.misbehave()
        value = self.values.get(key)
        self.after_get()
        return value

    def set(self, key: str, value: Any) -> None:
        self.calls.append(("set", key))
        self.misbehave()
        self.values[key] = value

    def delete(self, key: str) -> None:
        self.calls.append(("delete", key))
        self.misbehave()
        self.values.pop(key, None)

    def fail_with(self, error: Exception) -> None:
        def misbehave() -> None:
            raise error

        self.misbehave = misbehave


class Gate:
    """Stops whoever comes until it is opened; says that somebody has come."""

    def __init__(self) -> None:
        self.is_reached, self._open = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.is_reached.set()
        assert self._open.wait(PATIENCE_S)

    def open(self) -> None:
        self._open.set()
