"""The log keeps its newest entries; fronts that lack older ones begin anew."""

from pathlib import Path

import pytest
from django.core.management import call_command

from bookstore_project.replication.interface import MAINTENANCE
from bookstore_project.replication.postgresql import compaction, engine
from bookstore_project.replication.postgresql.maintenance import Maintenance
from bookstore_project.replication.postgresql.tests.database_rows import assert_copies_equal, floor, rows
from bookstore_project.replication.postgresql.tests.support import SHELF, Fronts, write
from tests.configured import replication


@pytest.fixture
def ten_entries(seven_articles: Path) -> int:
    """Beside those that were there; where the log ends."""
    for _ in range(10):
        write(Fronts())
    return floor("shelf")


def base() -> int:
    (position,) = rows("shelf-1", "SELECT min(position) FROM replication_logentry")[0]
    assert isinstance(position, int)
    return position


def test_what_is_older_is_dropped_and_the_rest_stays_chained(ten_entries: int) -> None:
    with replication(LOG_KEEP=4):
        assert compaction.compact(SHELF) == ten_entries - 4
        assert compaction.compact(SHELF) == 0
    assert base() == ten_entries - 4
    assert floor("shelf") == ten_entries
    assert_copies_equal("shelf")
    assert write(Fronts()).position == ten_entries + 1


def test_one_transaction_drops_no_more_than_a_batch(ten_entries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "BATCH", 3)
    with replication(LOG_KEEP=4):
        assert compaction.compact(SHELF) == 3
        assert base() == 3
        call_command("replication", "compact", "--service", "shelf", verbosity=0)
    assert base() == ten_entries - 4


def test_a_front_that_lacks_what_was_dropped_begins_anew(ten_entries: int) -> None:
    with replication(LOG_KEEP=4):
        compaction.compact(SHELF)
    assert engine.missed(SHELF, "shelf-1", base() - 1).is_base
    found = engine.missed(SHELF, "shelf-1", base())
    assert not found.is_base
    assert [entry.position for entry in found.entries] == list(range(base() + 1, ten_entries + 1))


def test_one_process_in_the_store_does_it(ten_entries: int) -> None:
    replica = Maintenance(SHELF)
    with replication(LOG_KEEP=4):
        with engine.try_role(SHELF, MAINTENANCE) as is_mine:
            assert is_mine
            replica.step()
            assert base() == 0
        replica.step()
    replica.role.give_up()
    assert base() == ten_entries - 4
