"""What stands in for the standard library's clocks, chance, files' times and files' locks, in a simulated process.

Installed before Django and the store are loaded, so that they are what they are everywhere else: code that reads the
clock, waits, or draws a key, and knows nothing of this. In the simulator itself, which has no world, locks are free
and the clock stands still.
"""

import fcntl
import gc
import mmap
import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.simulation import actors, disk, threads

EPOCH_NS = 1_700_000_000_000_000_000
"""The moment at which each simulated store begins, in nanoseconds since 1970."""
_LONGER, _MOST_LONGER = 1.5, 10
_AT_ONCE_NS = 5_000_000
"""Who sleeps as long again within this time has looked for something in vain."""
_LONGEST_LOOK_S = 0.02
_DAY_NS = 86_400_000_000_000
_real_stat, _real_fstat = os.stat, os.fstat
_board = mmap.mmap(-1, 16)
"""What all processes of the machine share, the simulator among them: by how much its wall clock was set forward, and
when it was started."""
_ends = mmap.mmap(-1, 1 << 18)
"""Of all processes, too: which of them have ended, by the number that each has in its run."""


class Reading:
    """A clock. An object, and no function: as an attribute of a class it would become a method."""

    def __init__(self, name: str, since_ns: int, unit: float | None) -> None:
        self.__name__ = name
        self._since_ns, self._unit = since_ns, unit

    def __call__(self) -> Any:
        now = EPOCH_NS if actors.world is None else actors.world.read_clock()
        if not self._since_ns:
            now += wall_clock_ahead_ns()
        elif actors.world is not None:
            now -= actors.world.booted_ns
        return now - self._since_ns if self._unit is None else (now - self._since_ns) * self._unit


def wall_clock_ahead_ns() -> int:
    """Negative if it was set back."""
    return int.from_bytes(_board[:8], "little", signed=True)


def set_wall_clock(ahead_ns: int) -> None:
    """Of the whole machine. Whoever measures how long something takes has the other clock, that nobody sets."""
    _board[:8] = ahead_ns.to_bytes(8, "little", signed=True)


def booted_ns() -> int:
    """How long after EPOCH_NS the machine was started for the last time."""
    return int.from_bytes(_board[8:], "little")


def set_booted(at_ns: int) -> None:
    """The clock that nobody sets begins anew, for the processes that know it by `World.booted_ns`."""
    _board[8:] = (at_ns - EPOCH_NS).to_bytes(8, "little")


def note_end(number: int) -> None:
    """The process of that number is gone."""
    _ends[number] = 1


def has_ended(number: int) -> bool:
    """Whether the process of that number, as it has it in this run, is gone."""
    return bool(_ends[number])


def forget_ends() -> None:
    """A run begins."""
    _ends[:] = bytes(len(_ends))


class Sleep:
    """`time.sleep`. It takes longer, as it may, after something was looked for in vain again and again.

    Others' lock; or whatever somebody waits for who sleeps as long each time: otherwise most turns of a run in which
    readers wait for a writer, and that one for a lease's end, would be those readers'.
    """

    def __call__(self, seconds: float) -> None:
        world = actors.world
        assert world is not None, "the simulator doesn't sleep"
        me = world.current
        is_again = seconds == me.slept_s and world.now_ns - me.woke_ns < _AT_ONCE_NS
        me.slept_s, me.looks = seconds, min(me.looks + 1, _MOST_LONGER) if is_again else 0
        looking = max(seconds, min(seconds * _LONGER**me.looks, _LONGEST_LOOK_S))
        world.sleep(max(looking, seconds * _LONGER ** min(me.in_vain, _MOST_LONGER)))
        me.woke_ns = world.now_ns


def random_bytes(count: int) -> bytes:
    return b"\0" * count if actors.world is None else actors.world.random_bytes(count)


# ----------------------------------------------------------------------------------------------- files


def _with_simulated_times(about: os.stat_result) -> os.stat_result:
    """Times that no simulated clock has set say nothing: they are the machine's."""
    at = about.st_mtime_ns
    if not _is_simulated(at):
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
    """If the file was written since, it was now, by the simulated clock."""
    if actors.world is not None:
        now = actors.world.now_ns + wall_clock_ahead_ns()
        with suppress(OSError):
            if not _is_simulated(_real_stat(path).st_mtime_ns):
                os.utime(path, ns=(now, now))


@contextmanager
def dating(folder: Path, now_ns: int) -> Iterator[None]:
    """What is written there in the block, by nobody of the simulation, is written at that moment."""
    _date(folder, EPOCH_NS)  # As `stat` has shown it.
    yield
    _date(folder, now_ns)


def _date(folder: Path, at_ns: int) -> None:
    for path in folder.iterdir():
        with suppress(OSError):
            if not _is_simulated(_real_stat(path).st_mtime_ns):
                os.utime(path, ns=(at_ns, at_ns))


def _is_simulated(at_ns: int) -> bool:
    return -_DAY_NS <= at_ns - EPOCH_NS < 300 * _DAY_NS


def _with_point(name: str, call: Callable[..., Any], *, is_write: bool = False) -> Callable[..., Any]:
    def called(*arguments: Any, **options: Any) -> Any:
        world = actors.world
        if world is None:
            return call(*arguments, **options)
        world.point(name)
        result = call(*arguments, **options)
        if is_write:
            now = world.now_ns + wall_clock_ahead_ns()
            os.utime(arguments[0], ns=(now, now))
        return result

    return called


def _flock(descriptor: int, operation: int, flock: Callable[[int, int], None] = fcntl.flock) -> None:
    world = actors.world
    if world is None:
        flock(descriptor, operation | fcntl.LOCK_NB)  # While the simulator waits, nobody would let go of it.
        return
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
    # What takes a place in the standard library has its behaviour, and not all of its type.
    time.sleep = Sleep()  # type: ignore[assignment]
    threads.install()
    os.urandom = random._urandom = random_bytes  # type: ignore[attr-defined]
    os.stat, os.fstat = _stat, _fstat  # type: ignore[assignment]
    os.open = disk.noting("open", os.open)
    for name in ("write", "pwrite"):
        setattr(os, name, _with_point(name, disk.noting(name, getattr(os, name)), is_write=True))
    for name in ("fsync", "replace", "rename", "link", "unlink"):
        setattr(os, name, _with_point(name, disk.noting(name, getattr(os, name))))
    fcntl.flock = _flock  # type: ignore[assignment]
    signal.pidfd_send_signal = _kill_by_descriptor  # type: ignore[assignment]
    sqlite3.connect = sqlite3.dbapi2.connect = _connect
    # When garbage is collected depends on how much else there is. And to look at all that was loaded before the fork
    # would take a node longer than all the rest of its start.
    gc.disable()
    gc.enable = lambda: None
    gc.collect = lambda generation=2: 0
