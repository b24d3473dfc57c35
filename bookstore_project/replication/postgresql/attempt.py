"""A replicated transaction on a primary with a standby: hold the caches, then commit.

What is committed here is visible at once, so nobody may give an older answer by then: the fronts are told before the
commit, under the lock. If the writer dies in between, they have forgotten something for nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import psycopg
from django.db import DatabaseError, models

from bookstore_project.nodes import deadlines
from bookstore_project.replication.errors import OutcomeUnknown, Unavailable
from bookstore_project.replication.events import changes_noted, changes_ready
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.interface import Caches, Lease
from bookstore_project.replication.log import entries
from bookstore_project.replication.postgresql import changes, head, schema
from bookstore_project.replication.postgresql.backend.base import DatabaseWrapper, wrapper
from bookstore_project.replication.postgresql.head import Head
from bookstore_project.replication.postgresql.leases import forget_all, hold
from bookstore_project.replication.postgresql.primary import first_answer, own_alias, unavailable
from bookstore_project.replication.postgresql.rows import get_row
from bookstore_project.replication.postgresql.waiting import NotConfirmed, confirmed
from bookstore_project.replication.service import Service
from bookstore_project.replication.timelines import new_timeline
from bookstore_project.replication.writing.member import Member
from bookstore_project.replication.writing.steps import cache_keys, call, running, take_callbacks

M = TypeVar("M", bound=models.Model)
T = TypeVar("T")

LOCK_TIMEOUT_S = 8.0
SEEN = "SELECT pg_logical_emit_message(true, 'bookstore', '')"
"""It makes a commit without rows one for which the standby is waited for: a refusal rests on what was seen."""
SAVEPOINT = "replication_member"
COMMIT_TIMEOUT_S = 8.0
"""How long a standby may take to confirm a commit, if nobody waits less."""


@dataclass
class Begun:
    """A transaction under the writer lock."""

    database: DatabaseWrapper
    head: Head
    begins_timeline: bool = False


@contextmanager
def begun(service: Service, timeout_s: float) -> Iterator[Begun]:
    """Raises Unavailable if the lock isn't had in time, or the server can't be reached."""
    database = wrapper(own_alias(service))
    try:
        locked = first_answer(database, partial(_locked, database, timeout_s))
        try:
            found = _in_todays_timeline(database, locked)
        except psycopg.Error as error:
            raise unavailable(error) from error
        yield Begun(database, found, begins_timeline=found is not locked)
    finally:
        database.end()


def _locked(database: DatabaseWrapper, timeout_s: float) -> Head:
    return head.lock(database, timeout_s)


def _in_todays_timeline(database: DatabaseWrapper, found: Head) -> Head:
    """The first writer after a promotion waits until no lease of before is left, then begins another timeline.

    What fronts keep may be of commits that the new primary never had.
    """
    if found.is_current:
        return found
    forget_all(database)
    begun_now = Head(found.position, found.hash, new_timeline(), found.server, found.server)
    database.raw.execute(
        "UPDATE replication_head SET timeline = %s, server_timeline = %s",
        (begun_now.timeline, begun_now.known_server),
    )
    return begun_now


@dataclass
class Attempt:
    """The members' changes in one transaction: each with its entry, and one commit for all."""

    service: Service
    caches: Caches
    begun: Begun
    _taking_back: str = f"ROLLBACK; BEGIN; SET TRANSACTION READ WRITE; {SEEN}"
    _next_savepoint: str = ""
    """Makes the one of the member that comes next. Made again, the newer one of that name counts."""
    _noted: list[changes.Noted] = field(default_factory=list)
    _touched: set[tuple[str, object]] = field(default_factory=set)

    @property
    def lead_alias(self) -> str:
        return self._database.alias

    @property
    def _database(self) -> DatabaseWrapper:
        return self.begun.database

    def touch(self, instance: models.Model) -> None:
        """A signal receiver saw this object saved or deleted."""
        self._touched.add((instance._meta.db_table, instance.pk))

    def verify(self, instance: models.Model) -> None:
        """The server's checksums vouch for a row."""

    def get_verified(self, model: type[M], key: object) -> M | None:
        return get_row(model, key, self.lead_alias)

    def perform(self, members: Sequence[Member[Any]]) -> None:
        """Afterwards each member knows its outcome, be it an error of its own.

        Raises Unavailable (nothing has happened), or OutcomeUnknown, which counts for members that have an entry.
        """
        reached("begun")
        self._make_all(members)
        appended = [member.entry for member in members if member.entry is not None]
        end = self.begun.head.position
        if appended:
            found = self._append(appended)
            end = appended[-1].position
            self._hold(appended, found)
            reached("invalidated")
        self._commit()
        reached("committed")
        for member in members:
            member.stands(end, self.begun.head.timeline)

    def _make_all(self, members: Sequence[Member[Any]]) -> None:
        """What one of them raises takes back that one, and is its outcome.

        One alone needs no savepoint: there is nobody else's work that would have to stay. The others' is made where
        the one before ends, in the same round trip. Who failed leaves his to the next.
        """
        end, made = self.begun.head.in_log, 0
        if len(members) > 1 or self.begun.begins_timeline:
            self._execute(f"SAVEPOINT {SAVEPOINT}_0")
            self._taking_back = f"ROLLBACK TO {SAVEPOINT}_0"
        for member in members:
            self._next_savepoint = f"SAVEPOINT {SAVEPOINT}_{made + 1}" if member is not members[-1] else ""
            try:
                member.in_its_context(partial(self._make, member, end))
            except Exception as error:
                if self._database.is_lost():
                    raise unavailable(error) from error
                member.has_failed(error)
                take_callbacks(self._database)
                self._take_back()
            else:
                made += 1
                self._taking_back = f"ROLLBACK TO {SAVEPOINT}_{made}" if self._next_savepoint else self._taking_back
            if member.entry is not None:
                end = entries.Head(member.entry.position, member.entry.hash)
            reached("made")

    def _execute(self, statement: str) -> None:
        try:
            self._database.raw.execute(statement)
        except (DatabaseError, psycopg.Error) as error:
            raise unavailable(error) from error

    def _take_back(self) -> None:
        self._database.needs_rollback = False
        self._execute(self._taking_back)

    def _run(self, change: Callable[[], T]) -> T:
        """Without a savepoint of its own: it is the first, and all there is to take back."""
        with running(self, self._database, has_savepoint=False):
            value = call(change)
        if self._database.needs_rollback:  # An atomic block in it has failed, and nobody minded.
            self._take_back()
        return value

    def _make(self, member: Member[Any], end: entries.Head) -> None:
        self._touched.clear()
        self._noted.clear()
        value = self._run(member.change)
        found = self._changes()
        answers: list[tuple[Any, Any]] = changes_noted.send(sender=self.service.name, changes=found) if found else []
        for _, write in answers:
            if write is not None:
                with running(self, self._database):
                    call(write)
                found = self._changes()
        member.callbacks = take_callbacks(self._database)
        if not found:
            member.has_made(value)
            return
        changes_ready.send(sender=self.service.name, changes=found)
        entry = entries.make_entry(end, 0, found, cache_keys(self.service, found))
        member.has_made(value, found, entry)

    def _changes(self) -> list[entries.RowChange]:
        """All that the member did; raises what a constraint has against it, and Unavailable if that can't be all."""
        with self._database.wrap_database_errors:
            self._noted += changes.take_noted(self._database.raw, then=self._next_savepoint)
        tables = {table for _, table, *_ in self._noted}
        if not {table for table, _ in self._touched} <= tables and schema.lacks_triggers(
            self._database.raw, self.service
        ):
            raise Unavailable(f"A table of {self.service.name} lacks its trigger; run `manage.py migrate`.")
        return changes.changes_of(self._noted, self.service)

    def _append(self, appended: Sequence[entries.Entry]) -> list[Lease]:
        try:
            return changes.append(self._database.raw, appended)
        except psycopg.Error as error:
            raise unavailable(error) from error

    def _hold(self, appended: Sequence[entries.Entry], found: Sequence[Lease]) -> None:
        """Returns when no front answers any more with what is older than the entries."""
        try:
            hold(self._database, self.caches, self.begun.head.timeline, appended, found)
        except Exception as error:
            raise Unavailable(f"The fronts couldn't be told: {error}; nothing was changed.") from error

    def _commit(self) -> None:
        """Also if nothing changed: what was seen may be what the standby hasn't confirmed yet."""
        reached("before-commit")
        try:
            confirmed(self._database.raw, "COMMIT", min(COMMIT_TIMEOUT_S, max(0.0, deadlines.left_s())))
        except NotConfirmed as error:
            raise OutcomeUnknown(f"No standby has confirmed the commit: {error}") from error
        except (DatabaseError, psycopg.Error) as error:
            raise unavailable(error) from error
