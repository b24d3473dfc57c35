"""What a fault is, which there are, and how they are chosen by name."""

import os
import random
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.sqlite_pair.membership.witness import Witness, read_witness
from tests.chaos.servers import Servers
from tests.databases import SERVICES
from tests.store import Store

ALIASES = ("catalog-1", "catalog-2", "order-1", "order-2")
SMALL_DISKS = ("catalog-2", "order-1")
"""Whose folder is a disk of its own, where the machine allows it: it can be full."""
Undo = Callable[[], None]


class NotHere(Exception):
    """This machine doesn't allow the fault; the message says what is missing."""


class Missed(Exception):
    """There was nobody, or nothing, to do it to just then."""


@dataclass
class Scene:
    """Where faults happen."""

    store: Store
    rng: random.Random
    old: Path
    """Where old copies of the files are kept."""
    small_disks: frozenset[str] = frozenset()
    """Aliases whose folder is a disk of its own, that can be filled."""
    is_bound_by_modes: bool = True
    """Whether the store's processes respect permission bits: those of root don't."""
    servers: Servers | None = None
    """Which have the rows, in place of files."""
    undo: list[Undo] = field(default_factory=list)
    """What is to be taken back, newest last."""

    def file(self, alias: str) -> Path:
        return self.store.data / alias / f"{service_of(alias)}.sqlite3"

    def witness_file(self, service: str) -> Path:
        return self.store.data / "witness" / f"{service}.json"

    def witness(self, service: str) -> Witness | None:
        """None if nobody can read it."""
        with suppress(Unavailable):
            return read_witness(self.witness_file(service))
        return None

    def nonce(self, target: str) -> str:
        """Of the file's incarnation; empty while it is out, nobody can tell, or the target is no file."""
        witness = self.witness(service_of(target)) if target in ALIASES else None
        return witness.files[target].nonce if witness and target in witness.in_sync else ""

    def is_in_sync(self, service: str) -> bool:
        if self.servers is not None:
            return self.servers.is_whole()
        witness = self.witness(service)
        return witness is not None and len(witness.trusted) == 2

    def all_in_sync(self) -> bool:
        return all(self.is_in_sync(service) for service in SERVICES)

    def owns(self, pid: int) -> bool:
        """Whether that process is one of the store's: a pid may have become somebody else's."""
        with suppress(OSError):
            wanted = f"BOOKSTORE_DATA={self.store.data}".encode()
            return wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        return False

    def take_back(self) -> None:
        """Undoes whatever is still to be undone."""
        while self.undo:
            self.undo.pop()()


@dataclass(frozen=True)
class Fault:
    """One kind of fault. `do` gets the scene and a target, and says how it is taken back, if it is."""

    name: str
    group: str
    do: Callable[[Scene, str], Undo | None]
    holds_s: tuple[float, float] = (0.0, 0.0)
    """How long it lasts before it is taken back."""
    is_hidden: bool = False
    """It may take a scrub to find it."""
    is_silent: bool = False
    """Until it is found, a read may show what is damaged: it isn't judged then."""
    targets: tuple[str, ...] = ALIASES
    weight: float = 1.0
    is_on_demand: bool = False
    """It is taken only if it is asked for by its name."""


@dataclass(frozen=True)
class Struck:
    """What was done to the store, from when to when, by the clock of the history."""

    what: str
    began: float
    ended: float
    """When it was taken back, or had been done."""

    def __str__(self) -> str:
        return f"{self.what} [{self.began:.6f}, {self.ended:.6f}]"


def service_of(alias: str) -> str:
    return alias.partition("-")[0]


def chosen(faults: Iterable[Fault], names: str) -> list[Fault]:
    """Those whose name or group is listed, separated by commas; all but those on demand for an empty list."""
    faults = list(faults)
    wanted = {name.strip() for name in names.split(",") if name.strip()}
    known = {fault.name for fault in faults} | {fault.group for fault in faults}
    if unknown := wanted - known - {"all"}:
        raise SystemExit(f"No such fault: {', '.join(sorted(unknown))}. There are: {', '.join(sorted(known))}.")
    if not wanted or "all" in wanted:
        return [fault for fault in faults if not fault.is_on_demand or fault.name in wanted]
    return [fault for fault in faults if fault.name in wanted or (fault.group in wanted and not fault.is_on_demand)]


def is_root() -> bool:
    return os.geteuid() == 0
