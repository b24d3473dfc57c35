"""What becomes of a suspicion: a check of the whole file clears it, or the other copy takes over.

Whoever finds the fault can't always tell what it means: a file that is gone may come back as it was, a row that could
not be read may have been a slip of the memory, a tool may have merged a `-wal` and changed nothing. The check tells,
but for a file that was overwritten: an old page is as sound as a new one, once the log doesn't reach back to it.
"""

import logging
from contextlib import suppress
from dataclasses import dataclass, replace

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import ReplicaFault
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.files import verification
from bookstore_project.replication.sqlite_pair.files.file_identity import (
    Unvouched,
    check_file,
    wal_identity,
)
from bookstore_project.replication.sqlite_pair.files.participant import REPLICA_ERRORS
from bookstore_project.replication.sqlite_pair.files.scrub import Tell
from bookstore_project.replication.sqlite_pair.locks.mutex import WriterLock
from bookstore_project.replication.sqlite_pair.membership import in_sync_set
from bookstore_project.replication.sqlite_pair.membership.witness import FileRecord, Witness, read_witness

logger = logging.getLogger("bookstore.replication")


def vouch(service: Service, lock: WriterLock, witness: Witness, faults: dict[str, BaseException]) -> set[str]:
    """Which files of these count again: nobody could say who wrote them last, and a check finds nothing wrong.

    What it finds else takes the fault's place. Under the writer lock. A large file is left to maintenance, as one
    that is suspected.
    """
    vouched = set()
    for alias, fault in list(faults.items()):
        if isinstance(fault, Unvouched) and alias in witness.trusted and verification.is_quick(alias):
            checked = check(service, alias, witness)
            if checked.fault is not None:
                faults[alias] = checked.fault
            elif clear(service, lock, alias, checked.record):
                vouched.add(alias)
    return vouched


@dataclass(frozen=True)
class Checked:
    """What a check of a suspected file found; without a fault, how the witness may know the file from now on."""

    fault: BaseException | None
    record: FileRecord | None = None


def check(service: Service, alias: str, witness: Witness, tell: Tell | None = None) -> Checked:
    """Checks a file as a whole, suspected or not."""
    suspicion = witness.suspects.get(alias)
    try:
        # A writer that ended before the witness was told may have begun the -wal anew: the check is of this one.
        record, is_vouched = _with_its_wal(alias, check_file(alias, witness)), True
    except Unvouched as fault:
        if suspicion is not None and not suspicion.is_unvouched:
            # It was overwritten, perhaps, before somebody merged its -wal: a check of what it is now doesn't tell.
            return Checked(fault)
        record, is_vouched = verification.record_as_it_lies(alias, witness), False
    except ReplicaFault as fault:
        return Checked(fault)
    known = replace(witness, files={**witness.files, alias: record})
    return Checked(verification.fault_of_whole(service, alias, known, tell, is_compared=not is_vouched), record)


def clear(service: Service, lock: WriterLock, alias: str, record: FileRecord | None) -> bool:
    """Whether the file counts again: under the lock, it still is what was checked."""
    witness = read_witness(service.witness_file)
    with suppress(*REPLICA_ERRORS):
        if (now := verification.record_as_it_lies(alias, witness)) != record:
            logger.warning("%s is another file than the one that was checked: %s, not %s", alias, now, record)
            return False
        reached("suspicion-checked")
        in_sync_set.register_file(service, lock, witness, alias, record)
        logger.warning("%s was checked as a whole, and counts again", alias)
        return True
    return False


def _with_its_wal(alias: str, record: FileRecord) -> FileRecord:
    return replace(record, wal=wal_identity(replication_settings.files[alias]))
