"""What becomes of a suspicion: a check of the whole file clears it, or the other copy takes over.

Whoever finds the fault can't always tell what it means: a file that is gone may come back as it was, a row that could
not be read may have been a slip of the memory, a tool may have merged a `-wal` and changed nothing. The check tells,
but for a file that was overwritten: an old page is as sound as a new one, once the log doesn't reach back to it.
"""

import logging
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from functools import partial

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import ReplicaFault
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.progress import Progress, silent
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.files import file_identity, verification
from bookstore_project.replication.sqlite_pair.files.file_identity import Unvouched, check_file
from bookstore_project.replication.sqlite_pair.files.participant import REPLICA_ERRORS
from bookstore_project.replication.sqlite_pair.files.scrub import Tell
from bookstore_project.replication.sqlite_pair.locks.mutex import WriterLock, writer_lock
from bookstore_project.replication.sqlite_pair.membership import in_sync_set
from bookstore_project.replication.sqlite_pair.membership.witness import FileRecord, Suspicion, Witness, read_witness

logger = logging.getLogger("bookstore.replication")

Looks = tuple[Suspicion, int | None, str]
"""What a check was made of: if none of it has changed, the next one would find the same."""


def vouch(service: Service, lock: WriterLock, witness: Witness, faults: dict[str, BaseException]) -> bool:
    """Whether a file of these counts again: nobody could say who wrote it last, and a check finds nothing wrong.

    What it finds else takes the fault's place. Under the writer lock. A large file is left to maintenance, as one
    that is suspected.
    """
    is_any = False
    for alias, fault in list(faults.items()):
        if isinstance(fault, Unvouched) and alias in witness.trusted and verification.is_quick(alias):
            checked = _check(service, alias, witness)
            if checked.fault is not None:
                faults[alias] = checked.fault
            else:
                is_any |= _clear(service, lock, alias, checked.record)
    return is_any


@dataclass(frozen=True)
class Checked:
    """What a check of a suspected file found; without a fault, how the witness may know the file from now on."""

    fault: BaseException | None
    record: FileRecord | None = None


def _check(service: Service, alias: str, witness: Witness, tell: Tell | None = None) -> Checked:
    suspicion = witness.suspects.get(alias)
    try:
        record, is_vouched = check_file(alias, witness), True
    except Unvouched as fault:
        if suspicion is not None and not suspicion.is_unvouched:
            # It was overwritten, perhaps, before somebody merged its -wal: a check of what it is now doesn't tell.
            return Checked(fault)
        record, is_vouched = verification.record_as_it_lies(alias, witness), False
    except ReplicaFault as fault:
        return Checked(fault)
    known = replace(witness, files={**witness.files, alias: record})
    return Checked(verification.fault_of_whole(service, alias, known, tell, is_compared=not is_vouched), record)


def _clear(service: Service, lock: WriterLock, alias: str, record: FileRecord | None) -> bool:
    """Whether the file counts again: under the lock, it still is what was checked."""
    witness = read_witness(service.witness_file)
    with suppress(*REPLICA_ERRORS):
        if record is not None and verification.record_as_it_lies(alias, witness) == record:
            reached("suspicion-checked")
            in_sync_set.register_file(service, lock, witness, alias, record)
            logger.warning("%s was checked as a whole, and counts again", alias)
            return True
    return False


class Review:
    """Maintenance's look at those who are suspected, outside the writer lock."""

    def __init__(self, service: Service, progress: Progress = silent) -> None:
        self._service = service
        self._progress = progress
        self._checked: dict[str, Looks] = {}

    def step(self, *, is_thorough: bool = False) -> dict[str, list[str]]:
        """Clears who passes the check, and takes the others out if somebody is left who passes it.

        What was found, by alias. Raises Unavailable if the lock isn't had, or nobody is left.
        """
        found = self.clear(is_thorough=is_thorough)
        self._take_out()
        return found

    def clear(self, *, is_thorough: bool = False) -> dict[str, list[str]]:
        """Clears who passes the check; what was found, by alias.

        A file that hasn't changed since it was checked last is checked again only if `is_thorough`. Raises
        Unavailable if the lock isn't had.
        """
        found: dict[str, list[str]] = {}
        witness = read_witness(self._service.witness_file)
        for alias, suspicion in witness.suspects.items():
            if witness.trusted and not suspicion.must_be_copied:
                continue  # It was busy, or full: reading it, which goes well, says nothing of that.
            if not is_thorough and self._state(alias, suspicion) == self._checked.get(alias):
                continue
            tell = partial(self._progress, f"checking {alias}")
            checked = _check(self._service, alias, read_witness(self._service.witness_file), tell)
            found[alias] = [] if checked.fault is None else [str(checked.fault)]
            if checked.fault is None:
                with self._locked() as lock:
                    _clear(self._service, lock, alias, checked.record)
            else:
                self._checked[alias] = self._state(alias, suspicion)
        return found

    def _take_out(self) -> None:
        """A suspected file that stays so is evicted as soon as the others were checked."""
        witness = read_witness(self._service.witness_file)
        if not witness.suspects or not witness.trusted:
            return
        faults = {alias: fault for alias in witness.trusted if (fault := self._check_survivor(alias)) is not None}
        with self._locked() as lock:
            checked = [alias for alias in witness.trusted if alias not in faults]
            now = read_witness(self._service.witness_file)
            if now.suspects:
                in_sync_set.evict(self._service, lock, now, faults, checked=checked)

    def _check_survivor(self, alias: str) -> BaseException | None:
        witness = read_witness(self._service.witness_file)
        return verification.fault_of_whole(
            self._service, alias, witness, partial(self._progress, f"checking {alias}")
        )

    def _state(self, alias: str, suspicion: Suspicion) -> Looks:
        return (
            suspicion,
            file_identity.write_time(alias),
            file_identity.wal_identity(replication_settings.files[alias]),
        )

    def _locked(self) -> AbstractContextManager[WriterLock]:
        return writer_lock(self._service.lock_dir)
