"""A simulated server: a process that answers the store's nodes as PostgreSQL's primary or standby does.

A commit is in the log before anybody sees it. It is seen, and its client is answered, once the standby has it, too:
it waits for that as long as it takes, whether or not its client lives. A cancel ends the wait: then it is seen, its
client gets a warning, and it is lost with this server if no standby has it.
Source: https://www.postgresql.org/docs/15/warm-standby.html#SYNCHRONOUS-REPLICATION
"""

import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors

from tests.simulation.actors import World
from tests.simulation.link import Message
from tests.simulation.server import dialect
from tests.simulation.server.locks import Locks
from tests.simulation.server.replication import FOR_EVER, Replication, S, answer
from tests.simulation.server.session import Result, Session, Wait, paths_of

IDLE_NS = 8 * S
"""Whose transaction hears nothing for so long is ended: `idle_in_transaction_session_timeout`."""
CANCELLED = "canceling wait for synchronous replication due to user request"


@dataclass
class Asked:
    """A message of a session, as far as it was carried out."""

    call: int
    session: Session
    left: list[str]
    results: list[Result] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    until_ns: int = FOR_EVER
    """Until when it waits for a lock."""
    lock: str = ""
    is_shared: bool = False
    record: int = 0
    """That of the commit for which it waits."""
    is_heard: bool = True
    """Whether its client lives."""


