"""Step 3 of a write: both files are open, and what a dead writer left is finished, before anything new.

What lies above the floor was committed somewhere and acknowledged by nobody, or just so. It is rolled forward,
invalidated and made visible; it is never taken back, because a read may have been about to show it.
"""

import sqlite3
from contextlib import suppress
from dataclasses import replace

from django.db import IntegrityError

from bookstore_project.replication.errors import ReplicaFault, Unavailable
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.interface import Caches
from bookstore_project.replication.log import catchup, entries
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.commit.opening import Faults, Find, Opening, nothing_found, open_sound
from bookstore_project.replication.sqlite_pair.files.participant import REPLICA_ERRORS, Participant
from bookstore_project.replication.sqlite_pair.locks.mutex import WriterLock
from bookstore_project.replication.sqlite_pair.membership import in_sync_set
from bookstore_project.replication.sqlite_pair.membership.witness import FileRecord, Witness, write_witness


def begin_settled(
    service: Service, lock: WriterLock, caches: Caches, find: Find = nothing_found, *, of_any_code: bool = False
) -> Opening:
    """Opens what can be opened of the in-sync files (see `open_sound`), and settles: all heads are the floor.

    Raises Unavailable as `open_sound` does, and if what a dead writer left can't be settled.
    """
    while True:
        opening = open_sound(service, lock, find, of_any_code=of_any_code)
        try:
            if _is_settled(opening):
                return opening
            _settle(opening, caches)
        except BaseException:
            opening.rollback()
            raise


def _is_settled(opening: Opening) -> bool:
    newest = max(head.position for head in opening.heads.values())
    return newest == opening.witness.floor and len(set(opening.heads.values())) == 1


def _settle(opening: Opening, caches: Caches) -> None:
    """Rolls the shorter log forward, commits, invalidates, and raises the floor to the newest head.

    Where that can't be done, because one of the logs is at fault, takes it out and leaves the rest to the next round.
    """
    longer = max(opening.participants, key=lambda participant: opening.heads[participant.alias].position)
    if faults := _level(opening, longer):
        opening.dead |= faults
        opening.rollback()
        opening.take_out_dead()
        return
    doubts = list(entries.entries_after(longer.raw, opening.witness.floor))
    reached("settle-rolled")
    opening.take_out_dead()
    opening.lock.assert_current()
    try:
        witness = commit_all(opening)
    except (ReplicaFault, IntegrityError) as error:
        raise Unavailable(f"Unfinished work can't be finished: {error}") from error
    reached("settle-committed")
    if doubts:
        caches.invalidate(witness.timeline, doubts)
    reached("settle-invalidated")
    opening.lock.assert_current()
    try:
        floor = opening.heads[longer.alias].position
        write_witness(opening.service.witness_file, replace(witness, floor=floor), sync=False)
    except OSError as error:
        raise Unavailable(f"The witness can't be written: {error}") from error


def _level(opening: Opening, longer: Participant) -> Faults:
    """Makes the other logs equal to the longest; which log is at fault where that fails."""
    try:
        entries.assert_chained(longer.raw)
    except entries.BrokenChain as error:
        return {longer.alias: error}
    for other in opening.participants:
        head, top = opening.heads[other.alias], opening.heads[longer.alias]
        if head == top:
            continue
        try:
            catchup.roll_forward(longer.raw, other.raw, opening.service)
        except entries.BrokenChain as error:
            return {longer.alias: error}
        except REPLICA_ERRORS as error:
            if head.position == top.position and not _is_broken(other):
                raise Unavailable(
                    f"The logs of {opening.service.name} differ at position {top.position}, and both are whole: "
                    "an operator has to say which counts."
                ) from error
            return {other.alias: error}
    return {}


def _is_broken(participant: Participant) -> bool:
    try:
        entries.assert_chained(participant.raw)
    except REPLICA_ERRORS:
        return True
    return False


def commit_all(opening: Opening) -> Witness:
    """Commits each participant, in order, and empties the list; takes out those that fail, before anything is shown.

    Gives back the witness with the files' sizes. Raises ReplicaFault if no commit succeeded: what became of it is
    for the caller to judge; IntegrityError if a row refers to one that isn't there, which SQLite finds when the first
    file commits, and nothing has happened yet.
    """
    witness = opening.witness
    records: dict[str, FileRecord] = dict(witness.files)
    failed: Faults = {}
    done = 0
    while opening.participants:
        participant = opening.participants.pop(0)
        try:
            records[participant.alias] = participant.commit(witness)
            done += 1
        except sqlite3.IntegrityError as error:
            if not done and not failed:
                raise IntegrityError(f"{error}; nothing was changed") from error
            failed[participant.alias] = error
        except REPLICA_ERRORS as error:
            failed[participant.alias] = error
        reached(f"committed-{participant.alias}")
    if not done:
        with suppress(Unavailable):  # Then the next one finds it.
            in_sync_set.suspect(opening.service, opening.lock, witness, failed)
        raise ReplicaFault("; ".join(f"{alias}: {error}" for alias, error in failed.items()))
    if records != witness.files:
        opening.witness = replace(witness, files=records)
    opening.dead |= failed
    return opening.take_out_dead()
