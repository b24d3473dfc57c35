"""Learns from the kernel, at once, when the process of a replica ends (man 2 pidfd_open).

Checks find out, too, up to a second later, and may miss one that is back by then. Replicas on other machines, and
other systems than Linux, are left to the checks.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from bookstore_project.cluster.process import read_pid
from bookstore_project.settings import topology


def open_process(name: str, pid: int) -> int | None:
    """A descriptor that can be read when that process has ended; None if it isn't that node's, here, or has ended."""
    if not hasattr(os, "pidfd_open"):
        return None
    with suppress(OSError):
        descriptor = os.pidfd_open(pid)
        # In this order: once it is open, the number can't go to another process unnoticed.
        if read_pid(topology.NODES[name].pid_file) == pid:
            return descriptor
        os.close(descriptor)
    return None


@dataclass
class Processes:
    """For the event loop alone."""

    on_end: Callable[[str, int], object]
    """Called with the node's name and its pid."""
    open_process: Callable[[str, int], int | None] = open_process
    _watched: dict[str, tuple[int, int | None]] = field(default_factory=dict)
    """By node: its pid, and the descriptor, as long as it hasn't ended."""

    def watch(self, pids: Mapping[str, int]) -> None:
        """Those, by the names of their nodes; of others no more."""
        for name in self._watched.keys() - pids.keys():
            self._forget(name)
        for name, pid in pids.items():
            known = self._watched.get(name)
            if known is None or known[0] != pid:
                self._forget(name)
                descriptor = self.open_process(name, pid)
                self._watched[name] = pid, descriptor
                if descriptor is not None:
                    asyncio.get_running_loop().add_reader(descriptor, self._ended, name)

    def close(self) -> None:
        for name in list(self._watched):
            self._forget(name)

    def _ended(self, name: str) -> None:
        pid, _ = self._watched[name]
        self._forget(name)
        self._watched[name] = pid, None  # It may be told of for a while yet.
        self.on_end(name, pid)

    def _forget(self, name: str) -> None:
        _, descriptor = self._watched.pop(name, (0, None))
        if descriptor is not None:
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)
