"""After a promotion nobody goes by what an older primary had promised."""

from dataclasses import replace
from pathlib import Path

import pytest

from bookstore_project.replication import reads
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.postgresql import engine, head, leases
from bookstore_project.replication.postgresql.backend.base import wrapper
from bookstore_project.replication.postgresql.tests.database_rows import rows
from bookstore_project.replication.postgresql.tests.support import POLL, SHELF, Fronts, renew, write
from tests.clock import Clock


@pytest.fixture
def promoted(seven_articles: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Fronts, str, Clock]:
    """A server of which the head doesn't know, with a front's lease and the timeline of before."""
    clock = Clock()
    monkeypatch.setattr(leases, "time", clock)
    fronts = Fronts()
    assert renew(fronts)
    before = engine.standing(SHELF).timeline
    rows("shelf-1", "UPDATE replication_head SET server_timeline = 'FFFFFFFF' RETURNING 1")
    return fronts, before, clock


def test_the_first_writer_has_the_leases_end_and_begins_another(promoted: tuple[Fronts, str, Clock]) -> None:
    fronts, before, clock = promoted
    began = clock.now
    committed = write(fronts)
    assert committed.timeline != before
    assert (POLL.front, POLL.instance) in fronts.asked_to_end
    assert clock.now == began, "nobody is waited for who has given up"
    assert engine.listeners(SHELF, fronts) == []
    asked = len(fronts.asked_to_end)
    assert write(fronts).timeline == committed.timeline, "once"
    assert len(fronts.asked_to_end) == asked


def test_who_has_not_given_up_is_waited_for_as_long_as_a_lease_may_last(promoted: tuple[Fronts, str, Clock]) -> None:
    fronts, _, clock = promoted
    fronts.deaf = {POLL.front}
    began = clock.now
    write(fronts)
    assert clock.now - began == pytest.approx(max(POLL.lease_s, replication_settings.lease_s) * 1.01)


def test_who_has_ended_is_not_waited_for(
    promoted: tuple[Fronts, str, Clock], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(replication_settings.__dict__, "fronts", {"another": "127.0.0.1:2"})
    fronts, _, clock = promoted
    fronts.deaf, fronts.ended = {POLL.front}, {POLL.instance: True}
    began = clock.now
    write(fronts)
    assert clock.now == began


def test_a_front_of_which_nothing_is_on_record_has_to_give_up_too(
    promoted: tuple[Fronts, str, Clock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A primary that was alone may have given it a lease, and be lost with it."""
    fronts, _, clock = promoted
    monkeypatch.setitem(replication_settings.__dict__, "fronts", {"another": "127.0.0.1:2"})
    fronts.deaf = {"another"}
    began = clock.now
    write(fronts)
    assert ("another", "") in fronts.asked_to_end
    assert clock.now > began


def test_the_first_reader_has_it_begun(promoted: tuple[Fronts, str, Clock]) -> None:
    _, before, _ = promoted
    with reads.reading("shelf") as snapshot:
        assert snapshot.timeline != before


def test_until_then_no_lease_is_renewed_or_given_and_no_poll_is_answered(promoted: tuple[Fronts, str, Clock]) -> None:
    fronts, _, _ = promoted
    assert not renew(fronts)
    with pytest.raises(Unavailable, match="Another server is the primary"):
        engine.missed(SHELF, "shelf-1", 0)
    write(fronts)
    assert renew(fronts)


def test_a_front_that_does_not_know_the_new_timeline_gets_no_lease_yet(promoted: tuple[Fronts, str, Clock]) -> None:
    """It takes no push of it either: whoever writes would wait for it. The answer to its poll tells it."""
    fronts, before, _ = promoted
    today = write(fronts).timeline
    assert not renew(fronts, replace(POLL, timeline=before))
    assert engine.listeners(SHELF, fronts) == []
    assert renew(fronts, replace(POLL, timeline=today))


def test_who_asks_in_an_old_timeline_does_not_wait_for_a_writer(
    promoted: tuple[Fronts, str, Clock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer may be waiting for just that front."""
    fronts, before, _ = promoted
    write(fronts)
    monkeypatch.setattr(leases, "_registered", lambda *_: pytest.fail("it waits for the lock"))
    assert not renew(fronts, replace(POLL, timeline=before))


def test_who_has_waited_for_the_writer_that_began_a_timeline_gets_no_lease_in_it(
    promoted: tuple[Fronts, str, Clock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was in today's timeline when it asked: only under the lock does another one show."""
    fronts, before, _ = promoted
    found = head.read(wrapper("shelf-1").raw)
    write(fronts)
    monkeypatch.setattr(head, "read", lambda _: replace(found, known_server=found.server))
    assert not renew(fronts, replace(POLL, timeline=before))
    assert engine.listeners(SHELF, fronts) == []


def test_nobody_waits_for_the_writer_that_begins_a_timeline(
    promoted: tuple[Fronts, str, Clock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A poll is over before such a writer is, and its lease would be on record for nobody."""
    fronts, before, _ = promoted
    monkeypatch.setattr(leases, "_registered", lambda *_: pytest.fail("it waits for the lock"))
    assert not renew(fronts, replace(POLL, timeline=before))


def test_the_primary_is_compared_in_the_statement_that_renews(promoted: tuple[Fronts, str, Clock]) -> None:
    """Looked at before it, a new timeline could begin in between, which has deleted the row, and forgotten it."""
    row = rows("shelf-1", "SELECT renewals FROM replication_lease")
    assert not renew(promoted[0])
    assert rows("shelf-1", "SELECT renewals FROM replication_lease") == row
