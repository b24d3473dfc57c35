"""Compaction: the log is trimmed to its newest entries, so that disk use stays proportional to live data.

What is dropped is settled and on every in-sync file; rows that the log doesn't reach back to any more are vouched for
by their digests. A front that asks for what is gone begins its base anew, and a file that needs it is copied.
Entries are dropped in small batches under the writer lock, each a transaction of its own: a kill anywhere leaves a
log that begins a little earlier in one file than in the other, and the next round goes on from there.
"""

import logging
import time
from contextlib import suppress

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import ReplicaFault
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.log import entries
from bookstore_project.replication.progress import Progress, silent
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.files import file_identity
from bookstore_project.replication.sqlite_pair.files.backup_copy import PAGE_PRAGMAS
from bookstore_project.replication.sqlite_pair.files.participant import REPLICA_ERRORS, Participant
from bookstore_project.replication.sqlite_pair.files.schema_version import OtherCode
from bookstore_project.replication.sqlite_pair.files.source import opened
from bookstore_project.replication.sqlite_pair.locks.mutex import WriterLock, writer_lock
from bookstore_project.replication.sqlite_pair.membership.witness import Witness, read_witness
from bookstore_project.replication.sqlite_pair.repair import rejoin
from bookstore_project.replication.sqlite_pair.repair.rejoin import Repaired

logger = logging.getLogger("bookstore.replication")

BATCH_ENTRIES = 250
"""Dropped at a time: a writer that waits for it waits for some milliseconds."""
RETENTION_FACTOR = 10
"""A file that is out of sync and could be rolled forward holds back that many times LOG_KEEP entries, and no more."""
LEAST_FREE_BYTES = 64 << 20
"""Free pages that are worth a copy of the rest."""
WAL_LIMIT_BYTES = 64 << 20
RESTART_TIMEOUT_MS = 50
"""How long readers are waited for while writers wait."""


def compact(service: Service, progress: Progress = silent, *, budget_s: float = float("inf")) -> int:
    """Drops what every in-sync file can do without; how many entries that were, in all files.

    Stops after `budget_s` seconds, if there is more to do. Raises Unavailable without a usable witness or lock.
    """
    began, dropped, due = time.monotonic(), 0, entries_due(service)
    while dropped < due and time.monotonic() - began < budget_s:
        with writer_lock(service.lock_dir) as lock:
            count = _drop_batch(service, lock)
        if not count:
            break
        dropped += count
        progress(f"compacting {service.name}", min(1.0, dropped / due))
    return dropped


def entries_due(service: Service) -> int:
    """How many entries the in-sync files hold that are to be dropped; a file that can't be read has none."""
    witness = read_witness(service.witness_file)
    target = _target(service, witness)
    bases = [_base_of(alias, witness) for alias in witness.trusted]
    return sum(max(0, target - base) for base in bases if base is not None)


def _target(service: Service, witness: Witness) -> int:
    """The position at which every log is to begin.

    In steps, so that both files come to the same one, and trimming is worth its commit.
    """
    step = max(1, replication_settings.log_keep // 10)
    target = (witness.floor - replication_settings.log_keep) // step * step
    for alias in service.aliases:
        head = None if alias in witness.in_sync else _head_of(alias, witness)
        if head is not None:
            target = min(target, max(head, witness.floor - RETENTION_FACTOR * replication_settings.log_keep))
    return target


def _drop_batch(service: Service, lock: WriterLock) -> int:
    """One batch of each in-sync file. A file that fails is left: whoever opens it next finds what is wrong."""
    witness = read_witness(service.witness_file)
    target = _target(service, witness)
    count = 0
    for alias in witness.trusted:
        try:
            count += _drop_batch_of(alias, witness, target, lock)
        except REPLICA_ERRORS as error:
            logger.info("the log of %s can't be trimmed now: %s", alias, error)
        reached(f"compact-committed-{alias}")
    return count


def _drop_batch_of(alias: str, witness: Witness, target: int, lock: WriterLock) -> int:
    participant = Participant(alias)
    participant.begin(witness)
    try:
        base = entries.read_base(participant.raw)
        if base >= target:
            return 0
        count = entries.drop_before(participant.raw, min(target, base + BATCH_ENTRIES))
        reached(f"compacted-{alias}")
        lock.assert_current()
        participant.commit(witness)
    finally:
        participant.rollback()
    return count


def _base_of(alias: str, witness: Witness) -> int | None:
    try:
        with opened(alias, witness) as connection:
            return entries.read_base(connection)
    except REPLICA_ERRORS:
        return None


def _head_of(alias: str, witness: Witness) -> int | None:
    """Where the log of a file that is out of sync ends; None if nothing can be appended to it."""
    try:
        with opened(alias, witness) as connection:
            return entries.read_head(connection).position
    except (*REPLICA_ERRORS, OtherCode):
        return None


# -------------------------------------------------------------------------------------------- free pages, WAL


def vacuum(service: Service, progress: Progress = silent, *, least_bytes: int = LEAST_FREE_BYTES) -> list[Repaired]:
    """Replaces in-sync files that are mostly free pages by copies without, one after the other.

    SQLite fills free pages before a file grows, but doesn't give them back. A file is in sync until its copy is
    made and verified. Does nothing while a file is out of sync: the one that is left is needed as it is.
    """
    replaced = []
    for alias in service.aliases:
        witness = read_witness(service.witness_file)
        if len(witness.trusted) < len(service.aliases) or not _is_mostly_free(alias, witness, least_bytes):
            continue
        donor = next(other for other in witness.trusted if other != alias)
        reason = ReplicaFault("its file is mostly free pages: a smaller copy takes its place")
        replaced.append(rejoin.replace_by_copy(service, alias, donor, reason, progress))
        logger.info("%s", replaced[-1])
    return replaced


def _is_mostly_free(alias: str, witness: Witness, least_bytes: int) -> bool:
    try:
        with opened(alias, witness) as connection:
            pages, free, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in PAGE_PRAGMAS)
    except REPLICA_ERRORS:
        return False
    return bool(free > pages / 2 and free * size >= least_bytes)


def truncate_wals(service: Service) -> None:
    """Empties a WAL that grew because readers never left a moment without one, or because one of them took long.

    Readers are waited for, shortly, while no writer begins. A reader that is still at it (a scrub of a large file)
    makes it grow further, until a later round.
    """
    witness = read_witness(service.witness_file)
    if any(wal_bytes(alias) >= WAL_LIMIT_BYTES for alias in witness.trusted):
        with writer_lock(service.lock_dir), suppress(OSError):
            file_identity.checkpoint(service, read_witness(service.witness_file), truncate_ms=RESTART_TIMEOUT_MS)


def wal_bytes(alias: str) -> int:
    path = replication_settings.files[alias]
    with suppress(FileNotFoundError):
        return path.with_name(f"{path.name}-wal").stat().st_size
    return 0
