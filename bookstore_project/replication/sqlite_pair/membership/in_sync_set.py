"""Who counts: taking a file out of the in-sync set, suspecting it, and letting it in again.

The set shrinks before the commit that a file can't take part in, durably: from then on nobody reads it, whatever it
holds. It never shrinks to a file that doesn't pass a scrub: two faults at once are for an operator, not for a guess.
Then both stay in the set, and what was found in them is remembered, durably: a *suspected* file is neither read nor
written until a check of the whole of it, a copy or an operator has cleared it (`suspicion`).
"""

import logging
from collections.abc import Collection, Mapping
from dataclasses import replace

from bookstore_project.replication import maintenance_log, metrics
from bookstore_project.replication.errors import ADVICE, ReplicaFault, Suspected, Unavailable, is_damage
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.files import verification
from bookstore_project.replication.sqlite_pair.files.file_identity import Unvouched
from bookstore_project.replication.sqlite_pair.locks.mutex import WriterLock
from bookstore_project.replication.sqlite_pair.membership.witness import (
    Exclusion,
    FileRecord,
    Suspicion,
    Witness,
    read_witness,
    unvouched,
    write_witness,
)

logger = logging.getLogger("bookstore.replication")

REASON_LENGTH = 300
STANDS_BY = "being migrated: it counts again if that is cut short"


def evict(
    service: Service,
    lock: WriterLock,
    witness: Witness,
    dead: Mapping[str, BaseException],
    *,
    checked: Collection[str] = (),
) -> Witness:
    """The witness without the dead, and without those suspected before, in a new epoch, durable.

    Whoever is left was checked as a whole: here, or (`checked`) by the caller, a moment ago, or a large one by a
    scrub. Raises Unavailable if nobody would be left, if the one that is left is damaged, or too large to be checked
    while writers wait, or if the witness can't be written. S stays as it is then; what was found is remembered as a
    suspicion, durably.
    """
    dead = {**_suspected(witness), **dead}
    left = tuple(alias for alias in witness.in_sync if alias not in dead)
    if left == witness.in_sync:
        return witness
    if not left:
        raise nobody_left(service, lock, witness, dead)
    for alias in left:
        if alias not in checked:
            _check_survivor(service, lock, witness, alias, dead)
    reached("survivor-checked")
    excluded = {alias: _exclusion(witness, alias, error) for alias, error in dead.items() if alias in witness.in_sync}
    # Whoever repairs an excluded file writes it, and nobody else has to know when.
    witness = unvouched(witness, *excluded)
    shrunk = replace(witness, in_sync=left, out={**witness.out, **excluded})
    reached("evict")
    written = change(service, lock, shrunk)
    for alias, exclusion in excluded.items():
        metrics.evictions.labels(alias).inc()
        logger.warning("%s is out of sync: %s", alias, exclusion.reason)
    return written


def nobody_left(
    service: Service, lock: WriterLock, witness: Witness, dead: Mapping[str, BaseException]
) -> Unavailable:
    """What a writer is told where no file of the in-sync set can be written; what was found is remembered."""
    suspect(service, lock, witness, dead)
    # With nobody in sync, the witness says why.
    known: Mapping[str, object] = dead or {alias: exclusion.reason for alias, exclusion in witness.out.items()}
    return Unavailable(
        f"No replica of {service.name} can be written ({_listed(known)}); nothing was changed. {ADVICE}"
    )


def _check_survivor(
    service: Service, lock: WriterLock, witness: Witness, alias: str, dead: Mapping[str, BaseException]
) -> None:
    """That the copy is sound as a whole; raises Unavailable if it isn't, or if that takes too long to tell now."""
    is_quick = verification.is_quick(alias)
    if not is_quick and verification.was_checked_lately(service, alias, witness):
        return
    if not is_quick:
        # Also what would pass: as long as it is on record, maintenance makes the check.
        suspect(service, lock, witness, dead, is_passing_too=True)
        raise Unavailable(
            f"{_listed(dead)}; {alias}, which will be the only copy, is checked as a whole first. Nothing was "
            "changed: try again in a moment."
        )
    fault = verification.fault_of_whole(service, alias, witness)
    if fault is not None:
        suspect(service, lock, witness, {**dead, alias: fault})
        what = "is damaged" if speaks_against_it(fault) else "can't be checked"
        raise Unavailable(
            f"{_listed(dead)}; and {alias}, which would be the only copy, {what}: {fault}. Nothing was changed. "
            f"{ADVICE}"
        )


