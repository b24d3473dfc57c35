"""What the engine that keeps the rows and the rest of the package hand to one another.

`engine` chooses one: `sqlite_pair` or `postgresql`. Nothing else imports from them, and they import nothing that
stands above them: what they need of the fronts' caches is handed to them.
"""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, Protocol, TypeVar

from django.core.management.base import BaseCommand
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from prometheus_client.registry import Collector

from bookstore_project.replication.foreseen import Foresight
from bookstore_project.replication.log.entries import Entry, Head, RowChange
from bookstore_project.replication.log.images import Image
from bookstore_project.replication.row_counts import Counted, RowCount
from bookstore_project.replication.service import Service
from bookstore_project.replication.text_indexes import Part, Similar, Term, TextIndex
from bookstore_project.replication.transfer.places import Model, Place, Row

T = TypeVar("T")
M = TypeVar("M", bound=models.Model)
Value = TypeVar("Value")

Callback = Callable[[], object]
Tell = Callable[[float], None]
"""Told the part that is done, 0 to 1."""

# ------------------------------------------------------------------------------------------- the fronts' caches

Holder = tuple[str, str]
"""A front's name, and the instance of its process."""


@dataclass(frozen=True)
class Lease:
    """The permission of a front's process to use its cache, as recorded for writers."""

    front: str
    address: str
    instance: str
    """Of the front's process: a restarted front is another one. Empty: a process of which nothing else is known."""
    expires: float
    """Monotonic seconds, which all processes of a machine share."""
    lease_s: float
    confirmed: tuple[int, str] | None
    """Position and hash of the newest entry in doubt of which the front has said that it knows."""

    @property
    def holder(self) -> Holder:
        return self.front, self.instance

    def is_valid(self) -> bool:
        # A monotonic clock starts anew with the machine: what lies too far ahead is of another boot.
        return 0 < self.expires - time.monotonic() <= self.lease_s * 1.5


@dataclass(frozen=True)
class Leases:
    """What the records say: who holds a lease, and of which names nothing is known, because the record is gone."""

    valid: dict[Holder, Lease]
    unknown: frozenset[str]


@dataclass(frozen=True)
class Poll:
    """What a front says of itself when it polls."""

    front: str
    address: str
    instance: str
    lease_s: float
    since: int | None
    """The position up to which it has heard of everything; None for a front that begins."""
    confirmed: tuple[int, str] | None
    is_settling: bool = False
    """Whether it waits for something that was announced to be settled, or to turn out void."""
    timeline: str | None = None
    """In which it knows its way; None for a front that begins, or is of older code."""


class Answering(Protocol):
    """Somebody was told something."""

    def result(self) -> bool:
        """Whether it has taken it; waits for the answer. Once."""


Announced = Mapping[tuple[str, str], Answering]
"""By front and instance of its process: whether it has taken what was announced."""
NOT_ANNOUNCED: Announced = MappingProxyType({})


class Caches(Protocol):
    """The fronts' caches, as a writer tells them: see `invalidation.pushes`."""

    def announce(self, timeline: str, entries: Sequence[Entry]) -> Announced:
        """Begins to tell them of entries that are about to be committed; waits for nobody."""

    def invalidate(self, timeline: str, entries: Sequence[Entry], announced: Announced = NOT_ANNOUNCED) -> None:
        """Returns when nobody gives an answer any more that is older than the entries, which are committed."""

    def deliver(self, leases: Sequence[Lease], timeline: str, entries: Sequence[Entry]) -> list[Holder]:
        """Tells these processes of fronts of the entries, all at once; those that have taken it."""

    def has_ended(self, lease: Lease) -> bool | None:
        """Whether that process of a front is gone, and answers nobody any more; None if nobody can tell."""

    def end_leases(self, leases: Sequence[Lease]) -> list[Holder]:
        """Has these processes of fronts give up what lease they have; those that have said so.

        None of them uses its cache before a poll that it sends later brings it another one. A process without a name
        is whichever answers at that address.
        """

    def is_reachable(self, poll: Poll) -> bool:
        """Whether pushes come to the process that polls."""

    def renew(self, poll: Poll, asked: float) -> bool:
        """As `Engine.renew`, of leases in files, which writers of one machine go by."""

    def listeners(self) -> list[Lease]:
        """As `Engine.listeners`, by leases in files."""

    def begin(self) -> None:
        """Of a store that begins: puts on record that no front holds a lease."""


