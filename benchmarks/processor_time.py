"""Processor time of a store's processes, from /proc: what a request costs, also on a busy machine."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.store import Store

PROC = Path("/proc")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
USER, SYSTEM = 14 - 3, 15 - 3
"""proc(5) numbers the fields from 1. The second, the name, may hold anything; the third follows its last bracket."""
OTHERS = "others"
"""The supervisor, the server's own processes, the fork server: who answers nobody."""


class Meter:
    """Processor seconds of the processes that `processes` lists, each with the node that it belongs to.

    Threads count, and processes that were started meanwhile. What a process burned between the last look and its end
    is lost. The kernel counts in ticks (10 ms mostly): measure for seconds.
    """

    def __init__(self, processes: Callable[[], Mapping[int, str]]) -> None:
        self._processes = processes
        self._seen = self._read()

    def take(self) -> Mapping[str, float]:
        """Of each node, since the last call or the beginning."""
        now = self._read()
        spent: dict[str, float] = {}
        for pid, (node, seconds) in now.items():
            before = self._seen[pid][1] if pid in self._seen else 0.0
            spent[node] = spent.get(node, 0.0) + seconds - before
        self._seen = now
        return spent

    def _read(self) -> dict[int, tuple[str, float]]:
        found = {}
        for pid, node in self._processes().items():
            try:
                found[pid] = (node, seconds_of(pid))
            except (FileNotFoundError, ProcessLookupError):  # It has ended.
                continue
        return found


def seconds_of(pid: int) -> float:
    """User and system time of a process so far; OSError if it is gone."""
    fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[USER]) + int(fields[SYSTEM])) / TICKS_PER_S


def processes_of(store: Store) -> Mapping[int, str]:
    """All of a running store; nodes are those that answer."""
    answering = {store.pid(node): node for node in store.nodes}
    return {pid: answering.get(pid, OTHERS) for pid in store.processes()}


def processes_by(variable: str, value: str, node_variable: str) -> Mapping[int, str]:
    """All that have `variable` with this value in their environment; `node_variable` names the node."""
    found = {}
    for process in PROC.glob("[0-9]*"):
        try:
            lines = (process / "environ").read_bytes().decode(errors="replace").split("\0")
        except OSError:  # It has ended, or is somebody else's.
            continue
        variables = dict(line.partition("=")[::2] for line in lines)
        if variables.get(variable) == value:
            found[int(process.name)] = variables.get(node_variable, OTHERS)
    return found
