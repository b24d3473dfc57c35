"""Whether a process has ended, as the kernel of its own machine says it.

Linux only; elsewhere nobody's end is known. Source: proc(5), pid_namespaces(7), kill(2).
"""

import hashlib
import os
from contextlib import suppress
from functools import cache
from pathlib import Path

_PROC = Path("/proc")
_STARTED = 19
"""The 22nd value of a process's `stat`, counted from behind its name, which may contain anything."""


def identity() -> str:
    """This process's, which no other one ever has; empty if this machine has none to give."""
    with suppress(OSError):
        pid = os.getpid()
        return f"{_machine()}.{pid:07}.{_start_of(pid)}"
    return ""


def instance(unique: str) -> str:
    """What a front's process is called: by its leases and for its pushes."""
    return f"{unique[:16]}.{identity()}"


def of_instance(named: str) -> str:
    """The identity in such a name; empty if it has none."""
    return named.partition(".")[2]


def has_ended(process: str) -> bool | None:
    """Whether the one that has, or had, this `identity` is gone; None if this machine can't know.

    In doubt it isn't gone: as long as its parent hasn't asked for its exit status, for one.
    """
    machine, _, numbers = process.partition(".")
    pid, _, started = numbers.partition(".")
    try:
        if machine != _machine() or not (pid.isdecimal() and started.isdecimal()):
            return None
        os.kill(int(pid), 0)  # Unlike /proc, it hides nobody.
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    except (OSError, OverflowError):
        return None
    with suppress(OSError):
        return _start_of(int(pid)) != started
    return False


@cache
def _machine() -> str:
    """Another one after each boot, and in each container: pids mean something there alone."""
    boot = (_PROC / "sys/kernel/random/boot_id").read_text()
    return hashlib.sha256(f"{boot}{(_PROC / 'self/ns/pid').readlink()}".encode()).hexdigest()[:16]


def _start_of(pid: int) -> str:
    """In ticks since the machine's boot; each as long as any other, so that a simulated run doesn't depend on it."""
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[_STARTED].zfill(12)