# ------------------------------------------------------------------------------------------------ writing


@dataclass(frozen=True)
class Committed(Generic[T]):
    """What a replicated transaction gives back: `change`'s value, and where the log stands.

    `position` is the new entry's, or the floor if nothing changed; `changes` is empty then.
    """

    value: T
    position: int
    timeline: str
    changes: Sequence[RowChange] = ()


class Made(Protocol[Value]):
    """One of several changes that were made together, and what became of it."""

    @property
    def error(self) -> BaseException | None: ...

    @property
    def callbacks(self) -> Sequence[Callback]:
        """What it left for `on_commit`."""

    def outcome(self) -> Committed[Value]:
        """Raises the error, if there is one."""


class ActiveAttempt(Protocol):
    """The replicated transaction that some code runs in."""

    service: Service

    @property
    def foresight(self) -> Foresight | None:
        """Of the change that runs, if it was foreseen and the engine makes use of that."""

    @property
    def lead_alias(self) -> str:
        """The alias that `change` reads and writes."""

    def touch(self, instance: models.Model) -> None:
        """A signal receiver saw this object saved or deleted."""

    def verify(self, instance: models.Model) -> None:
        """Raises ReplicaFault if the row isn't what the log last said."""

    def get_verified(self, model: type[M], key: object) -> M | None:
        """The row of that primary key, verified; None if there is none."""


# ------------------------------------------------------------------------------------------------ reading


@dataclass(frozen=True)
class Snapshot:
    """What a gated read sees: everything up to `position`, and nothing of its keys beyond."""

    alias: str
    position: int
    timeline: str


@dataclass(frozen=True)
class Beside:
    """What is seen of a second copy: at the same position as the first, or at a later one."""

    alias: str
    touched: frozenset[str]
    """Cache keys of what was changed in between: only of these may the copies differ."""


@dataclass(frozen=True)
class Missed:
    """What a front has missed, as of one moment."""

    timeline: str
    floor: int
    entries: Sequence[Entry]
    """Those above the floor are in doubt."""
    is_base: bool
    """Whether the front has to begin at the floor: the log doesn't reach back to where it stands."""


class Standing(Protocol):
    """How the copies of a service stand: for status, pages and metrics, without a promise."""

    @property
    def timeline(self) -> str: ...

    @property
    def epoch(self) -> int: ...

    @property
    def floor(self) -> int: ...

    @property
    def in_sync(self) -> tuple[str, ...]: ...

    @property
    def trusted(self) -> tuple[str, ...]:
        """The aliases in sync that nothing speaks against."""

    @property
    def complaints(self) -> dict[str, str]:
        """By alias, why it is out of sync, or suspected."""


MAINTENANCE = "caretaker"
"""The role of whoever does a service's maintenance, by the name of its lock, which processes of older code know."""


class Role(Protocol):
    """Work that one process at a time does: who takes it first keeps it as long as it lives."""

    def is_mine(self) -> bool:
        """Whether this process has the role, taking it if nobody has."""


