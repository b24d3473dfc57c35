"""The read gate: a snapshot of one replica that is not older than any acknowledged write, or no answer.

f = floor; one deferred transaction on the replica's own alias, with head h; h >= f; then one look at the witness,
made after the snapshot, shows the alias in sync and a floor >= h. A floor below h means that a write is in doubt:
nobody is shown it, and a read that may see it waits for it.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

from bookstore_project.replication import maintenance_log
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import ADVICE, Unavailable, is_replica_fault
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.interface import Beside, Caches, Snapshot
from bookstore_project.replication.log import entries
from bookstore_project.replication.pinning import pinned
from bookstore_project.replication.service import Service, get_service
from bookstore_project.replication.sqlite_pair.backend.base import wrapper
from bookstore_project.replication.sqlite_pair.commit.opening import FaultReport, by_reports, take_out
from bookstore_project.replication.sqlite_pair.commit.writing import settle
from bookstore_project.replication.sqlite_pair.files import staleness, wal_files
from bookstore_project.replication.sqlite_pair.files.file_identity import Unvouched, check_file_now, write_time
from bookstore_project.replication.sqlite_pair.files.participant import (
    REPLICA_ERRORS,
    assert_incarnation,
    connect,
    read_settled_head,
)
from bookstore_project.replication.sqlite_pair.membership import in_sync_set
from bookstore_project.replication.sqlite_pair.membership.witness import Witness, read_witness

DOUBT_TIMEOUT_S = 0.25
"""How long a read waits for a write in doubt before it suspects the writer dead, and settles."""
REPORT_TIMEOUT_S = 0.5
_RETRY_DELAY_S, _RETRY_DELAY_PART = 0.0004, 1 / 8
"""At least so long, and so much of the time that was waited already: forty looks in all, instead of hundreds."""


@dataclass(frozen=True)
class FileSnapshot(Snapshot):
    """And what it is of: when the file was last written, as the snapshot began, and the nonce of the copy."""

    written_ns: int | None
    nonce: str


@contextmanager
def read(service: Service, alias: str, keys: Sequence[str], caches: Caches) -> Iterator[FileSnapshot]:
    """Runs the block's queries in one snapshot of that copy: see `reads.reading`."""
    snapshot = _enter(service, alias, keys, caches)
    try:
        try:
            with pinned(service.name, alias, for_writing=False), wrapper(alias).restricted():
                yield snapshot
        except Exception:  # "There is no such book" is an answer too, and as good as what it was read from.
            _check_again(service, alias, snapshot)
            raise
        _check_again(service, alias, snapshot)
    except Exception as error:
        # What goes wrong with the file now is SQLite's to say: an OSError is the reader's own.
        if is_replica_fault(error) and not isinstance(error, OSError):
            if not _report(service, alias, FaultReport(alias, snapshot.nonce, error)):
                maintenance_log.request_scrub(service.name)  # A writer holds the lock: maintenance will find it.
            raise Unavailable(f"{alias} can't be read: {error}") from error
        raise
    finally:
        _leave(alias)


@contextmanager
def read_beside(service: Service, alias: str, first: str) -> Iterator[Beside]:
    """Runs the block's queries in a snapshot of another copy than `first`, which is being read.

    Raises Unavailable, soon, if that copy can't promise a read: it leaves settling and reporting to those who ask it.
    """
    here = entries.read_head(wrapper(first).connect_now())
    try:
        snapshot = _try_to_enter(service, alias, ())
        if snapshot is None:
            raise Unavailable(f"{alias} holds a write that is still in doubt.")
        beside = Beside(alias, _touched_since(here, alias))
        with pinned(service.name, alias, for_writing=False), wrapper(alias).restricted():
            yield beside
        _check_again(service, alias, snapshot)
    except REPLICA_ERRORS as error:
        if in_sync_set.speaks_against_it(error):
            maintenance_log.request_scrub(service.name)
        raise Unavailable(f"{alias} can't be read: {error}") from error
    finally:
        _leave(alias)


def _touched_since(here: entries.Head, alias: str) -> frozenset[str]:
    """A copy that was let through is never behind a read that began before."""
    connection = wrapper(alias).connect_now()
    if entries.hash_at(connection, here.position) != here.hash:
        raise Unavailable(f"{alias} has another history, or a log that begins later; look again.")
    return frozenset(keys_in_doubt(connection, here.position))


