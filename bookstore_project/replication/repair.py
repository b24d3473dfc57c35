"""Bringing a file that is out of sync back: by the log where that will do, else by a verified copy of the other.

Nothing here holds the writer lock for longer than the last few entries take. Every step may be interrupted: what is
half done is either invisible (a draft beside the file) or out of sync (a file that the witness doesn't count), and
the next attempt begins from there.
"""

import logging
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from bookstore_project.replication import log, membership, scrub
from bookstore_project.replication.backend.base import PRAGMAS, identity_of
from bookstore_project.replication.errors import ReplicaFault, Unavailable
from bookstore_project.replication.mutex import LOCK_TIMEOUT_S, WriterLock, writer_lock
from bookstore_project.replication.participant import (
    REPLICA_ERRORS,
    Participant,
    assert_incarnation,
    check_file,
)
from bookstore_project.replication.points import reached
from bookstore_project.replication.service import Service
from bookstore_project.replication.witness import FileRecord, Witness, read_witness, sync_directory
from bookstore_project.settings import topology

logger = logging.getLogger("bookstore.replication")

SIDECARS = ("-wal", "-shm", "-journal")
COPY_PAGES = 2000
"""Pages copied between two reports of progress."""
BUSY_S = 1.0

Progress = Callable[[str, float], None]
"""Told an alias and the part of its copy that is done, 0 to 1."""


@dataclass(frozen=True)
class Repaired:
    """An alias that is in sync again, and what it took."""

    alias: str
    means: str
    """`log` or `copy`."""
    entries: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.alias} rejoined by {self.means}, {self.entries} entries, {self.seconds * 1000:.0f} ms"


def repair(service: Service, progress: Progress | None = None) -> list[Repaired]:
    """Brings back every alias that is out of sync. Raises Unavailable with the reason if one can't be.

    One repairer at a time: the caller holds the service's repair lock.
    """
    return [
        _repair(service, alias, progress or (lambda alias, part: None))
        for alias in service.aliases
        if alias not in read_witness(service.witness_file).in_sync
    ]


def _repair(service: Service, alias: str, progress: Progress) -> Repaired:
    began = time.monotonic()
    donor = _donor(read_witness(service.witness_file))
    try:
        means, entries = "log", _rejoin_by_log(service, alias, donor)
    except (*REPLICA_ERRORS, Unavailable) as error:
        logger.info("%s can't be brought back by its log (%s): it gets a copy of %s", alias, error, donor)
        means, entries = "copy", _rejoin_by_copy(service, alias, donor, progress)
    done = Repaired(alias, means, entries, time.monotonic() - began)
    logger.warning("%s", done)
    return done


def _donor(witness: Witness) -> str:
    if not witness.in_sync:
        raise Unavailable("No replica is in sync: there is nothing to repair from.")
    return witness.in_sync[0]


# ------------------------------------------------------------------------------------------------- by its log


def _rejoin_by_log(service: Service, alias: str, donor: str) -> int:
    """Rolls the alias's own file forward and checks all of it; raises if that isn't enough."""
    witness = read_witness(service.witness_file)
    count = _catch_up(service, alias, donor, witness)
    reached("repair-caught-up")
    _assert_like(service, alias, donor, witness)
    return count + _readmit(service, alias, witness.files[alias].nonce)


def _catch_up(service: Service, alias: str, donor: str, witness: Witness) -> int:
    """Most of the way outside the writer lock: nobody else writes a file that is out of sync."""
    with _snapshot(donor, witness) as source:
        target = Participant(alias)
        target.begin(witness)
        try:
            count = log.roll_forward(source, target.raw, service)
            target.commit(witness)
        except BaseException:
            target.rollback()
            raise
    return count


def _assert_like(service: Service, alias: str, donor: str, witness: Witness) -> None:
    """That the file is sound by its own account, and says what the donor's log says of every row."""
    with _snapshot(alias, witness) as ours, _snapshot(donor, witness) as theirs:
        if found := scrub.findings(ours, service):
            raise ReplicaFault(found[0])
        head = log.read_head(ours)
        same = theirs.execute("SELECT hash FROM replication_logentry WHERE position = ?", (head.position,)).fetchone()
        if same is None or same[0] != head.hash:
            raise ReplicaFault("its log departs from the other's")


