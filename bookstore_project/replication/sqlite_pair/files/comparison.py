"""What a service's two files say, and whether they say the same: looked at directly, without the witness.

For whoever has to do without a usable witness (it is rebuilt, or an operator decides), and for whoever judges files
that aren't in their place yet. Nothing is believed but what each file proves by itself: its hash chain, its digests.
"""

import sqlite3
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import ReplicaFault
from bookstore_project.replication.log import entries
from bookstore_project.replication.log.entries import Head
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.files import schema_version, scrub, stored_schema
from bookstore_project.replication.sqlite_pair.files.participant import REPLICA_ERRORS
from bookstore_project.replication.sqlite_pair.files.source import snapshot_of


@dataclass(frozen=True)
class FileSummary:
    """One file, by its own account."""

    alias: str
    problem: str = ""
    """Why it can't be opened or read; empty if it can, and only then the rest counts."""
    nonce: str = ""
    has_pending: bool = False
    """Whether it holds a change that the log doesn't know."""
    base: int = 0
    """The position at which its log begins."""
    head: Head | None = None
    epoch: int = 0
    """Of its newest entry."""
    schema_version: int = 0
    """Of the code that it was migrated for."""
    findings: tuple[str, ...] = ()
    """What a scrub finds wrong; empty also if none was asked for."""

    @property
    def is_readable(self) -> bool:
        return not self.problem

    @property
    def is_sound(self) -> bool:
        """Readable, nothing pending, and nothing found by the scrub (if one was asked for)."""
        return not (self.problem or self.has_pending or self.findings)

    @property
    def complaint(self) -> str:
        """What is wrong with it, in a few words; empty if nothing is."""
        if self.problem:
            return self.problem
        if self.findings:
            return self.findings[0]
        return "it holds a change that the log doesn't know" if self.has_pending else ""


class Relation(StrEnum):
    """How the histories of two files stand to each other."""

    EQUAL = "equal"
    PREFIX = "prefix"
    """One log is the beginning of the other."""
    DEPARTED = "departed"
    INCOMPARABLE = "incomparable"
    """The longer log doesn't reach back to the shorter one's end: it may or may not be its continuation."""
    UNREADABLE = "unreadable"
    """At least one of them can't be read."""


@dataclass(frozen=True)
class Comparison:
    """What both files say, and how it fits."""

    relation: Relation
    files: Mapping[str, FileSummary]
    newest: str | None = None
    """The alias with all of the history that the two have; None unless they are equal, or one is a prefix."""
    departed_at: int | None = None
    """The first position that differs, as far as the logs reach back."""
    difference: str = ""
    """A row that should be the same by both logs, and isn't by the digests, in words; empty if there is none."""

    @property
    def is_whole(self) -> bool:
        """Both files are sound, and there is one history that has all of it: `newest` has it."""
        return self.newest is not None and not self.difference and all(file.is_sound for file in self.files.values())

    @property
    def behind(self) -> list[str]:
        """The aliases that lack entries of `newest`, if that is known."""
        if self.newest is None:
            return []
        return [alias for alias, file in self.files.items() if file.head != self.files[self.newest].head]


def compare(service: Service, *, scrubbed: Collection[str] | None = None) -> Comparison:
    """Looks at both files, with a scrub, which reads a file whole, of the aliases in `scrubbed` (None: of both).

    The two snapshots are of one moment only while nobody writes: hold the writer lock, or expect that the second
    is a few entries ahead. Raises nothing: what can't be read is part of the answer.
    """
    with ExitStack() as stack:
        files: dict[str, FileSummary] = {}
        opened: list[sqlite3.Connection] = []
        for alias in service.aliases:
            try:
                connection = stack.enter_context(snapshot_of(replication_settings.files[alias]))
                is_thorough = scrubbed is None or alias in scrubbed
                files[alias] = summarize(connection, service, alias, is_thorough=is_thorough)
                opened.append(connection)
            except REPLICA_ERRORS as error:
                files[alias] = FileSummary(alias, problem=str(error))
        if len(opened) < len(files):
            return Comparison(Relation.UNREADABLE, files)
        try:
            first, second = files.values()
            return relate(first, second, *opened)
        except REPLICA_ERRORS:  # Damage that the scrub has found, or would.
            return Comparison(Relation.UNREADABLE, files)


def summarize(
    connection: sqlite3.Connection, service: Service, alias: str = "", *, is_thorough: bool = True
) -> FileSummary:
    """What one file says of itself; raises one of REPLICA_ERRORS if it can't be read as a replica's file."""
    nonce = connection.execute("SELECT nonce FROM replication_incarnation").fetchone()
    if nonce is None:
        raise ReplicaFault("it has no nonce: it was never prepared")
    head = entries.read_head(connection)
    return FileSummary(
        alias=alias,
        nonce=nonce[0],
        has_pending=entries.has_pending(connection),
        base=entries.read_base(connection),
        head=head,
        epoch=entries.read_epoch(connection),
        schema_version=schema_version.of_file(connection),
        findings=tuple(scrub.findings(connection, stored_schema.as_found(connection, service)))
        if is_thorough
        else (),
    )


def relate(
    ours: FileSummary, theirs: FileSummary, first: sqlite3.Connection, second: sqlite3.Connection
) -> Comparison:
    """How two files fit that can both be read; raises one of REPLICA_ERRORS if one of them can't after all."""
    files = {ours.alias: ours, theirs.alias: theirs}
    assert ours.head is not None
    assert theirs.head is not None
    if ours.head == theirs.head:
        return Comparison(Relation.EQUAL, files, newest=ours.alias, difference=scrub.difference(first, second))
    longer, shorter, newest, end = (first, second, ours, theirs.head)
    if ours.head.position < theirs.head.position:
        longer, shorter, newest, end = second, first, theirs, ours.head
    if end.position < newest.base:
        return Comparison(Relation.INCOMPARABLE, files)
    if entries.hash_at(longer, end.position) == end.hash:
        return Comparison(Relation.PREFIX, files, newest=newest.alias, difference=scrub.difference(shorter, longer))
    return Comparison(Relation.DEPARTED, files, departed_at=_first_difference(files, first, second))


def _first_difference(files: Mapping[str, FileSummary], first: sqlite3.Connection, second: sqlite3.Connection) -> int:
    """By halving: where two chained logs have the same hash, all before it is the same."""
    low = max(file.base for file in files.values())
    high = min(file.head.position for file in files.values() if file.head is not None)
    while low < high:
        middle = (low + high) // 2
        if entries.hash_at(first, middle) == entries.hash_at(second, middle):
            low = middle + 1
        else:
            high = middle
    return low
