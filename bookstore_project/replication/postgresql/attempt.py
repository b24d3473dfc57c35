"""A replicated transaction on a primary with a standby: hold the caches, then commit.

What is committed here is visible at once, so nobody may give an older answer by then: the fronts are told before the
commit, under the lock. If the writer dies in between, they have forgotten something for nothing.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import psycopg
from django.db import DatabaseError, models

from bookstore_project.nodes import deadlines
from bookstore_project.replication.errors import OutcomeUnknown, Unavailable
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.interface import Caches, Lease
from bookstore_project.replication.log import entries
from bookstore_project.replication.postgresql import changes, head, leases
from bookstore_project.replication.postgresql.backend.base import DatabaseWrapper, wrapper
from bookstore_project.replication.postgresql.head import Head
from bookstore_project.replication.postgresql.leases import end_all, hold
from bookstore_project.replication.postgresql.making import Making
from bookstore_project.replication.postgresql.primary import first_answer, own_alias, unavailable
from bookstore_project.replication.postgresql.waiting import NotConfirmed, confirmed, is_cut
from bookstore_project.replication.service import Service
from bookstore_project.replication.timelines import new_timeline
from bookstore_project.replication.writing.member import Member

M = TypeVar("M", bound=models.Model)
T = TypeVar("T")

LOCK_TIMEOUT_S = 8.0
COMMIT_TIMEOUT_S = 8.0
"""How long a standby may take to confirm a commit, if nobody waits less."""


@dataclass
class Begun:
    """A transaction under the writer lock."""

    database: DatabaseWrapper
    head: Head
    leases: Sequence[Lease]
    """All that there are until it ends: a new one is given under the same lock."""
    begins_timeline: bool = False


@contextmanager
def begun(service: Service, caches: Caches, timeout_s: float) -> Iterator[Begun]:
    """Raises Unavailable if the lock isn't had in time, or the server can't be reached."""
    database = wrapper(own_alias(service))
    try:
        found = first_answer(database, partial(_locked, database, timeout_s))
        try:
            found = _in_todays_timeline(found, caches)
        except psycopg.Error as error:
            raise unavailable(error) from error
        yield found
    finally:
        database.end()


def _locked(database: DatabaseWrapper, timeout_s: float) -> Begun:
    cursor = head.locked(database, timeout_s, then=leases.SELECT)
    found = head.of_row(cursor)
    cursor.nextset()
    return Begun(database, found, list(map(leases.of_row, cursor)))


def _in_todays_timeline(found: Begun, caches: Caches) -> Begun:
    """The first writer after a promotion has all leases of before end, then begins another timeline.

    What fronts keep may be of commits that the new primary never had.
    """
    before, database = found.head, found.database
    if before.is_current:
        return found
    end_all(database, caches)
    begun_now = Head(before.position, before.hash, new_timeline(), before.server, before.server)
    database.raw.execute(
        "UPDATE replication_head SET timeline = %s, server_timeline = %s",
        (begun_now.timeline, begun_now.known_server),
    )
    return Begun(database, begun_now, [], begins_timeline=True)


@dataclass
class Attempt:
    """The members' changes in one transaction: each with its entry, and one commit for all."""

    service: Service
    caches: Caches
    begun: Begun

    @property
    def _database(self) -> DatabaseWrapper:
        return self.begun.database

    def perform(self, members: Sequence[Member[Any]]) -> None:
        """Afterwards each member knows its outcome, be it an error of its own.

        Raises Unavailable (nothing has happened), or OutcomeUnknown, which counts for members that have an entry.
        """
        reached("begun")
        is_alone = len(members) == 1 and not self.begun.begins_timeline
        Making(self.service, self._database).make_all(members, self.begun.head.in_log, is_alone=is_alone)
        appended = [member.entry for member in members if member.entry is not None]
        end = self.begun.head.position
        if appended:
            end = appended[-1].position
            self._hold(appended)
            reached("invalidated")
        self._commit(appended)
        reached("committed")
        for member in members:
            member.stands(end, self.begun.head.timeline)

    def _hold(self, appended: Sequence[entries.Entry]) -> None:
        """Returns when no front answers any more with what is older than the entries."""
        try:
            hold(self._database, self.caches, self.begun.head.timeline, appended, self.begun.leases)
        except Exception as error:
            raise Unavailable(f"The fronts couldn't be told: {error}; nothing was changed.") from error

    def _commit(self, appended: Sequence[entries.Entry]) -> None:
        """Also if nothing changed: what was seen may be what the standby hasn't confirmed yet."""
        reached("before-commit")
        if is_cut(self._database.raw):
            raise Unavailable("PostgreSQL: the connection was lost; nothing was changed.")
        try:
            append = f"{changes.appending(self._database, appended)}; " if appended else ""
            confirmed(self._database.raw, f"{append}COMMIT", min(COMMIT_TIMEOUT_S, max(0.0, deadlines.left_s())))
        except NotConfirmed as error:
            raise OutcomeUnknown(f"No standby has confirmed the commit: {error}") from error
        except (DatabaseError, psycopg.Error) as error:
            raise unavailable(error) from error
