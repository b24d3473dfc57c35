"""One attempt at a replicated transaction, on the files that are in sync: steps 2 to 8 of DESIGN.md."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from django.db import models

from bookstore_project.replication.errors import (
    OutcomeUnknown,
    ReplicaFault,
    Unavailable,
    WriteRefused,
    is_refusal,
    is_replica_fault,
)
from bookstore_project.replication.events import changes_noted, changes_ready
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.interface import NOT_ANNOUNCED, Announced, Caches
from bookstore_project.replication.log import entries, images, triggers
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.backend.base import DatabaseWrapper
from bookstore_project.replication.sqlite_pair.commit.opening import Opening
from bookstore_project.replication.sqlite_pair.commit.recovery import begin_settled, commit_all
from bookstore_project.replication.sqlite_pair.files import file_identity
from bookstore_project.replication.sqlite_pair.files.participant import Participant
from bookstore_project.replication.sqlite_pair.locks.mutex import WriterLock
from bookstore_project.replication.sqlite_pair.membership.witness import Witness, write_witness
from bookstore_project.replication.sqlite_pair.reading.objects import from_image
from bookstore_project.replication.writing.member import Member
from bookstore_project.replication.writing.steps import cache_keys, call, running, take_callbacks

T = TypeVar("T")
M = TypeVar("M", bound=models.Model)
Written = tuple[Sequence[entries.RowChange], entries.Entry]
logger = logging.getLogger("bookstore.replication")


class RunAgain(Exception):
    """The attempt was taken back, because this alias is at fault; the others may do."""

    def __init__(self, alias: str, fault: BaseException) -> None:
        super().__init__(alias)
        self.alias = alias
        self.fault = fault


class _Blaming:
    """An error that belongs to a replica belongs to this one; others pass.

    What goes wrong with a file while `change` runs is SQLite's to say: an OSError is the caller's own.
    """

    def __init__(self, participant: Participant, *, runs_change: bool = False) -> None:
        self._participant = participant
        self._runs_change = runs_change

    def __enter__(self) -> None:
        """Nothing is to be done."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, Exception):
            return
        if is_replica_fault(error) and not (self._runs_change and isinstance(error, OSError)):
            raise RunAgain(self._participant.alias, error) from error
        if self._runs_change and is_refusal(error):  # By a way around Django's cursors, which say it themselves.
            raise self._participant.wrapper.refusal() from error


