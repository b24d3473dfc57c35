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
from typing import TypeVar

from django.conf import settings
from django.db import models

from bookstore_project.replication import maintenance_log, rows
from bookstore_project.replication.errors import ADVICE, Unavailable, WriteRefused, is_replica_fault
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.log import entries, images
from bookstore_project.replication.pinning import current_pin, pinned
from bookstore_project.replication.router import local_alias
from bookstore_project.replication.service import Service, get_service, service_of_app
from bookstore_project.replication.sqlite_pair.backend.base import wrapper
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
from bookstore_project.replication.transaction import Accusation, settle
from bookstore_project.settings import topology

DOUBT_TIMEOUT_S = 0.25
"""How long a read waits for a write in doubt before it suspects the writer dead, and settles."""
REPORT_TIMEOUT_S = 0.5
_NAP_S = 0.0004

NOTHING = ("",)
"""The keys of a read that shows nothing: whether a replica can be read, no write in doubt has a say in."""

M = TypeVar("M", bound=models.Model)


@dataclass(frozen=True)
class Snapshot:
    """What a gated read sees: everything up to `position`, and nothing of its keys beyond."""

    alias: str
    position: int
    timeline: str
    written_ns: int | None = None
    """When the file was last written, as the snapshot began."""
    nonce: str = ""
    """Of the copy."""


@contextmanager
def reading(service_name: str, *, alias: str | None = None, keys: Sequence[str] = ()) -> Iterator[Snapshot]:
    """Runs the block's queries of this service in one snapshot that keeps the store's promise.

    Reads this node's own replica, or (in a command) the first one in sync, or `alias`. A read that names its cache
    keys doesn't wait for writes in doubt that touch none of them. Inside of a replicated transaction or of another
    read it joins that one. Raises Unavailable if the replica can't promise; the caller may ask the other one.
    """
    service = get_service(service_name)
    pin = current_pin(service_name)
    if pin is not None:
        yield Snapshot(pin.alias, 0, "")
        return
    chosen = alias or local_alias(service)
    snapshot = _enter(service, chosen, keys)
    try:
        try:
            with pinned(service_name, chosen, for_writing=False), wrapper(chosen).restricted():
                yield snapshot
        except Exception:  # "There is no such book" is an answer too, and as good as what it was read from.
            _check_again(service, chosen, snapshot)
            raise
        _check_again(service, chosen, snapshot)
    except Exception as error:
        # What goes wrong with the file now is SQLite's to say: an OSError is the reader's own.
        if is_replica_fault(error) and not isinstance(error, OSError):
            if not _report(service, chosen, Accusation(chosen, snapshot.nonce, error)):
                maintenance_log.want_scrub(service_name)  # A writer holds the lock: the caretaker will find it.
            raise Unavailable(f"{chosen} can't be read: {error}") from error
        raise
    finally:
        _leave(chosen)


@dataclass(frozen=True)
class Beside:
    """What is seen of a second copy: at the same position as the first, or at a later one."""

    alias: str
    touched: frozenset[str]
    """Cache keys of what was changed in between: only of these may the copies differ."""


@contextmanager
def reading_beside(service_name: str, alias: str) -> Iterator[Beside]:
    """Inside of a read of one copy: runs the block's queries in a snapshot of another, for people to compare.

    Raises Unavailable, soon, if that copy can't promise a read: it leaves settling and reporting to those who ask it.
    """
    service = get_service(service_name)
    pin = current_pin(service_name)
    if pin is None or pin.for_writing or pin.alias == alias:
        raise WriteRefused("gate.reading_beside() needs a read of another copy around it.")
    here = entries.read_head(raw(pin.alias))
    try:
        snapshot = _try_to_enter(service, alias, ())
        if snapshot is None:
            raise Unavailable(f"{alias} holds a write that is still in doubt.")
        beside = Beside(alias, _touched_since(here, alias))
        with pinned(service_name, alias, for_writing=False), wrapper(alias).restricted():
            yield beside
        _check_again(service, alias, snapshot)
    except REPLICA_ERRORS as error:
        if in_sync_set.speaks_against_it(error):
            maintenance_log.want_scrub(service_name)
        raise Unavailable(f"{alias} can't be read: {error}") from error
    finally:
        _leave(alias)


