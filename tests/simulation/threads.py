"""What stands in for the standard library's threads, and for the locks between them, in a simulated process.

In the simulator itself, which has no world, locks are free.
"""

import functools
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Self

from tests.simulation import actors
from tests.simulation.actor import Actor


class Lock:
    """`threading.Lock`: whoever waits for it is not chosen until it is free."""

    def __init__(self) -> None:
        self._is_locked = False
        self._waiting: list[Actor] = []

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        world = actors.world
        if world is not None and blocking:
            world.point("lock")
            until = world.now_ns + int(timeout * 1e9) if timeout >= 0 else -1
            while self._is_locked:
                if 0 <= until <= world.now_ns:
                    return False
                self._waiting.append(world.current)
                world.block(until, "locked")
        elif self._is_locked:
            assert not blocking, "the simulator would wait for ever"
            return False
        self._is_locked = True
        return True

    def release(self) -> None:
        if not self._is_locked:
            raise RuntimeError("release unlocked lock")
        self._is_locked = False
        for actor in self._waiting:
            assert actors.world is not None
            actors.world.wake(actor)
        self._waiting.clear()

    def locked(self) -> bool:
        return self._is_locked

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def _at_fork_reinit(self) -> None:
        self._is_locked = False
        self._waiting.clear()


class RLock:
    """`threading.RLock`."""

    def __init__(self) -> None:
        self._lock, self._owner, self._count = Lock(), -1, 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        me = _me()
        if self._owner != me:
            if not self._lock.acquire(blocking, timeout):
                return False
            self._owner = me
        self._count += 1
        return True

    def release(self) -> None:
        if self._owner != _me():
            raise RuntimeError("cannot release un-acquired lock")
        self._count -= 1
        if not self._count:
            self._owner = -1
            self._lock.release()

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _is_owned(self) -> bool:
        return self._owner == _me()

    def _release_save(self) -> int:
        count, self._count, self._owner = self._count, 0, -1
        self._lock.release()
        return count

    def _acquire_restore(self, count: int) -> None:
        self._lock.acquire()
        self._count, self._owner = count, _me()

    def _at_fork_reinit(self) -> None:
        self.__init__()  # type: ignore[misc]  # As the standard library's own does.


def _me() -> int:
    return 0 if actors.world is None else actors.world.current.number


def _start_new_thread(function: Callable[..., object], arguments: tuple[Any, ...]) -> int:
    assert actors.world is not None, "the simulator has no threads"
    thread = getattr(function, "__self__", None)
    actor = actors.world.begin(getattr(thread, "name", "thread"), lambda: _run(function, arguments))
    if thread is not None:
        thread.simulated = actor
    return actor.number


def _run(function: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    from django.db import connections

    try:
        function(*arguments)
    finally:
        connections.close_all()  # Otherwise the thread's end would, beside whoever runs then.


def _join(thread: Any, timeout: float | None = None) -> None:
    world = actors.world
    assert world is not None
    world.join(thread.simulated, -1 if timeout is None else world.now_ns + int(timeout * 1e9))


def _is_alive(thread: Any) -> bool:
    simulated = getattr(thread, "simulated", None)
    return simulated is not None and not simulated.has_ended


def install() -> None:
    """After the clocks: `threading` and `queue` know them by names of their own."""
    lock: Any = Lock
    # Its private names are in no stub, and what takes their place has the behaviour, not all of the type.
    threading.Lock = threading._allocate_lock = lock  # type: ignore[attr-defined]
    threading.RLock = functools.RLock = RLock  # type: ignore[attr-defined,assignment]
    threading._start_new_thread = _start_new_thread  # type: ignore[attr-defined]
    threading._time = queue.time = time.monotonic  # type: ignore[attr-defined]
    threading.Thread.join = _join  # type: ignore[assignment,method-assign]
    threading.Thread.is_alive = _is_alive  # type: ignore[assignment,method-assign]
    queue.SimpleQueue = queue._PySimpleQueue  # type: ignore[attr-defined,misc]
