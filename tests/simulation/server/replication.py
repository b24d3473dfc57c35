"""A server's log, and the standby's copy of it: what was flushed, by whom, and up to where it is applied."""

import pickle
from pathlib import Path
from typing import Any

from tests.simulation.actors import UnderWay, World
from tests.simulation.link import Message
from tests.simulation.server.session import note_record, opened, paths_of
from tests.simulation.server.wal import Record, Wal
from tests.simulation.wire import ANSWERED

S = 1_000_000_000
FOR_EVER = 2**62
ADDRESSES = ("server-1:5432", "server-2:5432")
STREAM_NS = S // 4
"""So long a primary lets its standby wait if there is nothing to tell."""
PATIENCE_NS = S
"""So long the standby waits before it asks again."""
PAUSE_NS = S // 20
"""If it was refused."""


class Replication:
    """Of one server, be it the primary or the standby."""

    def __init__(self, world: World, data: Path, number: int) -> None:
        self._world, self._data, self._number = world, data, number
        self._timeline_file = data / f"server-{number}" / "timeline"
        self._wal = Wal(data / f"server-{number}" / "wal")
        self._stream: tuple[int, int, int] | None = None
        """Of the standby's question that has no answer yet: its number, the record that it has, until when."""
        self._following: UnderWay | None = None
        self._asks_at_ns = 0
        for record in self._wal.records:
            self._apply(record)

    @property
    def timeline(self) -> str:
        """As the names of PostgreSQL's files begin."""
        return f"{int(self._timeline_file.read_text()):08X}"

    def begin_timeline(self) -> None:
        """Of a standby that is promoted."""
        self._following = None
        self._timeline_file.write_text(str(int(self.timeline, 16) + 1))

    def flush(self, service: str, written: list[tuple[str, str]]) -> int:
        """Adds a record, of which the standby is told; its number."""
        number = self._wal.end + 1
        self._wal.add((number, service, written))
        if self._stream is not None:
            self._tell_standby()
        return number

    # ------------------------------------------------------------------------------------------- a primary's

    def hear(self, call: int, known: int) -> None:
        """The standby has flushed the log up to that record; it is told of what is new, now or later."""
        self._stream = call, known, self._world.now_ns + STREAM_NS
        if self._wal.end > known:
            self._tell_standby()

    @property
    def tells_at_ns(self) -> int:
        return FOR_EVER if self._stream is None else self._stream[2]

    def look_at_the_clock(self) -> None:
        if self.tells_at_ns <= self._world.now_ns:
            self._tell_standby()

    def _tell_standby(self) -> None:
        assert self._stream is not None
        call, known, _ = self._stream
        self._stream = None
        answer(self._world, call, "records", self._wal.after(known))

    # ------------------------------------------------------------------------------------------- a standby's

    @property
    def asks_at_ns(self) -> int:
        return self._asks_at_ns

    def follow(self) -> None:
        """Asks the primary, again and again; what it has told is flushed and applied before the next question."""
        now = self._world.now_ns
        if self._following is not None:
            if self._following.is_said_by(now):
                said = self._following.said()
                self._asks_at_ns = now if said and self._has_followed(said) else now + PAUSE_NS
            elif now < self._asks_at_ns:
                return
            self._following = None
        if now >= self._asks_at_ns:
            told, address = pickle.dumps((self._wal.end, self.timeline)), ADDRESSES[2 - self._number]
            self._following = self._world.begin_call("call", address, "SQL", "wal", [], told)
            self._asks_at_ns = now + PATIENCE_NS

    def _has_followed(self, said: Message) -> bool:
        kind, records = pickle.loads(said[3]) if said[0] == ANSWERED else ("refused", [])
        for record in records:
            if record[0] == self._wal.end + 1:
                self._wal.add(record)
                self._apply(record)
        if kind == "records":
            self._world.out.append(("streams", self._number, self._wal.end))
        return bool(kind == "records")

    def _apply(self, record: Record) -> None:
        """Unless its file has it."""
        number, service, statements = record
        paths = paths_of(self._data, self._number, service)
        for part in sorted({part for part, _ in statements}):
            connection = opened(paths, part)
            ((has,),) = connection.execute("SELECT number FROM main.simulated_record")
            if has < number:
                connection.execute("BEGIN")
                for of, statement in statements:
                    if of == part:
                        connection.execute(statement).fetchall()
                note_record(connection, number)
                connection.execute("COMMIT")
            connection.close()


def answer(world: World, call: int, *said: Any) -> None:
    world.out.append(("answer", call, 200, [], pickle.dumps(said)))
