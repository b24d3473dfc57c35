"""Step 2 of a write, and the one way in which a file at fault is taken out.

Whoever has found a fault (a writer, a reader, maintenance, a scrub) says so with a `Find`, which is asked under the
writer lock. Who is found at fault, and who can't be opened, is dead: `Opening.take_out_dead` shrinks the in-sync set
by them, or remembers what was found if nobody can do without them.
"""

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from bookstore_project.nodes import deadlines
from bookstore_project.replication.errors import Suspected, Unavailable
from bookstore_project.replication.log import entries
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.files.file_identity import Unvouched
from bookstore_project.replication.sqlite_pair.files.participant import REPLICA_ERRORS, Participant
from bookstore_project.replication.sqlite_pair.locks.mutex import LOCK_TIMEOUT_S, WriterLock, writer_lock
from bookstore_project.replication.sqlite_pair.membership import in_sync_set, suspicion
from bookstore_project.replication.sqlite_pair.membership.witness import Witness, create_witness, read_witness

Faults = dict[str, BaseException]
"""Aliases that can't take part, and why: dead, for now."""
Find = Callable[[Witness], Mapping[str, BaseException]]
"""Who is known to be at fault before anything is opened, by the witness as it stands under the lock."""

_found_sound: Counter[str] = Counter()


def times_found_sound(service: Service) -> int:
    """How often this process has begun on all in-sync files of the service: each time they were what they must be."""
    return _found_sound[service.name]


def nothing_found(witness: Witness) -> Mapping[str, BaseException]:
    """Nothing is known beforehand: the opening tells."""
    return {}


@dataclass(frozen=True)
class FaultReport:
    """What somebody has seen in a copy, and a writer may not meet: an unreadable page, a row that was changed.

    It is about the copy of that nonce: the file may have been replaced meanwhile.
    """

    alias: str
    nonce: str
    fault: Exception

    def is_about(self, witness: Witness) -> bool:
        """Whether it counts, as things stand. A lock of another program's will pass."""
        record = witness.files.get(self.alias)
        is_same = record is not None and record.nonce == self.nonce
        return is_same and in_sync_set.speaks_against_it(self.fault)


def by_reports(reports: Iterable[FaultReport]) -> Find:
    kept = list(reports)
    return lambda witness: {report.alias: report.fault for report in kept if report.is_about(witness)}


@dataclass
class Opening:
    """Begun participants, and those that are dead; together they are the in-sync set."""

    service: Service
    lock: WriterLock
    witness: Witness
    participants: list[Participant] = field(default_factory=list)
    heads: dict[str, entries.Head] = field(default_factory=dict)
    dead: Faults = field(default_factory=dict)

    def take_out_dead(self, *, checked: Collection[str] = ()) -> Witness:
        """The witness without the dead, durable. Those who stay are checked, or `checked`: see `in_sync_set.evict`.

        Raises Unavailable if nobody can do without them; what was found is remembered then.
        """
        if self.dead:
            self.witness = in_sync_set.evict(self.service, self.lock, self.witness, self.dead, checked=checked)
            self.dead = {}
        return self.witness

    def rollback(self) -> None:
        for participant in self.participants:
            participant.rollback()


def take_out(
    service: Service,
    find: Find = nothing_found,
    *,
    timeout_s: float = LOCK_TIMEOUT_S,
    checked: Collection[str] = (),
    of_any_code: bool = False,
) -> None:
    """Takes out those whom `find` says something of, and those that can't be opened: for all who don't write.

    A file that only nobody vouches for is checked first, and may count again. What a dead writer left is for the next
    writer or reader to settle. Raises Unavailable as `open_sound` and `Opening.take_out_dead`, and if the lock isn't
    had in time.
    """
    with writer_lock(service.lock_dir, timeout_s=min(timeout_s, deadlines.left_s())) as lock:
        opening = open_sound(service, lock, find, of_any_code=of_any_code)
        try:
            opening.take_out_dead(checked=checked)
        finally:
            opening.rollback()


def open_sound(service: Service, lock: WriterLock, find: Find, *, of_any_code: bool = False) -> Opening:
    """Begins on the in-sync files, but for those that `find` says something of.

    Raises Unavailable if nobody is left (what was found is remembered), or the files are for other code
    (`of_any_code` lets them pass).
    """
    cleared: set[str] = set()
    while True:
        witness = read_witness(service.witness_file)
        if not os.access(service.witness_file, os.W_OK):
            witness = _replace_witness(service, lock, witness)
        opening = Opening(service, lock, witness)
        try:
            # Whoever was checked a moment ago isn't asked again who wrote it last.
            known = {
                alias: fault
                for alias, fault in find(witness).items()
                if not (alias in cleared and isinstance(fault, Unvouched))
            }
            _open(opening, known, of_any_code=of_any_code)
            vouched = suspicion.vouch(service, lock, witness, opening.dead)
            if not vouched:
                if not opening.participants:
                    raise in_sync_set.nobody_left(service, lock, witness, opening.dead)
                if not opening.dead:
                    _found_sound[service.name] += 1
                return opening
        except BaseException:
            opening.rollback()
            raise
        cleared |= vouched
        opening.rollback()


def _replace_witness(service: Service, lock: WriterLock, witness: Witness) -> Witness:
    """A read-only witness is replaced by one that can be written, if its folder can be."""
    lock.assert_current()
    try:
        return create_witness(service.witness_file, witness)
    except OSError as error:
        raise Unavailable(f"The witness is read-only ({error.strerror}); nothing was changed.") from error


def _open(opening: Opening, known: Mapping[str, BaseException], *, of_any_code: bool) -> None:
    """Begins on every in-sync file, in fixed order, so that two writers can't wait for each other."""
    witness = opening.witness
    for alias in witness.in_sync:
        participant = Participant(alias, of_any_code=of_any_code)
        try:
            if alias in witness.suspects:
                raise Suspected(witness.suspects[alias].reason)
            if alias in known:
                raise known[alias]
            opening.heads[alias] = _begin(participant, witness)
        except REPLICA_ERRORS as error:
            opening.dead[alias] = error
        else:
            opening.participants.append(participant)


def _begin(participant: Participant, witness: Witness) -> entries.Head:
    head = participant.begin(witness)
    try:
        witness.assert_not_older_than(participant.epoch)
    except Unavailable:
        participant.rollback()
        raise
    return head
