"""Fronts that a test holds, and writes of a shelf as the engine makes them."""

import select
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import pytest
from django.db.models import F
from psycopg import pq

from bookstore_project.replication.interface import (
    NOT_ANNOUNCED,
    Announced,
    Committed,
    Holder,
    Lease,
    Poll,
)
from bookstore_project.replication.log.entries import Entry
from bookstore_project.replication.postgresql import attempt, barrier, engine, leases, waiting
from bookstore_project.replication.service import get_service
from bookstore_project.replication.tests.shelf.models import Article
from tests.postgres import server_of_tests
from tests.waiting import wait_for

SHELF = get_service("shelf")
LIMITS = ((attempt, "COMMIT_TIMEOUT_S"), (barrier, "TIMEOUT_S"), (leases, "RENEWAL_TIMEOUT_S"))
"""For a standby to confirm a commit."""
POLL = Poll("front", "127.0.0.1:1", "process", 0.3, None, None)


@dataclass
class Fronts:
    """Takes what is delivered, unless it is deaf; `on_delivery` runs meanwhile, under the writer's lock."""

    deaf: set[str] = field(default_factory=set)
    ended: dict[str, bool] = field(default_factory=dict)
    """By instance; of others nobody can tell."""
    delivered: list[list[int]] = field(default_factory=list)
    asked_to_end: list[Holder] = field(default_factory=list)
    on_delivery: Callable[[], object] = lambda: None

    def deliver(self, leases: Sequence[Lease], timeline: str, entries: Sequence[Entry]) -> list[Holder]:
        self.delivered.append([entry.position for entry in entries])
        self.on_delivery()
        return [lease.holder for lease in leases if lease.front not in self.deaf]

    def has_ended(self, lease: Lease) -> bool | None:
        return self.ended.get(lease.instance)

    def end_leases(self, leases: Sequence[Lease]) -> list[Holder]:
        self.asked_to_end += [lease.holder for lease in leases]
        return [lease.holder for lease in leases if lease.front not in self.deaf]

    def is_reachable(self, poll: Poll) -> bool:
        return poll.front not in self.deaf

    def announce(self, timeline: str, entries: Sequence[Entry]) -> Announced:
        return NOT_ANNOUNCED

    def invalidate(self, timeline: str, entries: Sequence[Entry], announced: Announced = NOT_ANNOUNCED) -> None:
        raise AssertionError("leases are rows here")

    def renew(self, poll: Poll, asked: float) -> bool:
        raise AssertionError("leases are rows here")

    def listeners(self) -> list[Lease]:
        raise AssertionError("leases are rows here")

    def begin(self) -> None:
        """Nothing is on record."""


def renew(fronts: Fronts, poll: Poll = POLL) -> bool:
    return engine.renew(SHELF, poll, 0.0, fronts)


@contextmanager
def impatient(seconds: float = 0.1) -> Iterator[None]:
    """Nobody waits longer for a standby, from when a commit waits for one: a slow machine comes late to that."""
    last_result = waiting._last_result

    def counted(connection: pq.abc.PGconn, timeout_s: float) -> pq.abc.PGresult:
        waits = f"SELECT 1 FROM pg_stat_activity WHERE pid = {connection.backend_pid} AND wait_event = 'SyncRep'"
        answer = select.poll()  # It takes descriptors of any number.
        answer.register(connection.socket, select.POLLIN)
        wait_for(lambda: answer.poll(0) or server_of_tests().execute(waits), what="a commit that waits, or an answer")
        return last_result(connection, timeout_s)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(waiting, "_last_result", counted)
        for module, name in LIMITS:
            patch.setattr(module, name, seconds)
        yield


def raise_price(article_id: int = 1) -> int:
    """What `change` does: one more."""
    return Article.objects.filter(pk=article_id).update(price=F("price") + 1, version=F("version") + 1)


def write(fronts: Fronts, change: Callable[[], object] = raise_price, *, in_group: bool = False) -> Committed[object]:
    committed, _ = engine.write(SHELF, change, fronts, timeout_s=60, in_group=in_group)
    return committed


def writing(fronts: Fronts, change: Callable[[], object] = raise_price) -> Callable[[], Committed[object]]:
    return partial(write, fronts, change, in_group=True)
