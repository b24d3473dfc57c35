"""A store that begins, and one whose files were moved: when there is a witness, and what it says.

The witness comes last, after both files: whatever was interrupted before is done again.
"""

import sqlite3
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import ReplicaFault, Unavailable
from bookstore_project.replication.interface import Caches
from bookstore_project.replication.log import entries
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.backend.base import identity_of, wrapper
from bookstore_project.replication.sqlite_pair.backend.persistent_wal import assert_openable
from bookstore_project.replication.sqlite_pair.files import source, verification
from bookstore_project.replication.sqlite_pair.files.file_identity import Overwritten, Shrunk, Unvouched, check_file
from bookstore_project.replication.sqlite_pair.files.participant import REPLICA_ERRORS
from bookstore_project.replication.sqlite_pair.locks.mutex import WriterLock
from bookstore_project.replication.sqlite_pair.membership import in_sync_set
from bookstore_project.replication.sqlite_pair.membership.witness import (
    FileRecord,
    Witness,
    create_witness,
    read_witness,
)
from bookstore_project.replication.sqlite_pair.repair import witness_rebuild
from bookstore_project.replication.timelines import new_timeline


def is_new(service: Service) -> bool:
    """Whether nothing was ever written to the service's files: there are none, or they were being made.

    Raises Unavailable if there are files of a store, but no witness that vouches for both.
    """
    first, second = (_head_of(alias) for alias in service.aliases)
    if second is None and (first is None or first.position == 0):
        return True
    if first is None or second is None:
        missing, present = service.aliases if first is None else reversed(service.aliases)
        raise Unavailable(
            f"There is no witness of {service.name}, {present} has data, and {missing} has none: an operator has to "
            "say which counts."
        )
    return False


def _head_of(alias: str) -> entries.Head | None:
    """None where there is no file, or a file that was never finished. Raises Unavailable if it can't be read."""
    path = replication_settings.files[alias]
    if not path.exists():
        return None
    try:
        _finish_what_was_interrupted(path)
        with source.snapshot_of(path) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'replication_logentry'").fetchone():
                return None
            with suppress(ReplicaFault):
                return entries.read_head(connection)
            return None
    except (sqlite3.Error, OSError) as error:
        service = replication_settings.service_of_alias[alias]
        raise Unavailable(
            f"There is no witness of {service}, and the file of {alias} can't be read ({error}): an operator has to "
            "say which counts."
        ) from error


def _finish_what_was_interrupted(path: Path) -> None:
    """Has SQLite roll back the transaction of a writer who was killed before the file was in WAL mode.

    Who reads only can't: "attempt to write a readonly database". Source: https://sqlite.org/lockingv3.html#hot_journals
    """
    if not path.with_name(f"{path.name}-journal").exists():
        return
    assert_openable(path)
    with closing(sqlite3.connect(path, timeout=source.BUSY_S)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()


def has_history(service: Service) -> bool:
    """Whether anything was ever written to the service's files, as far as can be told: what can't be read, was."""
    try:
        if any(head.position for head in map(_head_of, service.aliases) if head is not None):
            return True
        return service.witness_file.exists() and read_witness(service.witness_file).floor > 0
    except (Unavailable, sqlite3.Error):
        return True


def create_first_witness(service: Service, caches: Caches) -> None:
    """The witness of a store that begins: both files in sync, nothing settled but the base.

    Files with a history had a witness: it is made anew if they agree. Raises Unavailable if they don't.
    """
    heads, files = {}, {}
    for alias in service.aliases:
        database = wrapper(alias)
        database.ensure_connection()
        heads[alias] = entries.read_head(database.connection)
        nonce = database.connection.execute("SELECT nonce FROM replication_incarnation").fetchone()[0]
        files[alias] = FileRecord(identity_of(database.path), nonce, 0)
    if any(head.position for head in heads.values()):
        witness_rebuild.rebuild_under_lock(service)
        return
    if len(set(heads.values())) != 1:
        raise Unavailable(
            f"There is no witness of {service.name}, and its two files differ: an operator has to say which counts."
        )
    floor = next(iter(heads.values())).position
    caches.begin()
    create_witness(service.witness_file, Witness(new_timeline(), 1, tuple(service.aliases), floor, files))


def adopt_moved_files(service: Service, lock: WriterLock) -> list[str]:
    """Accepts in-sync files that are the ones the witness knows, but for the inode or the time of the last write.

    Gives back which ones those were. After a power cut the witness may not know of the last checkpoint, and a tool
    that had a look at a store which didn't run has merged the `-wal`. A data folder that was copied or restored as a
    whole has other inodes and the same content. The content says whose it is (the nonce), and has to be sound as a
    whole. A file that was suspected is believed again, if a check can clear it. Under the writer lock, while the
    store is prepared: beside a running store, a file that was replaced is at fault.
    """
    witness = read_witness(service.witness_file)
    lying = {alias: found for alias in witness.in_sync if (found := _only_moved(service, alias, witness)) is not None}
    for alias, record in lying.items():
        witness = in_sync_set.register_file(service, lock, witness, alias, record)
    return list(lying)


def _only_moved(service: Service, alias: str, witness: Witness) -> FileRecord | None:
    """How the witness may know the file from now on; None if it knows it well, or must not."""
    suspicion = witness.suspects.get(alias)
    try:
        # A -wal that isn't its own may lie beside a file that was put here alone.
        is_known = verification.is_in_place(alias, witness) and not _is_written(alias, witness)
        if is_known and suspicion is None:
            return None
        if not is_known and suspicion is not None and not suspicion.is_unvouched:
            return None
        record = verification.record_as_it_lies(alias, witness)
    except REPLICA_ERRORS:
        return None
    as_it_lies = replace(witness, files={**witness.files, alias: record})
    fault = verification.fault_of_whole(service, alias, as_it_lies, is_compared=not is_known)
    return record if fault is None else None


def _is_written(alias: str, witness: Witness) -> bool:
    try:
        check_file(alias, witness)
    except Shrunk:
        raise
    except (Overwritten, Unvouched):
        return True
    return False
