"""Processors that stay awake while something is timed.

One that has nothing to do sleeps, and whoever sends something to a process there pays for waking it: on a virtual
machine a hit costs twice as much then, the store and whoever asks for it. A store with many customers never sleeps.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

_SPIN = """
import os, sys
parent, processor = map(int, sys.argv[1:])
os.sched_setaffinity(0, {processor})
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
try:
    with open("/proc/self/autogroup", "w") as group:
        group.write("19")
except OSError:
    pass  # This kernel shares its time by process alone.
while os.getppid() == parent:
    for _ in range(100_000):
        pass
"""


@contextmanager
def processors_awake() -> Iterator[list[int]]:
    """On each, a process spins, whose pid is told; it gets what nobody wants (sched(7)) and ends with this one."""
    with ExitStack() as stack:
        spinning = []
        for processor in sorted(os.sched_getaffinity(0)):
            command = [sys.executable, "-I", "-S", "-c", _SPIN, str(os.getpid()), str(processor)]
            process = stack.enter_context(subprocess.Popen(command, start_new_session=True))
            stack.callback(process.kill)
            spinning.append(process.pid)
        yield spinning
