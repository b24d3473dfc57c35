"""What stands in for the standard library's clocks, locks, threads, chance and files' times, in a simulated process.

Installed before Django and the store are loaded, so that they are what they are everywhere else: code that reads the
clock, waits, or draws a key, and knows nothing of this. In the simulator itself, which has no world, locks are free
and the clock stands still.
"""

import fcntl
import functools
import gc
import os
import queue
import random
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from tests.simulation import actors

EPOCH_NS = 1_700_000_000_000_000_000
"""The moment at which each simulated store begins, in nanoseconds since 1970."""
_LONGER, _MOST_LONGER = 1.5, 10
_YEAR_NS = 365 * 86_400_000_000_000
_real_stat, _real_fstat = os.stat, os.fstat


class Reading:
    """A clock. An object, and no function: as an attribute of a class it would become a method."""

    def __init__(self, name: str, since_ns: int, unit: float | None) -> None:
        self.__name__ = name
        self._since_ns, self._unit = since_ns, unit

    def __call__(self) -> Any:
        now = EPOCH_NS if actors.world is None else actors.world.read_clock()
        return now - self._since_ns if self._unit is None else (now - self._since_ns) * self._unit


class Sleep:
    """`time.sleep`. It takes longer, as it may, after others' lock was asked for in vain again and again."""

    def __call__(self, seconds: float) -> None:
        world = actors.world
        assert world is not None, "the simulator doesn't sleep"
        world.sleep(seconds * _LONGER ** min(world.current.in_vain, _MOST_LONGER))


class Lock:
    """`threading.Lock`: whoever waits for it is not chosen until it is free."""

    def __init__(self) -> None:
        self._is_locked = False
        self._waiting: list[actors.Actor] = []

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


def random_bytes(count: int) -> bytes:
    return b"\0" * count if actors.world is None else actors.world.random_bytes(count)


# ----------------------------------------------------------------------------------------------- files


def _with_simulated_times(about: os.stat_result) -> os.stat_result:
    """Times that no simulated clock has set say nothing: they are the machine's."""
    at = about.st_mtime_ns
    if not 0 <= at - EPOCH_NS < _YEAR_NS:
        at = EPOCH_NS
    return os.stat_result(
        (*about[:7], *(at // 10**9,) * 3, *(at / 1e9,) * 3, *(at,) * 3, *about[16:]),
        {"st_blksize": about.st_blksize, "st_blocks": about.st_blocks, "st_rdev": about.st_rdev},
    )


def _stat(*arguments: Any, **options: Any) -> os.stat_result:
    return _with_simulated_times(_real_stat(*arguments, **options))


def _fstat(descriptor: int) -> os.stat_result:
    return _with_simulated_times(_real_fstat(descriptor))


def touch(path: str) -> None:
    """The file was written now, by the simulated clock."""
    if actors.world is not None:
        now = actors.world.now_ns
        with suppress(OSError):
            os.utime(path, ns=(now, now))


def _with_point(name: str, call: Callable[..., Any], *, is_write: bool = False) -> Callable[..., Any]:
    def called(*arguments: Any, **options: Any) -> Any:
        world = actors.world
        if world is None:
            return call(*arguments, **options)
        world.point(name)
        result = call(*arguments, **options)
        if is_write:
            os.utime(arguments[0], ns=(world.now_ns, world.now_ns))
        return result

    return called


def _flock(descriptor: int, operation: int, flock: Callable[[int, int], None] = fcntl.flock) -> None:
    world = actors.world
    assert world is not None, "the simulator locks nothing"
    world.point("flock")
    try:
        flock(descriptor, operation)
    except BlockingIOError:
        world.current.in_vain += 1
        raise
    world.current.in_vain = 0


def _kill_by_descriptor(descriptor: int, number: int) -> None:
    """`signal.pidfd_send_signal`: returns when the process is gone, which the kernel's doesn't wait for."""
    lines = Path(f"/proc/self/fdinfo/{descriptor}").read_text().splitlines()
    pid = next(int(line.split()[1]) for line in lines if line.startswith("Pid:"))
    assert actors.world is not None
    actors.world.call("kill", pid)


def _connect(*arguments: Any, connect: Callable[..., Any] = sqlite3.connect, **options: Any) -> Any:
    """SQLite waits for nobody: nobody else runs while it does."""
    return connect(*arguments, **{**options, "timeout": 0.0})


# ------------------------------------------------------------------------------------------ all of them


def install() -> None:
    """Once, before anything is imported that takes these by name."""
    for name, since in (("time", 0), ("monotonic", EPOCH_NS), ("perf_counter", EPOCH_NS)):
        setattr(time, name, Reading(name, since, 1e-9))
        setattr(time, f"{name}_ns", Reading(f"{name}_ns", since, None))
    for name in ("thread_time", "process_time"):
        setattr(time, name, Reading(name, EPOCH_NS, 0.0))
    time.sleep = Sleep()  # type: ignore[assignment]
    _install_threads()
    os.urandom = random._urandom = random_bytes  # type: ignore[attr-defined]
    os.stat, os.fstat = _stat, _fstat  # type: ignore[assignment]
    for name in ("write", "pwrite"):
        setattr(os, name, _with_point(name, getattr(os, name), is_write=True))
    for name in ("fsync", "replace", "rename", "link", "unlink"):
        setattr(os, name, _with_point(name, getattr(os, name)))
    fcntl.flock = _flock  # type: ignore[assignment]
    signal.pidfd_send_signal = _kill_by_descriptor  # type: ignore[assignment]
    sqlite3.connect = sqlite3.dbapi2.connect = _connect
    # When garbage is collected depends on how much else there is. And to look at all that was loaded before the fork
    # would take a node longer than all the rest of its start.
    gc.disable()
    gc.enable = lambda: None
    gc.collect = lambda generation=2: 0


def _install_threads() -> None:
    lock: Any = Lock
    threading.Lock = threading._allocate_lock = lock  # type: ignore[attr-defined]
    threading.RLock = functools.RLock = RLock  # type: ignore[attr-defined,assignment]
    threading._start_new_thread = _start_new_thread  # type: ignore[attr-defined]
    threading._time = queue.time = time.monotonic  # type: ignore[attr-defined]
    threading.Thread.join = _join  # type: ignore[assignment,method-assign]
    threading.Thread.is_alive = _is_alive  # type: ignore[assignment,method-assign]
    queue.SimpleQueue = queue._PySimpleQueue  # type: ignore[attr-defined,misc]