def _enter(service: Service, alias: str, keys: Sequence[str], caches: Caches) -> FileSnapshot:
    """Opens a snapshot that passes the gate; settles once if a writer seems to have died."""
    for may_settle in (True, False):
        try:
            snapshot = _try_to_enter(service, alias, keys)
        except REPLICA_ERRORS as error:
            is_reported = _report(service, alias)
            if is_reported and may_settle and isinstance(error, Unvouched):
                continue  # It was checked, and perhaps counts again.
            raise Unavailable(f"{alias} can't be read: {error}") from error
        except Unavailable:
            _leave(alias)
            raise
        if snapshot is not None:
            return snapshot
        _leave(alias)
        if may_settle:
            settle(service, caches, timeout_s=replication_settings.write_wait_s)
    raise Unavailable(f"{alias} holds a write that is still in doubt.")


def _try_to_enter(service: Service, alias: str, keys: Sequence[str]) -> FileSnapshot | None:
    """None if a write in doubt stays in doubt."""
    before = read_witness(service.witness_file)
    _assert_not_stale(service.name, before.timeline)
    assert_in_sync(alias, before)
    connection = _begin(alias, before)
    assert_incarnation(connection, alias, before)
    head = read_settled_head(connection, alias, before).position
    written_ns = check_file_now(alias, service.witness_file, before).written_ns
    wal_files.assert_own(wrapper(alias))
    reached("gate-snapshot")
    began = time.monotonic()
    while True:
        now = read_witness(service.witness_file)
        _assert_same_copy(alias, before, now)
        if now.floor >= head:
            return FileSnapshot(alias, head, now.timeline, written_ns, now.files[alias].nonce)
        if keys and not set(keys) & keys_in_doubt(connection, now.floor):
            return FileSnapshot(alias, now.floor, now.timeline, written_ns, now.files[alias].nonce)
        waited_s = time.monotonic() - began
        if waited_s > DOUBT_TIMEOUT_S:
            return None
        time.sleep(max(_RETRY_DELAY_S, _RETRY_DELAY_PART * waited_s))


@cache
def _assert_not_stale(service_name: str, timeline: str) -> None:
    """Once for a process: from then on it remembers the newest witness that it has met."""
    staleness.read_current(get_service(service_name))


def _check_again(service: Service, alias: str, snapshot: FileSnapshot) -> None:
    """Pages are read when they are needed: what was written into the file meanwhile may have been read."""
    if write_time(alias) != snapshot.written_ns:
        check_file_now(alias, service.witness_file, read_witness(service.witness_file))
        # Only with its own -shm does a checkpoint heed the snapshots that are open.
        wal_files.assert_own(wrapper(alias))


def _report(service: Service, alias: str, *reports: FaultReport) -> bool:
    """Has the file taken out, or suspected, if its opening tells the fault, or by what this reader has seen in it.

    Whether that was done.
    Until the lock is had, one thread waits for it; others refuse at once. A fault that couldn't be reported is found
    again by the next: to close a connection takes nothing of it away (`backend.persistent_wal`).
    """
    _leave(alias)
    reporter = _reporter(alias)
    if not reporter.acquire(blocking=False):
        return False
    try:
        reached("gate-report")
        take_out(service, by_reports(reports), timeout_s=REPORT_TIMEOUT_S)
        return True
    except (Unavailable, *REPLICA_ERRORS):
        return False
    finally:
        wrapper(alias).close()
        reporter.release()


@cache
def _reporter(alias: str) -> threading.Lock:
    """Held by the thread of this process that reports the file."""
    return threading.Lock()


def assert_in_sync(alias: str, witness: Witness) -> None:
    """Raises Unavailable if the copy is out of sync, or suspected."""
    if alias in witness.suspects:
        raise Unavailable(f"{alias} is suspected: {witness.suspects[alias].reason}. {ADVICE}")
    if alias not in witness.in_sync:
        reason = f": {witness.out[alias].reason}" if alias in witness.out else "."
        raise Unavailable(f"{alias} is out of sync{reason}")


def _begin(alias: str, witness: Witness) -> sqlite3.Connection:
    connection = connect(alias, witness)
    wrapper(alias).begin()
    return connection


def _assert_same_copy(alias: str, before: Witness, now: Witness) -> None:
    """Membership counts as it stands after the snapshot, not before."""
    assert_in_sync(alias, now)
    old, new = before.files[alias], now.files[alias]
    if (old.identity, old.nonce, before.timeline) != (new.identity, new.nonce, now.timeline):
        raise Unavailable(f"{alias} was replaced while it was read.")


def keys_in_doubt(connection: sqlite3.Connection, floor: int) -> set[str]:
    """The cache keys that entries above a position touch."""
    found: set[str] = set()
    for entry in entries.entries_after(connection, floor):
        found.update(json.loads(entry.keys))
    return found


def _leave(alias: str) -> None:
    try:
        wrapper(alias).end()
    except REPLICA_ERRORS:
        wrapper(alias).close()