class Engine(Protocol):
    """Where a service's rows live, and how a change of them becomes visible everywhere at once."""

    LOCK_TIMEOUT_S: float
    """How long a writer waits for the others, unless it is told otherwise."""

    def write(
        self, service: Service, change: Callable[[], T], caches: Caches, *, timeout_s: float, in_group: bool
    ) -> tuple[Committed[T], list[Callback]]:
        """One replicated transaction, and what it left for `on_commit`. Raises as `transaction.run` does."""

    def write_all(
        self, service: Service, changes: Sequence[Callable[[], T]], caches: Caches, *, timeout_s: float
    ) -> Sequence[Made[T]]:
        """As many, in groups: see `transaction.run_all`."""

    def active_attempt(self) -> ActiveAttempt | None:
        """The replicated transaction that this code runs in."""

    def read(
        self, service: Service, alias: str, keys: Sequence[str], caches: Caches
    ) -> AbstractContextManager[Snapshot]:
        """One snapshot of that copy, no older than what was acknowledged or shown: see `reads.reading`."""

    def get_verified(self, model: type[M], key: object, alias: str) -> M | None:
        """Inside of a read of that copy: see `reads.get_verified`."""

    def from_image(self, model: type[M], image: Image, alias: str) -> M:
        """The object that a row image shows, with each value converted as in a query on this alias."""

    def read_beside(self, service: Service, alias: str, first: str) -> AbstractContextManager[Beside]:
        """A snapshot of another copy than `first`, which is being read. Raises Unavailable, soon."""

    def sides(self, first: str, there: str) -> tuple[str, str]:
        """What people call the copies of `read_beside`."""

    def report_difference(self, service: Service) -> str:
        """Two copies were found to differ; what becomes of it, in a sentence."""

    def rows(self, alias: str, statement: str) -> Iterable[tuple[Any, ...]]:
        """Inside of a read of that copy: see `reads.rows`."""

    def run(self, connection: BaseDatabaseWrapper, statement: str, values: Sequence[Any]) -> Any:
        """A cursor of one statement, which has `%s` for each value: as Django's, for what others wait for."""

    def missed(self, service: Service, alias: str, since: int | None) -> Missed:
        """What happened after `since`; None for a front that begins. Waits for no write in doubt.

        Raises Unavailable if the copy is out of sync or can't be read.
        """

    def renew(self, service: Service, poll: Poll, asked: float, caches: Caches) -> bool:
        """Whether the front has a lease from now on, put on record where no writer can miss it.

        `asked`: when it polled, in monotonic seconds. Raises Unavailable if that can't be recorded.
        """

    def listeners(self, service: Service, caches: Caches) -> list[Lease]:
        """Whom to send what is new. Raises Unavailable if it can't be told."""

    def holding(self, index: TextIndex, parts: Sequence[Part]) -> models.Q:
        """A condition that all rows meet which hold these parts, and few others; what it says is soon known."""

    def first_holding(
        self, index: TextIndex, parts: Sequence[Part], among: models.QuerySet[models.Model], most: int
    ) -> list[int]:
        """Primary keys of rows among these that meet the same condition: the `most` lowest, in order."""

    def with_words(
        self,
        index: TextIndex,
        terms: Sequence[Term],
        among: models.QuerySet[models.Model],
        columns: Sequence[str],
        most: int,
    ) -> list[int]:
        """Primary keys of rows that have all terms in these columns: the `most` lowest, in order."""

    def similar(self, index: TextIndex, word: str, using: str) -> list[Similar]:
        """A few words of the index that `word` may be meant for, nearest first. Of none that is a number."""

    def counted(self, count: RowCount, given: Mapping[str, Any], using: str) -> list[Counted]:
        """Of the rows that have these values in some of its columns, how many have which in all of them."""

    def standing(self, service: Service) -> Standing:
        """Raises Unavailable if it can't be told."""

    def servers(self, service: Service) -> list[str]:
        """In words, which server is the primary, and how those are that follow it; nothing where rows are in files.

        Raises nothing: what can't be told is said.
        """

    def can_serve(self, service: Service, alias: str) -> bool:
        """Whether the copy is in sync, and serves, as far as opening it tells. Raises as `standing` does."""

    def collector(self, service: Service) -> Collector:
        """How the copies stand, for /metrics."""

    def try_role(self, service: Service, name: str) -> AbstractContextManager[bool]:
        """Whether nobody else has that role while the block runs; then this process has it."""

    def role(self, service: Service, name: str) -> Role:
        """The same, for as long as the process lives."""

    def register_maintenance(self, caches: Caches) -> None:
        """Registers what runs beside every replica: it finds faults before a write does, and mends them."""

    def preparing(self) -> AbstractContextManager[None]:
        """While the block runs, nobody else prepares the store, on whatever host. Raises Unavailable."""

    def on_record(self, name: str, text: str, *, is_new: bool = False) -> str:
        """What all hosts of the store have on record under that name: `text`, if nothing was, or it `is_new`.

        Raises Unavailable. Where hosts share nothing but files, these are the record: it gives the text.
        """

    def has_history(self, service: Service) -> bool:
        """Whether anything was ever written, as far as can be told: what can't be read, was."""

    def migrate_command(self, caches: Caches) -> BaseCommand:
        """`manage.py migrate`: makes, or brings up to date, what rows live in."""

    def replication_command(self, caches: Caches) -> BaseCommand:
        """`manage.py replication`: what an operator can see, set going and decide."""