@dataclass
class Attempt:
    """One attempt at a replicated transaction, under the writer lock."""

    service: Service
    lock: WriterLock
    caches: Caches
    foresight: None = None
    _participants: list[Participant] = field(default_factory=list)
    _touched: set[tuple[str, object]] = field(default_factory=set)
    _pending: entries.Pending = field(init=False)

    def perform(self, members: Sequence[Member[Any]], excluded: Mapping[str, BaseException]) -> None:
        """Makes the members' changes, one after the other, each with its entry, and commits them together.

        Each member knows its outcome then, be it an error of its own. Raises RunAgain if an alias is to be excluded
        the next time, Unavailable or IntegrityError (which only the commit finds): nothing has happened. Raises
        OutcomeUnknown, which counts for the members that have an entry.
        """
        opening = begin_settled(self.service, self.lock, self.caches, lambda witness: excluded)  # Steps 2 and 3.
        self._participants = opening.participants
        try:
            reached("begun")
            position = self._perform(members, opening)
        finally:
            opening.rollback()
        for member in members:
            member.stands(position, opening.witness.timeline)

    def touch(self, instance: models.Model) -> None:
        """A signal receiver saw this object saved or deleted."""
        self._touched.add((instance._meta.db_table, instance.pk))

    def verify(self, instance: models.Model) -> None:
        self._read_verified(type(instance), instance.pk)

    def get_verified(self, model: type[M], key: object) -> M | None:
        image = self._read_verified(model, key)
        return None if image is None else from_image(model, image, self._lead.alias)

    def _read_verified(self, model: type[models.Model], key: object) -> images.Image | None:
        table = self.service.tables[model._meta.db_table]
        value = model._meta.pk.get_db_prep_value(key, self._lead.wrapper)
        return entries.read_verified(self._lead.raw, table, value)

    @property
    def lead_alias(self) -> str:
        """The alias that `change` reads and writes."""
        return self._lead.alias

    @property
    def _lead(self) -> Participant:
        return self._participants[0]

    def _perform(self, members: Sequence[Member[Any]], opening: Opening) -> int:
        """Where the log stands then, for all to see."""
        witness = opening.witness
        written = self._make_all(members, opening)  # Steps 4 and 5.
        if not written:
            opening.take_out_dead()
            return witness.floor
        appended = [entry for _, entry in written]
        for follower in self._participants[1:]:
            with _Blaming(follower):
                for changes, entry in written:
                    entries.apply_changes(follower.raw, self.service, changes, entry)
        opening.take_out_dead()  # Step 6.
        reached("shrunk")
        announced = self._announce(witness.timeline, appended)
        witness = self._commit(opening)
        reached("committed")
        try:
            self.caches.invalidate(witness.timeline, appended, announced)  # Step 7.
        except Exception as error:  # The commits stand: whatever it is, this is no failure.
            raise OutcomeUnknown(f"The fronts couldn't be told: {error}") from error
        reached("invalidated")
        witness = self._raise_floor(witness, appended[-1].position)  # Step 8.
        reached("floor")
        if any(file_identity.is_due(entry.position, len(entry.payload)) for entry in appended):
            self._checkpoint(witness)
        return appended[-1].position

    def _make_all(self, members: Sequence[Member[Any]], opening: Opening) -> list[Written]:
        """Makes the changes on the first file. What one of them raises takes back that one, and is its outcome."""
        head = opening.heads[self._lead.alias]
        epoch = opening.witness.epoch + bool(opening.dead)
        written: list[Written] = []
        for member in members:
            if len(members) > 1:
                self._in_each("SAVEPOINT")
            try:
                member.in_its_context(partial(self._make, member, head, epoch))
            except RunAgain:
                raise
            except Exception as error:
                member.has_failed(error)
                self._forget_failure()
            if len(members) > 1:
                if member.entry is None:
                    self._in_each("ROLLBACK TO")
                self._in_each("RELEASE")
            if member.entry is not None:
                written.append((member.changes, member.entry))
                head = entries.Head(member.entry.position, member.entry.hash)
            reached("made")
        return written

    def _in_each(self, command: str) -> None:
        """Begins or ends a member's part of the transaction."""
        for participant in self._participants:
            with _Blaming(participant):
                # As in `log.entries`: what was compiled for the protocol isn't asked about again.
                participant.raw.execute(f"{command} replication_member /* for the protocol alone */")

    def _make(self, member: Member[Any], head: entries.Head, epoch: int) -> None:
        self._touched.clear()
        self._pending = entries.Pending(self._lead.raw, self.service)
        with _Blaming(self._lead, runs_change=True):
            value = self._call(member.change)  # Step 4.
            self._assert_not_ended()
        if self._lead.wrapper.needs_rollback:  # An atomic block in it has failed, and nobody minded.
            self._forget_failure()
            member.has_made(value)
            return
        with _Blaming(self._lead):
            changes = self._changes()
        if changes:
            changes = self._completed(changes)
        member.callbacks = take_callbacks(self._lead.wrapper)
        if not changes:
            member.has_made(value)
            return
        with _Blaming(self._lead):
            changes_ready.send(sender=self.service.name, changes=changes)
            member.has_made(value, changes, self._append(changes, head, epoch))  # Step 5.

    def _assert_not_ended(self) -> None:
        """SQLite takes back a whole transaction after some errors: what `change` did before is gone.

        Source: https://sqlite.org/lang_transaction.html#response_to_errors_within_a_transaction
        """
        connection = self._lead.wrapper.connection
        if connection is not None and not connection.in_transaction:
            raise WriteRefused(
                "SQLite has taken the transaction back after an error (INSERT OR ROLLBACK, a full disk), and the "
                "change went on: it has to raise such an error."
            )

    def _forget_failure(self) -> None:
        """Of a change: what it did is taken back, by the savepoint of its member, or with all of the attempt."""
        self._lead.wrapper.needs_rollback = False
        take_callbacks(self._lead.wrapper)

    def _call(self, change: Callable[[], T], *, has_savepoint: bool = False) -> T:
        with running(self, self._lead.wrapper, has_savepoint=has_savepoint):
            restricted: list[DatabaseWrapper] = []
            try:
                for participant in self._participants:
                    participant.wrapper.begin_restriction()
                    restricted.append(participant.wrapper)
                return call(change)
            finally:
                for wrapper in restricted:
                    wrapper.end_restriction()

    def _changes(self) -> list[entries.RowChange]:
        """What `change` did, by the triggers' account; raises if that can't be all of it."""
        for follower in self._participants[1:]:
            if entries.has_pending(follower.raw):
                raise WriteRefused(f"{follower.alias} was written directly; leave out using(), it is replicated to.")
        noted = self._pending.read()
        tables = {change.table for change in noted}
        if not {table for table, _ in self._touched} <= tables and not triggers.installed(
            self._lead.raw, self.service
        ):
            raise ReplicaFault(f"{self._lead.alias} lacks triggers; run `manage.py migrate`")
        return [change for change in noted if change.before != change.after]

    def _completed(self, changes: list[entries.RowChange]) -> list[entries.RowChange]:
        """These changes, and the rows that receivers have to say to them."""
        answers: list[tuple[Any, Any]] = changes_noted.send(sender=self.service.name, changes=changes)
        for _, write in answers:
            if write is not None:
                with _Blaming(self._lead, runs_change=True):
                    self._call(write, has_savepoint=True)
                with _Blaming(self._lead):
                    changes = self._changes()
        return changes

    def _append(self, changes: list[entries.RowChange], head: entries.Head, epoch: int) -> entries.Entry:
        """Writes the entry into the log of the file that `change` wrote."""
        lead = self._lead.raw
        entries.update_digests(lead, changes)
        entry = entries.make_entry(head, epoch, changes, cache_keys(self.service, changes))
        entries.forget_pending(lead)
        entries.append(lead, entry)
        return entry

    def _commit(self, opening: Opening) -> Witness:
        """Both files, in fixed order.

        Raises OutcomeUnknown if none surely took it, or only a damaged one did; IntegrityError as `commit_all` does.
        """
        self.lock.assert_current()
        reached("before-commit")
        try:
            return commit_all(opening)
        except (ReplicaFault, Unavailable) as error:
            raise OutcomeUnknown(f"The commit failed: {error}") from error

    def _announce(self, timeline: str, appended: Sequence[entries.Entry]) -> Announced:
        """Saves time and promises nothing: leases that can't be read are read again after the commits."""
        try:
            return self.caches.announce(timeline, appended)
        except OSError:
            return NOT_ANNOUNCED

    def _raise_floor(self, witness: Witness, position: int) -> Witness:
        try:
            self.lock.assert_current()
            return write_witness(self.service.witness_file, witness, floor=position, sync=False)
        except (OSError, Unavailable) as error:
            raise OutcomeUnknown(f"The witness can't be written: {error}") from error

    def _checkpoint(self, witness: Witness) -> None:
        try:
            self.lock.assert_current()
            file_identity.checkpoint(self.service, witness)
        except (OSError, Unavailable) as error:  # The write stands; the next one finds what is wrong.
            logger.warning("%s: no checkpoint could be made: %s", self.service.name, error)