def _readmit(service: Service, alias: str, nonce: str) -> int:
    """Under the lock: the last entries, then back into the in-sync set."""
    with writer_lock(service.lock_dir, time.monotonic() + LOCK_TIMEOUT_S) as lock:
        witness = read_witness(service.witness_file)
        if alias in witness.in_sync:
            return 0
        if witness.files[alias].nonce != nonce:
            raise Unavailable(f"{alias} was replaced by somebody else meanwhile.")
        return _roll_and_readmit(service, lock, witness, alias)


def _roll_and_readmit(service: Service, lock: WriterLock, witness: Witness, alias: str) -> int:
    target, source = Participant(alias), Participant(_donor(witness))
    target.begin(witness)
    try:
        source.begin(witness)
        count = log.roll_forward(source.raw, target.raw, service)
        record = target.commit(witness)
    finally:
        source.rollback()
        target.rollback()
    reached("repair-rolled")
    membership.readmit(service, lock, witness, alias, record)
    return count


# ------------------------------------------------------------------------------------------- by a verified copy


def _rejoin_by_copy(service: Service, alias: str, donor: str, progress: Progress) -> int:
    """A copy of a snapshot of the donor, verified as a whole, takes the file's place."""
    witness = read_witness(service.witness_file)
    path = topology.database_file(alias)
    draft = path.with_name(f"{path.name}.draft")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _remove(draft)
    nonce = secrets.token_hex(16)
    with _snapshot(donor, witness) as source, closing(sqlite3.connect(draft, isolation_level=None)) as copy:
        source.backup(copy, pages=COPY_PAGES, progress=lambda status, left, total: progress(alias, 1 - left / total))
        reached("repair-copied")
        if found := scrub.findings(copy, service):
            raise Unavailable(
                f"{donor}, the only copy in sync, is damaged: {found[0]}. {alias} is not built from it."
            )
        copy.execute("UPDATE replication_incarnation SET nonce = ?", (nonce,))
        copy.execute("PRAGMA journal_mode=WAL")
        copy.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    _sync_file(draft)
    reached("repair-verified")
    _install(service, alias, draft, nonce)
    return _readmit(service, alias, nonce)


def _install(service: Service, alias: str, draft: Path, nonce: str) -> None:
    """Under the lock: the old file is put aside, the draft takes its place, the witness knows it."""
    path = topology.database_file(alias)
    with writer_lock(service.lock_dir, time.monotonic() + LOCK_TIMEOUT_S) as lock:
        witness = read_witness(service.witness_file)
        if alias in witness.in_sync:
            raise Unavailable(f"{alias} came back by itself meanwhile.")
        quarantine = path.with_name(f"{path.name}.quarantine")
        _remove(quarantine)
        with suppress(FileNotFoundError):
            path.rename(quarantine)
        _remove(path)  # What lay beside it: another file's leftover WAL would be taken for this one's.
        reached("repair-quarantined")
        draft.rename(path)
        sync_directory(path.parent)
        reached("repair-installed")
        record = FileRecord(identity_of(str(path)), nonce, path.stat().st_size)
        membership.register_file(service, lock, witness, alias, record)


def _remove(path: Path) -> None:
    for suffix in ("", *SIDECARS):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _sync_file(path: Path) -> None:
    # Nobody has it open as a database: closing a descriptor would drop SQLite's locks otherwise.
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _snapshot(alias: str, witness: Witness) -> Iterator[sqlite3.Connection]:
    """A held read transaction on the file that the witness knows, on a connection of its own."""
    check_file(alias, witness)
    uri = f"file:{quote(str(topology.database_file(alias)))}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None)) as connection:
        for pragma in (*PRAGMAS, "PRAGMA query_only=ON"):
            connection.execute(pragma)
        connection.execute("BEGIN")
        assert_incarnation(connection, alias, witness)
        yield connection
        connection.execute("ROLLBACK")
