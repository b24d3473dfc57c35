"""Under which conditions something was measured, and whether they were good enough."""

import importlib.metadata
import os
import platform
import sqlite3
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.processor_time import PROC, TICKS_PER_S
from tests.store import ROOT

PACKAGES = ("Django", "djangorestframework", "granian", "matplotlib")
BUSY = 0.1
"""The part of the machine that others may use. With more, small differences can't be told."""
COLUMNS = {"user": 0, "nice": 1, "system": 2, "irq": 5, "softirq": 6, "steal": 7}
"""Of the first line of /proc/stat, what is work (proc(5))."""


@dataclass
class Watch:
    """How busy the machine is with the work of others, while nothing of ours runs: looked at between the parts."""

    pause_s: float
    seen: list[float] = field(default_factory=list)

    def look(self) -> None:
        """Waits for `pause_s`, during which we do nothing."""
        before, began = busy_s(), time.monotonic()
        time.sleep(self.pause_s)
        cores = os.cpu_count() or 1
        self.seen.append((busy_s() - before) / (time.monotonic() - began) / cores)

    @property
    def warning(self) -> str:
        return warning(self.seen)


def busy_s() -> float:
    """Processor seconds of all processes of this machine, since its start."""
    ticks = (PROC / "stat").read_text().splitlines()[0].split()[1:]
    return sum(int(ticks[column]) for column in COLUMNS.values()) / TICKS_PER_S


def warning(seen: Sequence[float]) -> str:
    """Empty if the machine was quiet enough."""
    if not seen or max(seen) <= BUSY:
        return ""
    return (
        f"This machine was busy with other work: up to {100 * max(seen):.0f} % of its cores between the parts, when "
        f"nothing of the "
        f"report ran. Times and rates are worse and differ more than they would. Small differences can't be told. "
        f"Counts of losses and "
        "hit ratios hold."
    )


def conditions(seed: int, watch: Watch, more: Mapping[str, str]) -> dict[str, str]:
    """For the report's head: versions, the machine, its load, and the seed."""
    return {
        "measured": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "revision": _revision(),
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        **{name: importlib.metadata.version(name) for name in PACKAGES},
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{_memory_gib():.1f} GiB",
        "others' work between the parts": ", ".join(f"{100 * part:.0f} %" for part in watch.seen) or "not looked at",
        "seed": str(seed),
        **more,
    }


def _revision() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def _processor() -> str:
    lines = (PROC / "cpuinfo").read_text().splitlines()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )


def _memory_gib() -> float:
    line = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    return int(line.split()[1]) / 1024**2