def suspect(
    service: Service,
    lock: WriterLock,
    witness: Witness,
    faults: Mapping[str, BaseException],
    *,
    is_passing_too: bool = False,
) -> Witness:
    """The witness that remembers what was found in files that can't be taken out, durable; they stay in S.

    What gave the fault away may be gone a moment later: a tool merges a `-wal`, a process that had the removed one
    open ends. What passes by itself (a lock, a full disk) is no reason, unless `is_passing_too`. Raises Unavailable
    if the witness can't be written.
    """
    found = {
        alias: Suspicion(
            reason=_shortened(error),
            since=maintenance_log.now(),
            must_be_copied=isinstance(error, ReplicaFault),
            is_unvouched=isinstance(error, Unvouched),
        )
        for alias, error in faults.items()
        if alias in witness.trusted and (is_passing_too or speaks_against_it(error))
    }
    if not found:
        return witness
    reached("suspect")
    written = change(service, lock, replace(witness, suspects={**witness.suspects, **found}))
    reached("suspected")
    for alias, suspicion in found.items():
        logger.error("%s is suspected, and nobody can do without it: %s", alias, suspicion.reason)
    return written


def speaks_against_it(error: BaseException) -> bool:
    """Whether it says that the file isn't what it must be, rather than that it couldn't be had for once."""
    return isinstance(error, ReplicaFault) or is_damage(error)


def _suspected(witness: Witness) -> dict[str, BaseException]:
    return {
        alias: Suspected(suspicion.reason)
        for alias, suspicion in witness.suspects.items()
        if alias in witness.in_sync
    }


def _exclusion(witness: Witness, alias: str, error: BaseException) -> Exclusion:
    suspicion = witness.suspects.get(alias)
    if suspicion is None:
        return out_because(error)
    return Exclusion(suspicion.reason, suspicion.since, suspicion.must_be_copied)


def _listed(faults: Mapping[str, object]) -> str:
    return "; ".join(f"{alias}: {fault}" for alias, fault in faults.items())


def readmit(service: Service, lock: WriterLock, witness: Witness, alias: str, record: FileRecord) -> Witness:
    """The witness with the alias in sync again, in a new epoch, durable. Its file must hold all of the log."""
    in_sync = tuple(name for name in service.aliases if name in witness.in_sync or name == alias)
    out = {name: exclusion for name, exclusion in witness.out.items() if name != alias}
    files = {**witness.files, alias: record}
    reached("readmit")
    return change(service, lock, replace(witness, in_sync=in_sync, out=out, files=files))


def register_file(service: Service, lock: WriterLock, witness: Witness, alias: str, record: FileRecord) -> Witness:
    """The witness that knows an alias's file by this record from now on; whether it is in sync stays as it is.

    Nothing that was suspected of it counts any more: the caller has checked the whole of it, or it is another file.
    """
    files = {**witness.files, alias: record}
    suspects = {name: suspicion for name, suspicion in witness.suspects.items() if name != alias}
    return change(service, lock, replace(witness, files=files, suspects=suspects))


def register_copy(service: Service, lock: WriterLock, witness: Witness, alias: str, record: FileRecord) -> Witness:
    """`register_file` of a verified copy: should it not come into sync now, its log is enough the next time."""
    out = {
        name: replace(known, must_be_copied=name != alias and known.must_be_copied)
        for name, known in witness.out.items()
    }
    return register_file(service, lock, replace(witness, out=out), alias, record)


def take_back(service: Service, lock: WriterLock) -> None:
    """If a migration was killed while nobody was in sync, the copy that stood by counts again, as it did before."""
    witness = read_witness(service.witness_file)
    if witness.in_sync:
        return
    for alias, exclusion in witness.out.items():
        if exclusion.reason == STANDS_BY:
            out = {name: other for name, other in witness.out.items() if name != alias}
            change(service, lock, replace(witness, in_sync=(alias,), out=out))
            return


def change(service: Service, lock: WriterLock, witness: Witness) -> Witness:
    """The witness in a new epoch, durable. Raises Unavailable, and changes nothing, if it can't be written."""
    lock.assert_current()
    # What is out of sync is out for a reason of its own.
    suspects = {alias: suspicion for alias, suspicion in witness.suspects.items() if alias in witness.in_sync}
    changed = replace(witness, epoch=witness.epoch + 1, suspects=suspects)
    try:
        return write_witness(service.witness_file, changed, sync=True)
    except OSError as error:
        raise Unavailable(f"The witness can't be written: {error.strerror}; nothing was changed.") from error


def out_because(reason: BaseException | str) -> Exclusion:
    """Since now, because of this."""
    # A file that was busy or full, or couldn't be read for once, is what it was; one that isn't what it must be may
    # be anything, also in what open connections remember of it.
    is_suspect = isinstance(reason, ReplicaFault)
    return Exclusion(_shortened(reason), maintenance_log.now(), is_suspect)


def _shortened(reason: BaseException | str) -> str:
    return str(reason)[:REASON_LENGTH]
