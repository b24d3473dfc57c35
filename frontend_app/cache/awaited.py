"""Which new answers a front waits for."""

import threading
from collections import OrderedDict

MOST_KEPT = 1000


class Awaited:
    """Keys whose old answers were dropped, and whose new ones haven't come. Thread-safe.

    A book that sells many copies is invalidated anew before its new answer comes: that one is wanted all the same.
    """

    def __init__(self) -> None:
        self._keys: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def dropped(self, key: str, *, was_kept: bool) -> bool:
        """Whether its new answer is wanted."""
        with self._lock:
            if was_kept:
                self._keys[key] = None
                if len(self._keys) > MOST_KEPT:
                    self._keys.popitem(last=False)
            return key in self._keys

    def came(self, key: str) -> None:
        with self._lock:
            self._keys.pop(key, None)
