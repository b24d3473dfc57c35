"""Fronts are told before the commit, under the lock: nobody has an old answer left when the new one can be seen."""

from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bookstore_project.replication import failpoints
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.postgresql import engine, head, leases
from bookstore_project.replication.postgresql.backend.base import wrapper
from bookstore_project.replication.postgresql.tests.database_rows import floor, rows
from bookstore_project.replication.postgresql.tests.support import POLL, SHELF, Fronts, renew, write
from tests.actors import Actor, Pause
from tests.clock import Clock
from tests.postgres import server_of_tests


@pytest.fixture
def fronts(seven_articles: Path) -> Fronts:
    """One has a lease."""
    made = Fronts()
    assert renew(made)
    return made


def holders() -> list[object]:
    return [instance for (instance,) in rows("shelf-1", "SELECT instance FROM replication_lease ORDER BY 1")]


def test_the_fronts_are_told_before_anybody_can_see_it(fronts: Fronts) -> None:
    before, seen = floor("shelf"), list[int]()
    fronts.on_delivery = lambda: seen.append(floor("shelf"))
    assert write(fronts).position == before + 1
    assert (fronts.delivered, seen) == ([[before + 1]], [before])
    assert floor("shelf") == before + 1


def test_no_poll_waits_for_a_migration_that_has_deleted_its_lease(
    fronts: Fronts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each would have a thread of the replica for as long, until none is left for readers."""
    with closing(wrapper("shelf-1").copy()) as holder:
        head.lock(holder, timeout_s=60)
        holder.raw.execute("SET LOCAL idle_in_transaction_session_timeout = '60s'")  # Then it fails.
        holder.raw.execute("DELETE FROM replication_lease")
        with monkeypatch.context() as impatient:
            impatient.setattr(leases, "PATIENCE", "SET LOCAL lock_timeout = 1")
            with pytest.raises(Unavailable, match="holds the lock"):
                renew(fronts)
        holder.raw.execute("ROLLBACK")  # Of a connection that is closed, the server hears of itself, later.
    assert renew(fronts)


class Killed(BaseException):
    """As kill -9 ends a writer."""


def test_a_writer_that_dies_after_it_told_them_leaves_nothing_behind(fronts: Fronts) -> None:
    before = floor("shelf")

    def die() -> None:
        failpoints.hooks.clear()
        raise Killed

    failpoints.hooks["invalidated"] = die
    with pytest.raises(Killed):
        write(fronts)
    assert floor("shelf") == before
    assert write(fronts).position == before + 1, "the lock is free"
    assert fronts.delivered == [[before + 1], [before + 1]]


def test_a_front_that_does_not_take_it_is_waited_for_as_long_as_its_lease_may_last(
    fronts: Fronts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "time", clock := Clock())
    fronts.deaf.add("front")
    began = clock.now
    write(fronts)
    assert clock.now >= began + max(POLL.lease_s, replication_settings.lease_s)
    assert holders() == []


def test_a_front_whose_process_has_ended_is_not_waited_for(fronts: Fronts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "time", clock := Clock())
    fronts.deaf.add("front")
    fronts.ended["process"] = True
    began, before = clock.now, floor("shelf")
    assert write(fronts).position == before + 1
    assert (clock.now, holders()) == (began, []), "nor by later writers"


def test_one_that_does_not_answer_and_lives_is_waited_for(fronts: Fronts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "time", clock := Clock())
    fronts.deaf.add("front")
    fronts.ended["process"] = False
    began = clock.now
    write(fronts)
    assert clock.now >= began + max(POLL.lease_s, replication_settings.lease_s)


def test_it_is_waited_for_by_the_lease_that_is_on_record_when_it_is_blocked(
    fronts: Fronts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another host may give longer ones, also beside a writer that has read the shorter one."""
    longer = replace(POLL, lease_s=20 * replication_settings.lease_s)
    monkeypatch.setattr(leases, "time", clock := Clock())
    failpoints.hooks["leases-read"] = partial(
        rows, "shelf-1", f"UPDATE replication_lease SET lease_s = {longer.lease_s}"
    )
    fronts.deaf.add("front")
    began = clock.now
    write(fronts)
    assert clock.now >= began + longer.lease_s
    assert holders() == []


def test_one_that_is_deleted_as_it_is_blocked_is_waited_for_as_it_was_read(
    fronts: Fronts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a writer that has lost its lock, and has waited for the lease that the front had before this one."""
    lease_s = 20 * replication_settings.lease_s
    rows("shelf-1", f"UPDATE replication_lease SET lease_s = {lease_s}")
    monkeypatch.setattr(leases, "time", clock := Clock())
    failpoints.hooks["leases-read"] = partial(rows, "shelf-1", "DELETE FROM replication_lease")
    fronts.deaf.add("front")
    began = clock.now
    write(fronts)
    assert clock.now >= began + lease_s


def test_a_lease_that_somebody_else_has_deleted_is_over(fronts: Fronts, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a writer does that has lost its lock without knowing: the front can't ask for another one meanwhile."""
    monkeypatch.setattr(leases, "time", Clock())
    fronts.deaf.add("front")
    before = floor("shelf")
    fronts.on_delivery = partial(rows, "shelf-1", "DELETE FROM replication_lease")
    assert write(fronts).position == before + 1


def test_a_writer_that_has_lost_its_transaction_waits_for_nobody(
    fronts: Fronts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server with its lock isn't the primary any more, and the front knows of what the other one has begun."""
    monkeypatch.setattr(leases, "time", Clock())
    fronts.deaf.add("front")
    before = floor("shelf")

    def lose_it() -> None:
        if len(fronts.delivered) == 2:
            pid = wrapper("shelf-1").raw.info.backend_pid
            server_of_tests().execute(f"SELECT pg_terminate_backend({pid}, 60000)")

    fronts.on_delivery = lose_it
    with pytest.raises(Unavailable, match="nothing was changed"):
        write(fronts)
    assert len(fronts.delivered) == 2
    fronts.deaf.clear()
    assert write(fronts).position == before + 1


def test_one_that_takes_it_at_last_keeps_its_lease(fronts: Fronts) -> None:
    fronts.deaf.add("front")

    def hear() -> None:
        if len(fronts.delivered) > 1:
            fronts.deaf.clear()

    fronts.on_delivery = hear
    write(fronts)
    assert holders() == ["process"]
    assert renew(fronts)


def test_a_front_that_is_waited_for_is_not_renewed(fronts: Fronts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "time", Clock())
    monkeypatch.setattr(leases, "SHARED", leases.SHARED.replace("500", "20"))
    renewed = list[bool]()
    fronts.deaf.add("front")

    def poll() -> None:
        if len(fronts.delivered) == 2:
            renewed.append(bool(Actor(partial(renew, fronts)).result()))
            fronts.deaf.clear()
            renewed.append(bool(Actor(partial(renew, fronts)).result()))
            fronts.deaf.add("front")

    fronts.on_delivery = poll
    write(fronts)
    assert renewed == [False, False]
    assert holders() == []


def test_beside_a_writer_a_lease_is_renewed_and_a_new_one_is_not_given(
    fronts: Fronts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "SHARED", leases.SHARED.replace("500", "20"))
    failpoints.hooks["invalidated"] = pause = Pause()
    writer = Actor(partial(write, fronts))
    pause.wait_until_reached()
    another = replace(POLL, instance="another process")
    assert (renew(fronts), renew(fronts, another)) == (True, False)
    pause.let_go()
    writer.result()
    assert renew(fronts, another)
    assert holders() == ["another process", "process"]


def test_a_poll_is_told_what_it_missed(fronts: Fronts) -> None:
    begins = engine.missed(SHELF, "shelf-1", None)
    assert (begins.is_base, begins.entries, begins.floor) == (True, (), floor("shelf"))
    first, second = write(fronts).position, write(fronts).position
    found = engine.missed(SHELF, "shelf-2", begins.floor)
    assert [(entry.position, entry.cache_keys) for entry in found.entries] == [
        (first, ["article:1"]),
        (second, ["article:1"]),
    ]
    assert (found.is_base, found.floor, found.timeline) == (False, second, begins.timeline)


def test_a_poll_from_before_the_log_begins_anew(fronts: Fronts) -> None:
    position = write(fronts).position
    rows("shelf-1", f"DELETE FROM replication_logentry WHERE position < {position} RETURNING 1")
    assert engine.missed(SHELF, "shelf-1", position - 1).is_base
    assert not engine.missed(SHELF, "shelf-1", position).is_base
