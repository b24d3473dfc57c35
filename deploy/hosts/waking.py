"""Has Patroni look at once when a process ends that tells of a loss: `bookstore-waking`, beside each PostgreSQL.

Patroni looks each second. Until it has, no commit is confirmed once the standby is gone, and nobody takes over once
the primary's first process is gone. The kernel tells of both at once (man 2 pidfd_open): what sends to a standby ends
with its connection. Nobody tells of a standby that is cut off; there wal_sender_timeout counts.

Nothing is decided here (docs/adr/0057): Patroni is woken, looks for itself, and does what it would have done later.
"""

import os
import selectors
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from deploy.hosts import cluster as ports
from deploy.hosts.asking import Asker, Unanswered
from deploy.hosts.cluster import Host

EVERY_S = 0.5
"""So long may a new process be unknown."""
PROC = Path("/proc")
PASSWORD = "password"  # noqa: S105  # A file's name.
SENDS = b" walsender "
"""In the name of a process that sends to a standby, as PostgreSQL shows it (update_process_title)."""
NOTHING = {"woken": None}
"""What Patroni's configuration is to have under that name, as before. So Patroni writes nothing, and looks."""


class Processes:
    """The first process of the PostgreSQL whose rows are in `data`, and those of its own that send to standbys."""

    def __init__(self, data: Path, proc: Path = PROC) -> None:
        self._data, self._proc = os.fsencode(data), proc
        self._first: int | None = None
        self._watched: dict[int, int] = {}
        """By pid, what the kernel tells of its end by."""
        self._others: set[int] = set()
        self._selector = selectors.DefaultSelector()

    def look(self) -> None:
        """From now on the end of those that are there is told."""
        if self._first not in self._watched:
            self._first = self._first_process()
            if self._first is None or not self._watch(self._first):
                return
        there = self._children(self._first)
        self._others &= there
        for pid in there - self._others - self._watched.keys():
            name = self._command(pid)
            if SENDS in name:
                self._watch(pid)
            elif name.startswith(b"postgres:"):  # Otherwise it has no name of its own yet.
                self._others.add(pid)

    def ended(self, timeout_s: float) -> int:
        """How many have ended, as soon as one has; 0 after that time."""
        ready = self._selector.select(timeout_s)
        for key, _ in ready:
            self._selector.unregister(key.fd)
            os.close(key.fd)
            del self._watched[key.data]
        return len(ready)

    def _watch(self, pid: int) -> bool:
        with suppress(ProcessLookupError):
            self._watched[pid] = os.pidfd_open(pid)
            self._selector.register(self._watched[pid], selectors.EVENT_READ, pid)
        return pid in self._watched

    def _first_process(self) -> int | None:
        pids = (int(path.name) for path in self._proc.iterdir() if path.name.isdecimal())
        return next((pid for pid in pids if self._is_first(self._command(pid).split(b"\0"))), None)

    def _is_first(self, words: list[bytes]) -> bool:
        return words[0].endswith(b"/postgres") and words[1:3] == [b"-D", self._data]

    def _children(self, pid: int) -> set[int]:
        """Man 5 proc; nothing of a process that is gone."""
        with suppress(OSError):
            return set(map(int, (self._proc / f"{pid}/task/{pid}/children").read_text().split()))
        return set()

    def _command(self, pid: int) -> bytes:
        with suppress(OSError):
            return (self._proc / f"{pid}/cmdline").read_bytes()
        return b""


def wake(host: Host, asker: Asker, password: str) -> None:
    """Returns when Patroni there is about to look. Raises Unanswered."""
    answer = asker.change(host.address, ports.PATRONI, "/config", NOTHING, "patroni", password)
    if answer.status != 200:
        raise Unanswered(f"{host.address}:{ports.PATRONI}: {answer.status} instead of a look")


def keep(host: Host, data: Path, folder: Path, say: Callable[[str], object]) -> None:
    """For ever; a Patroni that doesn't answer looks by itself. `data`: PostgreSQL's."""
    asker, processes = Asker(folder), Processes(data)
    password = (folder / PASSWORD).read_text()
    while True:
        processes.look()
        if not processes.ended(EVERY_S):
            continue
        try:
            wake(host, asker, password)
            say("a process of PostgreSQL has ended: Patroni looks")
        except Unanswered as error:
            say(str(error))
