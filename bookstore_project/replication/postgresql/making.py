"""The members' changes, made under the writer lock: one after the other, or sent to the server together.

Each answer that is waited for takes longer than what is asked. So members that have foreseen what they look at wait
for nothing: it is fetched for all of them, and what they write goes to the server at once, and comes back as what the
triggers noted of each. If anything of it is refused, all is taken back, and each is made by itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import psycopg
from django.db import DatabaseError, models

from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.events import changes_noted, changes_ready
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.foreseen import Foreseen
from bookstore_project.replication.log import entries
from bookstore_project.replication.postgresql import changes, schema
from bookstore_project.replication.postgresql.backend.base import DatabaseWrapper, wrapper
from bookstore_project.replication.postgresql.foresight import UNKNOWN, Foresight
from bookstore_project.replication.postgresql.primary import unavailable
from bookstore_project.replication.postgresql.rows import get_row, object_of
from bookstore_project.replication.service import Service
from bookstore_project.replication.writing.member import Member
from bookstore_project.replication.writing.steps import cache_keys, call, running, take_callbacks

M = TypeVar("M", bound=models.Model)
T = TypeVar("T")

SEEN = "SELECT pg_logical_emit_message(true, 'bookstore', '')"
"""It makes a commit without rows one for which the standby is waited for: a refusal rests on what was seen."""
SAVEPOINT = "replication_member"


class ByItself(Exception):
    """A member has something to do that can't wait for the others'."""


@dataclass
class Draft:
    """What a member has changed, of which there is no entry yet."""

    member: Member[Any]
    value: Any = None
    noted: list[changes.Noted] = field(default_factory=list)
    touched: set[tuple[str, object]] = field(default_factory=set)


@dataclass
class Making:
    """Of one attempt: what `change` runs in."""

    service: Service
    _database: DatabaseWrapper
    _taking_back: str = f"ROLLBACK; BEGIN; SET TRANSACTION READ WRITE; {SEEN}"
    _next_savepoint: str = ""
    """Makes the one of the member that comes next. Made again, the newer one of that name counts."""
    _fetched: Foresight = field(init=False)
    _draft: Draft = field(init=False)

    def __post_init__(self) -> None:
        self._fetched = Foresight(self._database)

    # ---------------------------------------------------------------------------------- what a change may use of it

    @property
    def lead_alias(self) -> str:
        return self._database.alias

    @property
    def foresight(self) -> Foresight | None:
        is_foreseen = isinstance(self._draft.member.change, Foreseen)
        # A thread that has inherited the context has a connection of its own, and writes nothing here.
        return self._fetched if is_foreseen and wrapper(self.lead_alias) is self._database else None

    def touch(self, instance: models.Model) -> None:
        """A signal receiver saw this object saved or deleted."""
        self._draft.touched.add((instance._meta.db_table, instance.pk))

    def verify(self, instance: models.Model) -> None:
        """The server's checksums vouch for a row."""

    def get_verified(self, model: type[M], key: object) -> M | None:
        row = self._fetched.row(model, key)
        if row is UNKNOWN:
            return get_row(model, key, self.lead_alias)
        return None if row is None else object_of(model, row, self.lead_alias)

    # --------------------------------------------------------------------------------------------------- all of them

    def make_all(self, members: Sequence[Member[Any]], end: entries.Head, *, is_alone: bool) -> None:
        """Each has its entry then, behind `end`, or its error. Raises Unavailable: nothing has happened.

        One that `is_alone` needs no savepoint: there is nobody else's work that would have to stay.
        """
        if not is_alone:
            self._database.put_off(f"SAVEPOINT {SAVEPOINT}_0")
            self._taking_back = f"ROLLBACK TO {SAVEPOINT}_0"
        foreseen = [member.change for member in members if isinstance(member.change, Foreseen)]
        is_fetched = self._fetched.fetch(foreseen)
        self._execute()
        if is_alone or not is_fetched or len(foreseen) < len(members) or not self._are_made_together(members, end):
            self._make_each(members, end)

    def _are_made_together(self, members: Sequence[Member[Any]], end: entries.Head) -> bool:
        """If not, nothing is left of what they did."""
        try:
            drafts = [draft for member in members if (draft := self._drafted(member)) is not None]
            changes.put_off_check(self._database)
            self._database.carry_out()
            for draft in drafts:
                draft.member.in_its_context(partial(self._enter, draft, end, _refuse_to_write))
                end = _end_behind(draft.member, end)
        except Exception as error:
            self._take_back(error)
            for member in members:
                member.reset()
            return False
        return True

    def _drafted(self, member: Member[Any]) -> Draft | None:
        """None if it failed before anything of it was sent. Raises whatever else goes wrong."""
        draft, before = Draft(member), self._database.state()
        try:
            member.in_its_context(partial(self._change, draft))
        except Exception as error:
            has_written = self._database.state() != before
            if not self._database.drop(before):
                raise
            if has_written:
                self._fetched.forget()
            self._fail(member, error)
            return None
        finally:
            reached("made")
        if self._database.needs_rollback or self._database.state()[-1] != before[-1]:
            raise ByItself
        member.callbacks = take_callbacks(self._database)
        if self._database.state() != before:
            changes.put_off_taking(self._database, draft.noted)
        return draft

    def _make_each(self, members: Sequence[Member[Any]], end: entries.Head) -> None:
        """What one of them raises takes back that one.

        The others' savepoint is made where the one before ends, in the same round trip. Who failed leaves his to the
        next.
        """
        made = 0
        for member in members:
            self._next_savepoint = f"SAVEPOINT {SAVEPOINT}_{made + 1}" if member is not members[-1] else ""
            try:
                member.in_its_context(partial(self._make, Draft(member), end))
            except Exception as error:
                self._take_back(error)
                self._fail(member, error)
            else:
                made += 1
                self._taking_back = f"ROLLBACK TO {SAVEPOINT}_{made}" if self._next_savepoint else self._taking_back
            end = _end_behind(member, end)
            reached("made")

    # --------------------------------------------------------------------------------------------------- one of them

    def _make(self, draft: Draft, end: entries.Head) -> None:
        self._change(draft)
        if self._database.needs_rollback:
            self._take_back()
        self._take(draft)
        self._enter(draft, end, partial(self._write_besides, draft))

    def _change(self, draft: Draft) -> None:
        """Without a savepoint of its own: it is the first, and all there is to take back."""
        self._draft = draft
        with running(self, self._database, has_savepoint=False):
            draft.value = call(draft.member.change)

    def _write_besides(self, draft: Draft, write: Callable[[], object]) -> None:
        with running(self, self._database):
            call(write)
        self._take(draft)

    def _take(self, draft: Draft) -> None:
        """What it has changed since; raises what a constraint has against that."""
        changes.put_off_check(self._database)
        changes.put_off_taking(self._database, draft.noted)
        if self._next_savepoint:
            self._database.put_off(self._next_savepoint)
        self._database.carry_out()

    def _enter(self, draft: Draft, end: entries.Head, write_besides: Callable[[Callable[[], object]], None]) -> None:
        """Its entry behind `end`, when all of it is known."""
        member, found = draft.member, self._changes_of(draft)
        answers: list[tuple[Any, Any]] = changes_noted.send(sender=self.service.name, changes=found) if found else []
        for _, write in answers:
            if write is not None:
                write_besides(write)
                found = self._changes_of(draft)
        member.callbacks += take_callbacks(self._database)
        if not found:
            member.has_made(draft.value)
            return
        changes_ready.send(sender=self.service.name, changes=found)
        entry = entries.make_entry(end, 0, found, cache_keys(self.service, found))
        member.has_made(draft.value, found, entry)

    def _changes_of(self, draft: Draft) -> list[entries.RowChange]:
        """All that the member did; raises Unavailable if what was noted can't be all."""
        tables = {table for _, table, *_ in draft.noted}
        if not {table for table, _ in draft.touched} <= tables and schema.lacks_triggers(
            self._database.raw, self.service
        ):
            raise Unavailable(f"A table of {self.service.name} lacks its trigger; run `manage.py migrate`.")
        return changes.changes_of(draft.noted, self.service)

    # ------------------------------------------------------------------------------------------------- taking back

    def _fail(self, member: Member[Any], error: Exception) -> None:
        member.has_failed(error)
        take_callbacks(self._database)
        self._database.needs_rollback = False

    def _take_back(self, error: Exception | None = None) -> None:
        """Raises Unavailable if the server is gone."""
        if error is not None and self._database.is_lost():
            raise unavailable(error) from error
        self._fetched.forget()
        take_callbacks(self._database)
        self._database.needs_rollback = False
        self._database.drop()
        self._database.put_off(self._taking_back)
        self._execute()

    def _execute(self) -> None:
        try:
            self._database.carry_out()
        except (DatabaseError, psycopg.Error) as error:
            raise unavailable(error) from error


def _refuse_to_write(write: Callable[[], object]) -> None:
    raise ByItself


def _end_behind(member: Member[Any], end: entries.Head) -> entries.Head:
    return end if member.entry is None else entries.Head(member.entry.position, member.entry.hash)
