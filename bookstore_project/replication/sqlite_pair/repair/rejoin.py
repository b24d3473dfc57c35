"""Bringing a file that is out of sync back: by the log where that will do, else by a verified copy of the other.

Nothing here holds the writer lock for longer than the last few entries take. Every step may be interrupted: what is
half done is either invisible (a draft beside the file) or out of sync (a file that the witness doesn't count), and
the next attempt begins from there.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bookstore_project import files
from bookstore_project.replication import maintenance_log, metrics
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import ADVICE, ReplicaFault, Unavailable, is_passing
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.log import catchup, entries
from bookstore_project.replication.maintenance_log import Repair
from bookstore_project.replication.pacing import Gently
from bookstore_project.replication.progress import Progress, silent
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.files import backup_copy, derived, scrub, source, wal_files
from bookstore_project.replication.sqlite_pair.files.file_identity import record_of
from bookstore_project.replication.sqlite_pair.files.participant import REPLICA_ERRORS, Participant
from bookstore_project.replication.sqlite_pair.locks.mutex import WriterLock, writer_lock
from bookstore_project.replication.sqlite_pair.membership import in_sync_set
from bookstore_project.replication.sqlite_pair.membership.witness import (
    FileRecord,
    Witness,
    read_witness,
)
from bookstore_project.replication.sqlite_pair.operator import quarantine

logger = logging.getLogger("bookstore.replication")

TRANSACTION_ENTRIES = 2000
"""Rolled forward in one transaction: a kill loses less than a second's work."""
_told: dict[Path, str] = {}
"""Why each file gets a copy, as it was told: once, however many attempts that takes."""


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


def repair(service: Service, progress: Progress = silent) -> list[Repaired]:
    """Brings back every alias that is out of sync. Raises Unavailable with the reason if one can't be.

    One repairer at a time: the caller holds the service's repair lock.
    """
    if not read_witness(service.witness_file).in_sync:
        with writer_lock(service.lock_dir) as lock:
            in_sync_set.take_back(service, lock)
    return [
        _repair(service, alias, progress)
        for alias in service.aliases
        if alias not in read_witness(service.witness_file).in_sync
    ]


def _repair(service: Service, alias: str, progress: Progress) -> Repaired:
    began = time.monotonic()
    witness = read_witness(service.witness_file)
    donor = _donor(witness)
    try:
        if (exclusion := witness.out.get(alias)) is not None and exclusion.must_be_copied:
            raise ReplicaFault("its content can't be trusted")
        means, count = "log", _rejoin_by_log(service, alias, donor, progress)
    except (*REPLICA_ERRORS, Unavailable) as error:
        if is_passing(error):
            raise Unavailable(f"{alias} can't be repaired as long as a file is busy or full: {error}") from error
        _tell(alias, f"{alias} can't be brought back by its log ({error}): it gets a copy of {donor}")
        means, count = "copy", _rejoin_by_copy(service, alias, donor, progress)
    _told.pop(replication_settings.files[alias], None)
    done = Repaired(alias, means, count, time.monotonic() - began)
    logger.warning("%s", done)
    metrics.repairs.labels(alias, means).inc()
    quarantine.remove_unneeded(service, alias)
    note = Repair(at=maintenance_log.now(), alias=alias, means=means, entries=count, ms=round(done.seconds * 1000))
    maintenance_log.note_repair(service.name, note)
    return done


def _tell(alias: str, why: str) -> None:
    path = replication_settings.files[alias]
    if _told.get(path) != why:
        logger.info("%s", why)
    _told[path] = why


def _donor(witness: Witness) -> str:
    """Who has all that is settled, and nothing against it: whether that is true is asked again at each opening."""
    if not witness.trusted:
        reasons = [f"{alias} is suspected: {known.reason}" for alias, known in witness.suspects.items()]
        why = "; ".join(reasons) or "no replica is in sync"
        raise Unavailable(f"There is nothing to repair from: {why}. {ADVICE}")
    return witness.trusted[0]


# ------------------------------------------------------------------------------------------------- by its log


def _rejoin_by_log(service: Service, alias: str, donor: str, progress: Progress) -> int:
    """Rolls the alias's own file forward and checks all of it; raises if that isn't enough."""
    wal_files.assert_accessible(replication_settings.files[alias])
    witness = read_witness(service.witness_file)
    count = _catch_up(service, alias, donor, witness, progress)
    _mend_indexes(alias, witness)
    reached("repair-caught-up")
    _assert_like(service, alias, donor, witness, progress)
    return count + _finish(service, alias, donor, witness.files[alias].nonce, progress)


def _finish(service: Service, alias: str, donor: str, nonce: str, progress: Progress) -> int:
    """What was written meanwhile, the last of it under the lock; then back into the in-sync set."""
    witness = read_witness(service.witness_file)
    if alias in witness.in_sync:
        return 0
    return _catch_up(service, alias, donor, witness, progress) + _readmit(service, alias, nonce)


def _catch_up(service: Service, alias: str, donor: str, witness: Witness, progress: Progress) -> int:
    """Most of the way outside the writer lock: nobody else writes a file that is out of sync.

    In transactions of bounded size, so that a kill loses little.
    """
    count, behind = 0, 0
    while True:
        with source.opened(donor, witness) as donors, _begun(alias, witness) as target:
            behind = behind or entries.read_head(donors).position - entries.read_head(target.raw).position
            rolled = catchup.roll_forward(donors, target.raw, service, most=TRANSACTION_ENTRIES)
            target.commit(witness)
        reached("repair-rolled-some")
        count += rolled
        if rolled < TRANSACTION_ENTRIES:
            return count
        progress(f"catching up {alias}", min(1.0, count / behind))


