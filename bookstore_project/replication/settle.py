"""Steps 1 to 3 of a write: open both files, and finish what a dead writer left, before anything new.

What lies above the floor was committed somewhere and acknowledged by nobody, or just so. It is rolled forward,
invalidated and made visible; it is never taken back, because a read may have been about to show it.
"""

import os
from dataclasses import replace

from bookstore_project.replication import fronts, log
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.mutex import WriterLock
from bookstore_project.replication.participant import REPLICA_ERRORS, Participant
from bookstore_project.replication.points import reached
from bookstore_project.replication.service import Service
from bookstore_project.replication.witness import Witness, read_witness, write_witness


def begin_settled(service: Service, lock: WriterLock) -> tuple[Witness, list[Participant]]:
    """The witness, and a begun participant per in-sync alias, all with the same head, which is the floor.

    Raises Unavailable if that can't be had: nothing was changed.
    """
    while True:
        witness = read_witness(service.witness_file)
        if not os.access(service.witness_file, os.W_OK):
            raise Unavailable("The witness is read-only; nothing was changed.")
        participants, heads = _begin_all(service, witness)
        try:
            if _is_settled(heads, witness):
                return witness, participants
            _settle(service, lock, witness, participants, heads)
        except BaseException:
            for participant in participants:
                participant.rollback()
            raise


def _begin_all(service: Service, witness: Witness) -> tuple[list[Participant], dict[str, log.Head]]:
    """Opens every in-sync file, in fixed order, so that two writers can't wait for each other."""
    participants: list[Participant] = []
    heads: dict[str, log.Head] = {}
    for alias in witness.in_sync:
        participant = Participant(alias)
        try:
            heads[alias] = participant.begin(witness)
        except REPLICA_ERRORS as error:
            for begun in participants:
                begun.rollback()
            raise Unavailable(f"{alias} can't be written: {error}. Nothing was changed.") from error
        participants.append(participant)
    if not participants:
        raise Unavailable(f"No replica of {service.name} is in sync.")
    return participants, heads


def _is_settled(heads: dict[str, log.Head], witness: Witness) -> bool:
    newest = max(head.position for head in heads.values())
    if newest < witness.floor:
        raise Unavailable(f"The newest log ends at {newest}, below the settled position {witness.floor}.")
    return newest == witness.floor and len(set(heads.values())) == 1


def _settle(
    service: Service,
    lock: WriterLock,
    witness: Witness,
    participants: list[Participant],
    heads: dict[str, log.Head],
) -> None:
    """Rolls the shorter log forward, commits, invalidates, and raises the floor to the newest head."""
    ordered = sorted(participants, key=lambda participant: heads[participant.alias].position)
    shorter, longer = ordered[0], ordered[-1]
    if heads[shorter.alias] != heads[longer.alias]:
        try:
            log.roll_forward(longer.raw, shorter.raw, service)
        except REPLICA_ERRORS as error:
            raise Unavailable(f"{shorter.alias} can't be rolled forward: {error}") from error
    entries = list(log.entries_after(longer.raw, witness.floor))
    lock.assert_current()
    reached("settle-rolled")
    records = dict(witness.files)
    while participants:
        participant = participants.pop(0)
        try:
            records[participant.alias] = participant.commit(witness)
        except REPLICA_ERRORS as error:
            raise Unavailable(f"{participant.alias} failed while settling: {error}") from error
    reached("settle-committed")
    if entries:
        fronts.invalidate(witness.timeline, entries)
    reached("settle-invalidated")
    floor = max(head.position for head in heads.values())
    try:
        write_witness(service.witness_file, replace(witness, floor=floor, files=records), sync=False)
    except OSError as error:
        raise Unavailable(f"The witness can't be written: {error}") from error