def _touched_since(here: entries.Head, alias: str) -> frozenset[str]:
    """A copy that was let through is never behind a read that began before."""
    connection = raw(alias)
    if entries.hash_at(connection, here.position) != here.hash:
        raise Unavailable(f"{alias} has another history, or a log that begins later; look again.")
    return frozenset(keys_in_doubt(connection, here.position))


def _enter(service: Service, alias: str, keys: Sequence[str]) -> Snapshot:
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
            settle(service.name, timeout_s=settings.CATALOG_WAIT_S)
    raise Unavailable(f"{alias} holds a write that is still in doubt.")


def _try_to_enter(service: Service, alias: str, keys: Sequence[str]) -> Snapshot | None:
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
    deadline = time.monotonic() + DOUBT_TIMEOUT_S
    while True:
        now = read_witness(service.witness_file)
        _assert_same_copy(alias, before, now)
        if now.floor >= head:
            return Snapshot(alias, head, now.timeline, written_ns, now.files[alias].nonce)
        if keys and not set(keys) & keys_in_doubt(connection, now.floor):
            return Snapshot(alias, now.floor, now.timeline, written_ns, now.files[alias].nonce)
        if time.monotonic() > deadline:
            return None
        time.sleep(_NAP_S)


@cache
def _assert_not_stale(service_name: str, timeline: str) -> None:
    """Once for a process: from then on it remembers the newest witness that it has met."""
    staleness.read_current(get_service(service_name))


def _check_again(service: Service, alias: str, snapshot: Snapshot) -> None:
    """Pages are read when they are needed: what was written into the file meanwhile may have been read."""
    if write_time(alias) != snapshot.written_ns:
        check_file_now(alias, service.witness_file, read_witness(service.witness_file))
        # Only with its own -shm does a checkpoint heed the snapshots that are open.
        wal_files.assert_own(wrapper(alias))


def _report(service: Service, alias: str, accusation: Accusation | None = None) -> bool:
    """Has the file evicted, or suspected, if a writer finds the fault too, or by what this reader has seen in it.

    Whether that was done.
    Until the lock is had, one thread waits for it; others refuse at once. A fault that couldn't be reported is found
    again by the next: to close a connection takes nothing of it away (`backend.kept`).
    """
    _leave(alias)
    reporter = _reporter(alias)
    if not reporter.acquire(blocking=False):
        return False
    try:
        reached("gate-report")
        settle(service.name, timeout_s=REPORT_TIMEOUT_S, accusation=accusation)
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


def raw(alias: str) -> sqlite3.Connection:
    """The connection below Django's, inside of a read."""
    connection: sqlite3.Connection = wrapper(alias).connection
    return connection


def get_verified(model: type[M], key: object) -> M | None:
    """Inside of a read: the row of that primary key, None if there is none; either way the log says the same.

    Raises ReplicaFault if the row was changed behind the log's back: the read around it has the file evicted, or, if
    nobody can do without it, suspected.
    """
    name = service_of_app(model._meta.app_label)
    pin = current_pin(name) if name else None
    if name is None or pin is None:
        raise WriteRefused("gate.get_verified() needs a gated read around it.")
    table = get_service(name).tables[model._meta.db_table]
    value = model._meta.pk.get_db_prep_value(key, wrapper(pin.alias))
    image = images.read_image(raw(pin.alias), table, value)
    entries.assert_digest(raw(pin.alias), table.name, value, image)
    return None if image is None else rows.from_image(model, image, pin.alias)


def assert_readable(service_name: str) -> None:
    """Raises Unavailable, with the reason, if this node's replica can't promise a read now.

    Doesn't wait for writes in doubt: one that waits for a front's lease would make every replica look hung.
    """
    with reading(service_name, alias=topology.NODE.name if topology.NODE else None, keys=NOTHING):
        pass