class Copies(Protocol):
    """What backup, restore and move do with what keeps the rows. A **copy** of a service is a SQLite file of it."""

    def files(self) -> Mapping[str, Path]:
        """By alias; none if the rows are in no file."""

    def keep_open(self, alias: str) -> None:
        """Inside of a read: it may last long, and be idle meanwhile."""

    def making(self, folder: Path) -> AbstractContextManager[None]:
        """While the block runs, copies can be written into that folder. Raises Unavailable."""

    def write_copy(self, service: Service, alias: str, path: Path, tell: Tell) -> None:
        """Inside of a read of the alias: its snapshot as a file, on disk. Raises sqlite3.Error, OSError."""

    def write_accounts(self, path: Path, tell: Tell) -> None:
        """The staff accounts as a file, on disk. Raises sqlite3.Error, DatabaseError, OSError, Unavailable."""

    def passwords(self) -> Mapping[str, str]:
        """Of the accounts that there are, hashed, by name. Raises sqlite3.Error, or DatabaseError."""

    def findings(
        self, connection: sqlite3.Connection, service: Service, tell: Callable[[float], None] | None = None
    ) -> list[str]:
        """What is wrong with a copy of the running store's rows; empty if nothing is. `tell`: the part done."""

    def complaint(self, connection: sqlite3.Connection, service: Service) -> str:
        """What is wrong with a copy, whatever code it was made by; empty if nothing is.

        Raises sqlite3.Error or ReplicaFault if it can't be read as one.
        """

    def newest(self, service: Service) -> str | None:
        """The alias whose file has the longest log, of those that can be read."""

    def opened(self, alias: str) -> AbstractContextManager[sqlite3.Connection]:
        """A snapshot of the alias's file, by its own account: without a promise. Raises sqlite3.Error, OSError."""

    def lost_by_replacing(self, service: Service, copy: Path) -> list[str]:
        """What the store has and the verified copy hasn't, in sentences; empty if nothing."""

    def replace_store(self, copies: Mapping[Service, Path], accounts: Path, alongside: Callable[[], None]) -> None:
        """Puts verified copies in the place of each service's rows, and of the accounts; nobody else uses the store.

        `alongside` exchanges what else belongs to it, while every replica refuses. What was there is put aside.
        Raises Unavailable, OSError.
        """

    def connection(self, alias: str) -> sqlite3.Connection:
        """Inside of a read: that of the snapshot. Raises Unavailable if the rows are in no file."""

    def assert_can_move(self) -> None:
        """Raises Unavailable, with what there is to do instead, if `move_to` isn't for this engine."""

    def has_handed_over(self, service: Service) -> bool:
        """Whether the service refuses because the store has moved, or is about to."""

    def handing_over(
        self, settled: Mapping[Service, Callable[[], None]], caches: Caches
    ) -> AbstractContextManager[Mapping[Service, sqlite3.Connection]]:
        """Nobody writes while the block runs, which is given a snapshot of each service; afterwards, each refuses.

        Each function is called when its service stands still. Raises Unavailable.
        """


class Arrival(Protocol):
    """A database of a server into which a store moves: see `postgresql.arrival`."""

    name: str

    def holds_store(self) -> bool:
        """Whether a store has been made here, and none has begun to move here."""

    def put_aside(self) -> str:
        """Keeps what is here under another name, which it returns. Raises Unavailable while somebody uses it."""

    def claim(self, source: str) -> None:
        """Puts on record that the store `source` moves here. Raises Unavailable if something else is here."""

    def progress(self) -> "ArrivalProgress":
        """How far it has come."""

    def fill(self, head: Head | None, tables: Mapping[Model, Iterator[Row]], numbers: Mapping[Model, int]) -> None:
        """These are the rows from now on, all of them, and the newest log entry that they show."""

    def change(
        self, head: Head, changes: Mapping[Model, Mapping[Any, Row | None]], numbers: Mapping[Model, int]
    ) -> None:
        """By primary key, what has become of rows; None of one that is gone."""

    def look(self, work: Callable[[Place], str]) -> str:
        """What `work` makes of one snapshot of the rows."""

    def record(self, records: Mapping[str, str]) -> None:
        """Puts on record what all hosts have to know: see `Engine.on_record`. Of the accounts' database."""

    def open(self) -> None:
        """The store counts here from now on."""


class ArrivalProgress(Protocol):
    @property
    def head(self) -> Head | None:
        """Up to where of the log the rows are; None before they are there."""

    @property
    def has_arrived(self) -> bool:
        """Whether the store counts there."""
