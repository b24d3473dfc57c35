"""A cache in another process, Redis above all, kept at arm's length: whatever it does costs speed and nothing else.

`get` waits for a bounded time, `set` and `delete` for nothing, and none of them raises. All input and output happens
in two threads, so that nothing the other side or the network does can hold up a request or an event loop. Whether an
entry may be shown isn't decided here but by leases and floors (`coherence`): so a lost delete, a late set or a cache
restored from a backup is harmless.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from bookstore_project.clock import Clock
from bookstore_project.nodes.balancing.circuit_breaker import BreakerStatus, CircuitBreaker, State
from frontend_app.cache.coherence import Cache
from frontend_app.cache.shared.lookups import Found, Lookups
from frontend_app.cache.shared.signing import Signer
from frontend_app.cache.shared.write_behind import WriteBehind

PAUSE_S = 1.0
"""How long a cache that failed is left alone before it is tried again, in seconds."""
QUESTIONS_WAITING = 1000
WRITES_WAITING = 1000
TRIAL_KEY = "trial"
"""Looked up to find out whether the cache answers; nothing is kept under it."""
CLOSE_S = 1.0
REASON_LENGTH = 200


# Redis' own errors are imported when one is to be told apart: nodes without a shared cache start sooner.


def _our_fault() -> tuple[type[Exception], ...]:
    """Errors that concern one call, of a server that answers: full, read-only, another type under that key."""
    from redis.exceptions import ResponseError

    return ResponseError, ValueError


def _too_late() -> tuple[type[Exception], ...]:
    from redis.exceptions import TimeoutError as RedisTimeoutError

    return TimeoutError, RedisTimeoutError


@dataclass(frozen=True)
class SharedStatus:
    """What became of the calls, since the process started."""

    state: State
    reason: str
    failures: int
    timeouts: int
    openings: int
    dropped: int


class SharedCache:
    """Stands in front of one of Django's caches that does input and output. Thread-safe.

    `wait_s` is the longest that `get` waits; a call that takes longer counts as failed. After a failure the cache is
    left out for `PAUSE_S`, and then tried beside the requests, not on their way.
    """

    def __init__(self, cache: Cache, *, secret: str, wait_s: float, clock: Clock = time.monotonic) -> None:
        self.wait_s = wait_s
        self.on_change: Callable[[bool, str], None] = lambda is_used, reason: None
        """Told when the cache is left out (with the reason) and when it is used again."""
        self._cache = cache
        self._signer = Signer(secret)
        self._clock = clock
        self._breaker = CircuitBreaker(
            clock=clock, on_change=self._tell, least_pause_s=PAUSE_S, longest_pause_s=PAUSE_S
        )
        self._is_left_out = False
        self._lookups = Lookups(self._look_up, QUESTIONS_WAITING)
        self._writes = WriteBehind(self._carry_out, WRITES_WAITING)
        self._lock = threading.Lock()
        self._failures = self._timeouts = 0

    # ------------------------------------------------------------------------------- Django's interface

    def get(self, key: str) -> bytes | None:
        """None if it isn't there, isn't ours, or can't be had in time."""
        if not self.is_used():
            return None
        answered = threading.Event()
        found: dict[str, Any] = {}

        def answer(all_found: Found) -> None:
            found.update(all_found)
            answered.set()

        if not self.ask([key], answer):
            return None
        if not answered.wait(self.wait_s):
            self.gave_up()
            return None
        return found.get(key)

    def set(self, key: str, value: bytes) -> None:
        if self.is_used():
            self._writes.add(key, value)

    def delete(self, key: str) -> None:
        if self.is_used():
            self._writes.add(key, None)

    # ------------------------------------------------------------------- for an event loop, which can't wait

    def is_used(self) -> bool:
        """Whether it is worth asking. If it is left out and a trial is due, one is begun."""
        if self._breaker.status.is_closed:
            return True
        if self._breaker.begin_trial(is_checked=False) and not self._lookups.ask([TRIAL_KEY], lambda found: None):
            self._breaker.failed("too many wait for an answer", is_trial=True)
        return False

    def ask(self, keys: Sequence[str], answer: Callable[[Found], None]) -> bool:
        """Has `answer` called, in another thread, with the values of those keys that have one; waits for nothing.

        False, and no call, if too many questions wait. Who doesn't wait for longer than `wait_s` says `gave_up`.
        """
        return self._lookups.ask(keys, answer)

    def gave_up(self) -> None:
        """Somebody waited for `wait_s` in vain."""
        with self._lock:
            self._timeouts += 1
        self._leave_out(f"no answer within {self.wait_s:g} s")

    # ------------------------------------------------------------------------------------ upkeep, figures

    def flush(self, timeout_s: float) -> bool:
        """Waits until all sets and deletes are carried out or dropped; False if that takes longer."""
        return self._writes.flush(timeout_s)

    def close(self) -> None:
        """Ends the threads. From then on everything is a miss."""
        self._writes.close(CLOSE_S)
        self._lookups.close(CLOSE_S)

    def status(self) -> SharedStatus:
        known, openings = self._breaker.status, self._breaker.openings
        with self._lock:
            return SharedStatus(
                known.state, known.reason, self._failures, self._timeouts, openings, self._writes.dropped
            )

    # -------------------------------------------------------------------------------------------- helpers

    def _leave_out(self, reason: str) -> None:
        if self._breaker.status.is_closed:  # Else only the trial has a say.
            self._breaker.failed(reason)

    def _tell(self, known: BreakerStatus) -> None:
        if self._is_left_out == known.is_closed:  # Not of a trial that failed: it was left out before.
            self._is_left_out = not known.is_closed
            self.on_change(known.is_closed, known.reason)

    def _look_up(self, keys: Iterable[str]) -> Found:
        """In the thread of lookups. A key without value is a miss."""
        found: dict[str, Any] = {}
        for key in keys:
            if self._breaker.status.is_closed:
                value = self._value_of(key)
                if value is not None:
                    found[key] = value
            elif key == TRIAL_KEY and self._breaker.status.is_on_trial:
                self._try_again()
        return found

    def _try_again(self) -> None:
        began_at = self._clock()
        failure, _ = self._attempt(partial(self._cache.get, TRIAL_KEY))
        if failure is None:
            self._breaker.answered(began_at)
        else:
            self._breaker.failed(failure, is_trial=True)

    def _value_of(self, key: str) -> bytes | None:
        pending = self._writes.find(key)
        if pending is not None:
            return pending.value
        return self._signer.unsign(key, self._try(partial(self._cache.get, key)))

    def _carry_out(self, key: str, value: bytes | None) -> bool:
        """In the thread of changes. False if the cache is left out."""
        if not self._breaker.status.is_closed:
            return False
        if value is None:
            self._try(partial(self._cache.delete, key))
        else:
            self._try(partial(self._cache.set, key, self._signer.sign(key, value)))
        return self._breaker.status.is_closed

    def _try(self, call: Callable[[], Any]) -> Any:
        failure, value = self._attempt(call)
        if failure is not None:
            self._leave_out(failure)
        return value

    def _attempt(self, call: Callable[[], Any]) -> tuple[str | None, Any]:
        """Why the cache is to be left out, or None, and what it answered."""
        began = self._clock()
        try:
            value = call()
        except _our_fault():
            with self._lock:
                self._failures += 1
            return None, None
        except Exception as error:  # Whatever a cache backend, its client or the network may come up with.
            with self._lock:
                if isinstance(error, _too_late()):
                    self._timeouts += 1
                else:
                    self._failures += 1
            return f"{type(error).__name__}: {error}"[:REASON_LENGTH], None
        took_s = self._clock() - began
        if took_s > self.wait_s:
            with self._lock:
                self._timeouts += 1
            return f"it took {took_s:.2f} s to answer", value
        return None, value
