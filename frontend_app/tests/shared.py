"""Shared caches for tests: the real backend over a real Redis, patient unless told otherwise."""

import time
from collections.abc import Callable
from typing import cast

from django.conf import settings
from django.core.cache.backends.base import BaseCache
from django.utils.module_loading import import_string

from bookstore_project.settings import caching
from frontend_app.cache.coherence import Cache
from frontend_app.cache.shared import SharedCache
from frontend_app.runtime import Front

PATIENCE_S = 10.0
"""Longer than anything that answers takes on a slow machine: whoever waits this long waits for nobody."""
IMPATIENCE_S = 0.1


def redis_backend(url: str, wait_s: float = PATIENCE_S) -> BaseCache:
    """Django's cache as the settings make it for this URL."""
    entry = caching.redis(url, 60, wait_s)
    backend: Callable[[str, dict[str, object]], BaseCache] = import_string(entry["BACKEND"])
    return backend(entry["LOCATION"], {name: value for name, value in entry.items() if name != "BACKEND"})


def shared(backend: object, wait_s: float = PATIENCE_S, clock: Callable[[], float] = time.monotonic) -> SharedCache:
    """A front's own way to a cache that others may use, too."""
    return SharedCache(cast("Cache", backend), secret=settings.SECRET_KEY, wait_s=wait_s, clock=clock)


def settle(front: Front) -> None:
    """Waits until what the front has set and deleted is in its cache, for other fronts to see."""
    cache = front.reads.cache
    if isinstance(cache, SharedCache):
        assert cache.flush(PATIENCE_S)