class Server:
    def __init__(self, world: World, data: Path, number: int, is_primary: bool) -> None:
        self._world, self._data, self._number, self.is_primary = world, data, number, is_primary
        self._replication = Replication(world, data, number)
        self._sessions: dict[int, Session] = {}
        self._locks = Locks()
        self._waiting: list[Asked] = []
        """For locks, in order."""
        self._committing: dict[int, Asked] = {}
        """By record, in order."""
        self._numbers: dict[tuple[str, str], int] = {}
        """By service and table, the last that was given."""
        self._roles: dict[str, Session] = {}
        """Advisory locks, by what asks for them."""
        self._inbox: list[Message] = []
        world.on_item = self._inbox.append

    # --------------------------------------------------------------------------------------------- its life

    def run(self) -> None:
        self._world.out.append(("serving",))
        while True:
            if not self._inbox:
                self._world.block(self._next_ns(), "server")
            while self._inbox:
                self._take(self._inbox.pop(0))
            self._look_at_the_clock()
            if not self.is_primary:
                self._replication.follow()

    def _take(self, item: Message) -> None:
        if item[0] == "promote":
            self.is_primary = True
            self._replication.begin_timeline()
        elif item[0] in ("gone", "end"):
            for session in [one for one in self._sessions.values() if one.client == item[1]]:
                self._end(session)
        else:
            _, call, _, path, _, body = item
            getattr(self, f"_on_{path.partition(' ')[0]}")(call, *pickle.loads(body))

    def _answer(self, call: int, *said: Any) -> None:
        answer(self._world, call, *said)

    def _next_ns(self) -> int:
        moments = [asked.until_ns for asked in self._waiting]
        moments += [session.heard_ns + IDLE_NS for session in self._sessions.values() if session.in_transaction]
        moments.append(self._replication.tells_at_ns if self.is_primary else self._replication.asks_at_ns)
        moment = min(moments, default=FOR_EVER)
        return -1 if moment >= FOR_EVER else moment

    def _look_at_the_clock(self) -> None:
        now = self._world.now_ns
        for asked in [one for one in self._waiting if one.until_ns <= now]:
            self._waiting.remove(asked)
            self._refuse(asked, errors.LockNotAvailable("canceling statement due to lock timeout"))
        busy = {one.session.number for one in (*self._waiting, *self._committing.values())}
        for session in list(self._sessions.values()):
            if session.in_transaction and session.heard_ns + IDLE_NS <= now and session.number not in busy:
                self._end(session)
        self._replication.look_at_the_clock()

    # ------------------------------------------------------------------------------------------- its clients

    def _on_open(self, call: int, client: str, service: str) -> None:
        if not self.is_primary:
            self._answer(call, "standby")
            return
        made = Session(call, client, service, paths_of(self._data, self._number, service))
        made.heard_ns = self._world.now_ns
        self._sessions[call] = made
        self._answer(call, "primary", call)

    def _on_alive(self, call: int) -> None:
        self._answer(call, "alive")

    def _on_run(self, call: int, of: int, number: int, message: str) -> None:
        session = self._sessions.get(of)
        if session is None:
            self._answer(call, "lost")
            return
        session.heard_ns = self._world.now_ns
        if number <= session.last[0]:  # It came twice; maybe because nobody has heard the answer.
            for asked in (*self._waiting, *self._committing.values()):
                if asked.session is session:
                    asked.call = call
                    return
            self._answer(call, *session.last[1])
            return
        session.last = number, ()
        self._go_on(Asked(call, session, list(dialect.statements(message))))

    def _on_close(self, call: int, of: int) -> None:
        if of in self._sessions:
            self._end(self._sessions[of])
        self._answer(call, "closed")

    def _on_cancel(self, call: int, of: int) -> None:
        for asked in [one for one in self._committing.values() if one.session.number == of]:
            asked.notices.append(CANCELLED)
            self._is_committed(asked)
        for asked in [one for one in self._waiting if one.session.number == of]:
            self._waiting.remove(asked)
            self._refuse(asked, errors.QueryCanceled("canceling statement due to user request"))
        self._answer(call, "cancelled")

    def _end(self, session: Session) -> None:
        """Its client is gone, or its connection is ended. What waits for a standby goes on waiting for it."""
        self._sessions.pop(session.number, None)
        self._roles = {name: holder for name, holder in self._roles.items() if holder is not session}
        self._waiting = [one for one in self._waiting if one.session is not session]
        for asked in self._committing.values():
            if asked.session is session:
                asked.is_heard = False
                self._answer(asked.call, "lost")
                return
        session.roll_back()
        session.close()
        self._unlock(session)

    # -------------------------------------------------------------------------------------------- statements

    def _go_on(self, asked: Asked) -> None:
        session = asked.session
        while asked.left:
            statement = asked.left[0]
            try:
                if statement in ("COMMIT", "ROLLBACK"):
                    if statement == "COMMIT" and not session.has_failed and self._has_to_wait(asked):
                        return
                    if statement == "ROLLBACK" or session.has_failed:
                        session.roll_back()
                        self._unlock(session)
                    asked.results.append((None, -1))
                elif self._run(asked, statement):
                    return
            except Wait as wait:
                asked.lock, asked.is_shared = wait.lock, wait.is_shared
                if not self._locks.take(session, wait.lock, wait.is_shared):
                    self._wait(asked)
                    return
                continue
            except psycopg.Error as error:
                self._refuse(asked, error)
                return
            asked.left.pop(0)
        self._answer_for(asked, None)

    def _run(self, asked: Asked, statement: str) -> bool:
        """Whether the message has to wait, as one that is a transaction by itself may have to."""
        session, is_alone = asked.session, not asked.session.in_transaction
        if found := dialect.NUMBERS.search(statement):
            asked.results.append(self._next_numbers(session, found[1], int(found[2])))
            return False
        if "advisory" in statement:
            asked.results.append(([(self._roles.setdefault(statement, session) is session,)], 1))
            return False
        is_alone = is_alone and dialect.verb(statement) not in ("BEGIN", "SET")
        session.in_transaction = session.in_transaction or is_alone
        try:
            asked.results.append(session.run(statement, self._replication.timeline))
        except (Wait, psycopg.Error):
            session.in_transaction = session.in_transaction and not is_alone
            raise
        if statement.startswith("ROLLBACK TO"):
            session.keep_numbers({name: last for (of, name), last in self._numbers.items() if of == session.service})
        return is_alone and self._has_to_wait(asked)

    def _next_numbers(self, session: Session, table: str, count: int) -> Result:
        last = max(self._numbers.get((session.service, table), 0), session.number_of(table))
        self._numbers[session.service, table] = last + count
        return [(last + 1 + number,) for number in range(count)], count

    def _has_to_wait(self, asked: Asked) -> bool:
        """Of a commit; if not, it is made."""
        session = asked.session
        if not session.is_written:
            session.commit(0)
            self._unlock(session)
            return False
        asked.record = self._replication.flush(session.service, session.written)
        if session.is_sync:
            self._committing[asked.record] = asked
            return True
        session.commit(asked.record)
        self._unlock(session)
        return False

    def _is_committed(self, asked: Asked) -> None:
        """Confirmed, or given up waiting for that: everybody sees it."""
        del self._committing[asked.record]
        asked.session.commit(asked.record)
        if not asked.is_heard:
            asked.session.close()
        self._unlock(asked.session)
        asked.left.pop(0)
        if asked.is_heard:
            self._go_on(asked)

    def _refuse(self, asked: Asked, error: psycopg.Error) -> None:
        session = asked.session
        if session.in_transaction:
            session.has_failed = True
        else:
            session.roll_back()
            self._unlock(session)
        self._answer_for(asked, (type(error).__name__, str(error)))

    def _answer_for(self, asked: Asked, error: tuple[str, str] | None) -> None:
        session = asked.session
        said = "done", asked.results, asked.notices, error, session.in_transaction
        session.last = session.last[0], said
        self._answer(asked.call, *said)

    # ------------------------------------------------------------------------------------------------- locks

    def _wait(self, asked: Asked) -> None:
        patience_s = asked.session.lock_timeout_s
        asked.until_ns = self._world.now_ns + int(patience_s * S) if patience_s else FOR_EVER
        self._waiting.append(asked)

    def _unlock(self, session: Session) -> None:
        self._locks.free(session)
        for asked in list(self._waiting):
            if asked in self._waiting and self._locks.take(asked.session, asked.lock, asked.is_shared):
                self._waiting.remove(asked)
                self._go_on(asked)

    # ------------------------------------------------------------------------------------------- its standby

    def _on_wal(self, call: int, known: int, timeline: str) -> None:
        if not self.is_primary or timeline != self._replication.timeline:
            self._answer(call, "refused", [])
            return
        for record in [one for one in self._committing if one <= known]:
            if record in self._committing:
                self._is_committed(self._committing[record])
        self._replication.hear(call, known)
