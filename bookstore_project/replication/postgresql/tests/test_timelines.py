"""After a promotion nobody goes by what an older primary had promised."""

from pathlib import Path

import pytest

from bookstore_project.replication import reads
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.postgresql import engine, leases
from bookstore_project.replication.postgresql.tests.database_rows import rows
from bookstore_project.replication.postgresql.tests.support import SHELF, Fronts, renew, write
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


def test_the_first_writer_waits_the_leases_out_and_begins_another(promoted: tuple[Fronts, str, Clock]) -> None:
    fronts, before, clock = promoted
    began = clock.now
    committed = write(fronts)
    assert committed.timeline != before
    assert clock.now > began
    assert engine.listeners(SHELF, fronts) == []
    assert write(fronts).timeline == committed.timeline, "once"


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


def test_the_primary_is_compared_in_the_statement_that_renews(promoted: tuple[Fronts, str, Clock]) -> None:
    """Looked at before it, a new timeline could begin in between, which has deleted the row, and forgotten it."""
    row = rows("shelf-1", "SELECT renewals FROM replication_lease")
    assert not renew(promoted[0])
    assert rows("shelf-1", "SELECT renewals FROM replication_lease") == row
