"""What a store does, in little: rows are written through the primary from each host, and read; all answers are noted.

A row is repeated under its key until it is acknowledged. A commit that brings a warning is none: so PostgreSQL tells
that the wait for the standby was cancelled.
"""

import math
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

import psycopg

from bookstore_project.replication.postgresql import silent_servers
from bookstore_project.replication.postgresql.silent_servers import Watch
from tests.hosts.network import Namespace

DATABASE = "history"
Site = tuple[Namespace, dict[str, Any]]
"""A host's network, and how one there reaches the primary."""
Connection = psycopg.Connection[tuple[Any, ...]]
PAUSE_S = 0.05
"""After each answer: what is to be measured is how long none comes, not how many there are."""
NEWEST = (
    "SELECT writer, (SELECT max(number) FROM written WHERE written.writer = wanted.writer) "
    "FROM unnest(%s::int[]) wanted(writer)"
)
"""By the index: there are more rows all the time."""


@dataclass
class Seen:
    """When, by the monotonic clock, something was answered."""

    at: list[float] = field(default_factory=list)
    took_s: list[float] = field(default_factory=list)
    """How long each of them was awaited."""

    def note(self, asked: float) -> None:
        """Something that was asked then is answered now."""
        now = time.monotonic()
        self.at.append(now)
        self.took_s.append(now - asked)

    def median_s(self, since: float, until: float) -> float:
        """Of those that were answered in between; 0 if there are none."""
        inside = [took_s for moment, took_s in zip(self.at, self.took_s, strict=False) if since < moment < until]
        return statistics.median(inside) if inside else 0.0

    def longest_gap(self, since: float, until: float) -> tuple[float, float]:
        """From when to when nothing was answered."""
        inside = [since, *(moment for moment in self.at if since < moment < until), until]
        return max(pairwise(inside), key=lambda gap: gap[1] - gap[0])

    def longest_gap_s(self, since: float, until: float) -> float:
        began, ended = self.longest_gap(since, until)
        return ended - began

    def seconds_without(self) -> float:
        return time.monotonic() - self.at[-1] if self.at else 0.0

    def count_since(self, moment: float) -> int:
        return sum(each > moment for each in self.at)


class Unconfirmed(Exception):
    """The server has said something beside its commit."""


class History:
    """Some writers and a reader on each host, each in a thread; a context manager.

    They are on that host's network, and go on when its machine is off: a store that is cut off with the old primary
    must get no answer there that isn't true.
    """

    def __init__(self, sites: Sequence[Site], writers: int) -> None:
        self._sites = sites
        self._ended = threading.Event()
        self._guard = threading.Lock()
        self.acknowledged = dict.fromkeys(range(writers * len(sites)), 0)
        """The highest number of each writer: it has written all below it, too."""
        self.writes, self.reads = Seen(), Seen()
        self.stale: list[str] = []
        self._late: list[tuple[float, float]] = []
        """When a thread that only sleeps was woken, and by how much too late: how slow the machine was."""
        actors: list[Callable[[], None]] = [partial(self._write, writer) for writer in self.acknowledged]
        actors += [partial(self._read, number) for number in range(len(sites))]
        self._watches = [Watch() for _ in sites]
        actors += [partial(self._watch_servers, number) for number in range(len(sites))]
        self._threads = [threading.Thread(target=act, daemon=True) for act in (*actors, self._watch_the_machine)]

    def __enter__(self) -> "History":
        with self._sites[0][0].entered():
            self._prepare()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        self._ended.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def total(self) -> int:
        with self._guard:
            return sum(self.acknowledged.values())

    def late_s(self, since: float = 0.0, until: float = math.inf) -> float:
        """By how much a thread that only sleeps was woken too late in that time, at most."""
        return max(
            (late_s for moment, late_s in self._late if moment > since and moment - late_s < until), default=0.0
        )

    def lost(self, address: str) -> int:
        """How many acknowledged rows that server lacks."""
        parameters = {"host": address, "target_session_attrs": "any"}
        with self._sites[0][0].entered(), self._connect(0, DATABASE, **parameters) as connection:
            rows = connection.execute("SELECT writer, number FROM written").fetchall()
        there = set(rows)
        expected = ((writer, number) for writer, last in self.acknowledged.items() for number in range(1, last + 1))
        return sum(row not in there for row in expected)

    def _prepare(self) -> None:
        with self._connect(0, "postgres") as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}".encode())
        with self._connect(0, DATABASE) as connection:
            connection.execute("CREATE TABLE written (writer int, number int, PRIMARY KEY (writer, number))")

    def _write(self, writer: int) -> None:
        def step(connection: Connection, notices: list[str]) -> None:
            number, asked = self.acknowledged[writer] + 1, time.monotonic()
            connection.execute("INSERT INTO written VALUES (%s, %s) ON CONFLICT DO NOTHING", (writer, number))
            if notices:
                raise Unconfirmed(notices[-1])
            with self._guard:
                self.acknowledged[writer] = number
                self.writes.note(asked)

        self._repeat(writer % len(self._sites), step)

    def _read(self, number: int) -> None:
        """Rows of one snapshot; then the server proves that it is the primary, by a commit that the standby has."""

        def step(connection: Connection, notices: list[str]) -> None:
            asked = time.monotonic()
            with self._guard:
                least = dict(self.acknowledged)
            with connection.transaction():
                rows = connection.execute(NEWEST, [list(least)]).fetchall()
                connection.execute("SELECT pg_logical_emit_message(true, 'reader', '')")
            if notices:
                raise Unconfirmed(notices[-1])
            shown: dict[int, int] = {writer: number or 0 for writer, number in rows}
            self.stale += [f"{w}: {shown.get(w, 0)} < {n}" for w, n in least.items() if shown.get(w, 0) < n]
            with self._guard:
                self.reads.note(asked)

        self._repeat(number, step)

    def _repeat(self, host: int, step: Callable[[Connection, list[str]], None]) -> None:
        """Until the end; with a new connection after each error, since nobody knows what became of the step."""
        with self._sites[host][0].entered():
            while not self._ended.is_set():
                try:
                    with self._connect(host, DATABASE) as connection:
                        self._go_on(connection, step)
                except (psycopg.Error, Unconfirmed):
                    self._ended.wait(2 * PAUSE_S)

    def _go_on(self, connection: Connection, step: Callable[[Connection, list[str]], None]) -> None:
        notices: list[str] = []
        connection.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
        while not self._ended.wait(PAUSE_S):
            step(connection, notices)

    def _watch_servers(self, site: int) -> None:
        """As each process of a store does."""
        with self._sites[site][0].entered():
            while not self._ended.wait(silent_servers.EVERY_S):
                self._watches[site].look()

    def _watch_the_machine(self) -> None:
        while True:
            began = time.monotonic()
            if self._ended.wait(0.1):
                return
            now = time.monotonic()
            self._late.append((now, now - began - 0.1))

    def _connect(self, site: int, database: str, **more: Any) -> Connection:
        made = psycopg.connect(**{**self._sites[site][1], "dbname": database, "autocommit": True, **more})
        self._watches[site].add(made)
        return made
