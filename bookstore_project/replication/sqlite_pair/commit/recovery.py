"""Steps 1 to 3 of a write: open both files, and finish what a dead writer left, before anything new.

What lies above the floor was committed somewhere and acknowledged by nobody, or just so. It is rolled forward,
invalidated and made visible; it is never taken back, because a read may have been about to show it.
"""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from django.db import IntegrityError

from bookstore_project.replication.errors import ReplicaFault, Suspected, Unavailable
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.interface import Caches
from bookstore_project.replication.log import catchup, entries
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.files.participant import REPLICA_ERRORS, Participant
from bookstore_project.replication.sqlite_pair.locks.mutex import WriterLock
from bookstore_project.replication.sqlite_pair.membership import in_sync_set, suspicion
from bookstore_project.replication.sqlite_pair.membership.witness import (
    FileRecord,
    Witness,
    create_witness,
    read_witness,
    write_witness,
)

Faults = dict[str, BaseException]
"""Aliases that can't take part, and why: dead, for now."""


@dataclass
class Opening:
    """Begun participants, all with the same head, which is the floor; and those that are dead."""

    witness: Witness
    participants: list[Participant]
    heads: dict[str, entries.Head]
    dead: Faults

    def rollback(self) -> None:
        for participant in self.participants:
            participant.rollback()


def begin_settled(
    service: Service,
    lock: WriterLock,
    caches: Caches,
    excluded: Mapping[str, BaseException],
    *,
    of_any_code: bool = False,
) -> Opening:
    """Opens what can be opened of the in-sync files, but for the excluded ones, and settles.

    Raises Unavailable if nobody is left, nobody that has what is settled, or the files are for other code
    (`of_any_code` lets them pass): nothing was changed.
    """
    while True:
        witness = read_witness(service.witness_file)
        if not os.access(service.witness_file, os.W_OK):
            witness = _replace_witness(service, lock, witness)
        opening = Opening(witness, [], {}, {})
        try:
            _open(opening, excluded, of_any_code=of_any_code)
            if suspicion.vouch(service, lock, witness, opening.dead):
                opening.rollback()
                continue
            if not opening.participants:
                raise in_sync_set.nobody_left(service, lock, witness, opening.dead)
            if _is_settled(opening):
                return opening
            _settle(service, lock, caches, opening)
        except BaseException:
            opening.rollback()
            raise


def _replace_witness(service: Service, lock: WriterLock, witness: Witness) -> Witness:
    """A read-only witness is replaced by one that can be written, if its folder can be."""
    lock.assert_current()
    try:
        return create_witness(service.witness_file, witness)
    except OSError as error:
        raise Unavailable(f"The witness is read-only ({error.strerror}); nothing was changed.") from error


def _open(opening: Opening, excluded: Mapping[str, BaseException], *, of_any_code: bool) -> None:
    """Begins on every in-sync file, in fixed order, so that two writers can't wait for each other."""
    witness = opening.witness
    for alias in witness.in_sync:
        participant = Participant(alias, of_any_code=of_any_code)
        try:
            if alias in witness.suspects:
                raise Suspected(witness.suspects[alias].reason)
            if alias in excluded:
                raise excluded[alias]
            opening.heads[alias] = _begin(participant, witness)
        except REPLICA_ERRORS as error:
            opening.dead[alias] = error
        else:
            opening.participants.append(participant)


def _begin(participant: Participant, witness: Witness) -> entries.Head:
    head = participant.begin(witness)
    try:
        witness.assert_not_older_than(entries.read_epoch(participant.raw))
    except Unavailable:
        participant.rollback()
        raise
    return head


def _is_settled(opening: Opening) -> bool:
    newest = max(head.position for head in opening.heads.values())
    return newest == opening.witness.floor and len(set(opening.heads.values())) == 1


def _settle(service: Service, lock: WriterLock, caches: Caches, opening: Opening) -> None:
    """Rolls the shorter log forward, commits, invalidates, and raises the floor to the newest head.

    Where that can't be done, because one of the logs is at fault, evicts it and leaves the rest to the next round.
    """
    longer = max(opening.participants, key=lambda participant: opening.heads[participant.alias].position)
    faults = _level(service, opening, longer)
    if faults:
        opening.rollback()
        opening.participants.clear()
        in_sync_set.evict(service, lock, opening.witness, {**opening.dead, **faults})
        return
    doubts = list(entries.entries_after(longer.raw, opening.witness.floor))
    reached("settle-rolled")
    witness = opening.witness
    if opening.dead:
        witness = in_sync_set.evict(service, lock, witness, opening.dead)
    lock.assert_current()
    try:
        witness = commit_all(service, lock, witness, opening.participants)
    except (ReplicaFault, IntegrityError) as error:
        raise Unavailable(f"Unfinished work can't be finished: {error}") from error
    reached("settle-committed")
    if doubts:
        caches.invalidate(witness.timeline, doubts)
    reached("settle-invalidated")
    lock.assert_current()
    try:
        floor = opening.heads[longer.alias].position
        write_witness(service.witness_file, replace(witness, floor=floor), sync=False)
    except OSError as error:
        raise Unavailable(f"The witness can't be written: {error}") from error


def _level(service: Service, opening: Opening, longer: Participant) -> Faults:
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
            catchup.roll_forward(longer.raw, other.raw, service)
        except entries.BrokenChain as error:
            return {longer.alias: error}
        except REPLICA_ERRORS as error:
            if head.position == top.position and not _is_broken(other):
                raise Unavailable(
                    f"The logs of {service.name} differ at position {top.position}, and both are whole: "
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


def commit_all(service: Service, lock: WriterLock, witness: Witness, participants: list[Participant]) -> Witness:
    """Commits each participant, in order, and empties the list; evicts those that fail, before anything is shown.

    Gives back the witness with the files' sizes. Raises ReplicaFault if no commit succeeded: what became of it is
    for the caller to judge; IntegrityError if a row refers to one that isn't there, which SQLite finds when the first
    file commits, and nothing has happened yet.
    """
    records: dict[str, FileRecord] = dict(witness.files)
    failed: Faults = {}
    done = 0
    while participants:
        participant = participants.pop(0)
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
            in_sync_set.suspect(service, lock, witness, failed)
        raise ReplicaFault("; ".join(f"{alias}: {error}" for alias, error in failed.items()))
    witness = replace(witness, files=records)
    return in_sync_set.evict(service, lock, witness, failed) if failed else witness
