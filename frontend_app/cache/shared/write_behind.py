"""Sets and deletes of a slow cache, carried out in a thread of its own: who asks for them waits for nothing."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class PendingWrite:
    """What a key is to hold; None if it is to be deleted. Compared by identity."""

    value: bytes | None


class WriteBehind:
    """The newest change of each key that isn't carried out yet, oldest key first.

    Bounded by `limit` keys: what goes beyond is dropped, as is everything that waits while the cache can't be
    reached. That costs misses: what makes an entry count is its reader's to say.
    """

    def __init__(self, carry_out: Callable[[str, bytes | None], bool], limit: int) -> None:
        self._carry_out = carry_out
        self._limit = limit
        self._changed = threading.Condition()
        self._pending: dict[str, PendingWrite] = {}
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self.dropped = 0

    def add(self, key: str, value: bytes | None) -> None:
        with self._changed:
            if self._is_closed or (len(self._pending) >= self._limit and key not in self._pending):
                self.dropped += 1
                return
            self._pending[key] = PendingWrite(value)
            if self._thread is None:
                # Not before it is needed: threads don't survive a fork.
                self._thread = threading.Thread(target=self._run, name="cache-writes", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def drop(self) -> None:
        """Forgets what waits."""
        with self._changed:
            self.dropped += len(self._pending)
            self._pending.clear()
            self._changed.notify_all()

    def find(self, key: str) -> PendingWrite | None:
        """What this process wants the key to hold, if the cache may not have heard of it yet."""
        return self._pending.get(key)

    def flush(self, timeout_s: float) -> bool:
        """Waits until nothing waits to be carried out; False if that takes longer."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            return self._changed.wait_for(lambda: not self._pending, deadline - time.monotonic())

    def close(self, timeout_s: float) -> None:
        """Ends the thread, and forgets what waits."""
        with self._changed:
            self._is_closed = True
        self.drop()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._pending:
                    if self._is_closed:
                        return
                    self._changed.wait()
                key, change = next(iter(self._pending.items()))
            if not self._carry_out(key, change.value):
                self.drop()
                continue
            with self._changed:
                # Unless another change of the key came meanwhile. Until here it could be found.
                if self._pending.get(key) is change:
                    del self._pending[key]
                    self._changed.notify_all()