def _mend_indexes(alias: str, witness: Witness) -> None:
    """Words are looked up in what nobody compares: it has to be of these rows before the file counts again."""
    with _begun(alias, witness) as target:
        if mended := derived.mend(target.raw):
            logger.warning("%s: %s weren't in step with the rows, and were made anew", alias, ", ".join(mended))
        target.commit(witness)


@contextmanager
def _begun(alias: str, witness: Witness) -> Iterator[Participant]:
    participant = Participant(alias)
    participant.begin(witness)
    try:
        yield participant
    finally:
        participant.rollback()


def _assert_like(service: Service, alias: str, donor: str, witness: Witness, progress: Progress) -> None:
    """That the file is sound by its own account, and that both have the same digest of every row."""
    with source.opened(alias, witness) as ours, source.opened(donor, witness) as theirs:
        if found := scrub.findings(ours, service, partial(progress, f"verifying {alias}"), Gently()):
            raise ReplicaFault(found[0])
        head = entries.read_head(ours)
        if entries.hash_at(theirs, head.position) != head.hash:
            raise ReplicaFault("its log departs from the other's")
        if difference := scrub.difference(ours, theirs):
            raise ReplicaFault(difference)


def _readmit(service: Service, alias: str, nonce: str) -> int:
    """Under the lock: the last entries, then back into the in-sync set."""
    with writer_lock(service.lock_dir) as lock:
        witness = read_witness(service.witness_file)
        if alias in witness.in_sync:
            return 0
        if witness.files[alias].nonce != nonce:
            raise Unavailable(f"{alias} was replaced by somebody else meanwhile.")
        return _roll_and_readmit(service, lock, witness, alias)


def _roll_and_readmit(service: Service, lock: WriterLock, witness: Witness, alias: str) -> int:
    target, donor = Participant(alias), Participant(_donor(witness))
    target.begin(witness)
    try:
        donor.begin(witness)
        count = catchup.roll_forward(donor.raw, target.raw, service)
        # A commit, also where nothing was missing: other connections forget the pages that they remember, and the
        # witness can say when the file was last written. An UPDATE that changes nothing writes nothing.
        backup_copy.set_nonce(target.raw, witness.files[alias].nonce)
        record = target.commit(witness)
    finally:
        donor.rollback()
        target.rollback()
    reached("repair-rolled")
    in_sync_set.readmit(service, lock, witness, alias, record)
    return count


# ------------------------------------------------------------------------------------------- by a verified copy


def _rejoin_by_copy(service: Service, alias: str, donor: str, progress: Progress) -> int:
    """A copy of a snapshot of the donor, verified as a whole, takes the file's place."""
    try:
        draft = backup_copy.make_draft(
            service, alias, donor, read_witness(service.witness_file), progress, pace=Gently()
        )
        reached("repair-verified")
        _install(service, alias, donor, draft)
        maintenance_log.note_check(service.name, alias, draft.nonce, is_sound=True)
        return _finish(service, alias, donor, draft.nonce, progress)
    except REPLICA_ERRORS as error:
        raise Unavailable(f"{alias} can't be rebuilt now: {error}") from error


def replace_by_copy(service: Service, alias: str, donor: str, reason: ReplicaFault, progress: Progress) -> Repaired:
    """A fresh copy of the donor takes the place of a file that is in sync, and stays so until the copy is there."""
    began = time.monotonic()
    draft = backup_copy.make_draft(service, alias, donor, read_witness(service.witness_file), progress, pace=Gently())
    reached("repair-verified")
    old = _install(service, alias, donor, draft, reason)
    count = _finish(service, alias, donor, draft.nonce, progress)
    backup_copy.remove(old)
    return Repaired(alias, "copy", count, time.monotonic() - began)


def _install(
    service: Service, alias: str, donor: str, draft: backup_copy.Draft, eviction: ReplicaFault | None = None
) -> Path:
    """Under the lock: the old file is put aside, the draft takes its place, the witness knows it."""
    path = replication_settings.files[alias]
    with writer_lock(service.lock_dir) as lock:
        witness = read_witness(service.witness_file)
        if alias in witness.in_sync:
            if eviction is None:
                raise Unavailable(f"{alias} came back by itself meanwhile.")
            witness = in_sync_set.evict(service, lock, witness, {alias: eviction})
        if donor not in witness.trusted:  # It was found at fault while it was copied.
            raise Unavailable(f"{alias} isn't rebuilt from {donor}, which isn't in sync any more, or is suspected.")
        old, record = put_in_place(draft, path)
        in_sync_set.register_copy(service, lock, witness, alias, record)
    return old


def put_in_place(draft: backup_copy.Draft, path: Path) -> tuple[Path, FileRecord]:
    """The draft becomes the file at the path; the old one is kept aside. Under the writer lock, out of sync.

    Gives back where the old one is, and the record of the new one, which the witness doesn't know yet.
    """
    old = backup_copy.put_aside(path)
    reached("repair-quarantined")
    draft.path.rename(path)
    files.sync_folder(path.parent)
    reached("repair-installed")
    return old, record_of(path, draft.nonce)
