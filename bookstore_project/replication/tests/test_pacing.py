"""Long work beside requests: it pauses in proportion to what it took, and a repair does, all the way."""

from pathlib import Path

import pytest

from bookstore_project.replication.pacing import PIECE_S, REST, Gently
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.files import backup_copy, scrub
from bookstore_project.replication.sqlite_pair.repair import maintenance, rejoin
from bookstore_project.replication.tests.support.maintenance import Maintenance
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal
from bookstore_project.replication.tests.support.strangers import lose
from tests.clock import Clock

SHELF = get_service("shelf")


def test_a_pause_is_as_long_as_the_work_before_it_times_the_rest() -> None:
    clock = Clock()
    slept: list[float] = []
    pace = Gently(clock, slept.append)
    for took_s in (PIECE_S / 2, PIECE_S, 0.2):
        clock.now += took_s
        pace()
    assert slept == pytest.approx([1.5 * PIECE_S * REST, 0.2 * REST])


@pytest.fixture
def paused(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What paced its work, each time that it did: of files of a few rows, after each row and step."""
    calls: list[object] = []

    class Noting:
        def __call__(self) -> None:
            calls.append(self)

    for module in (rejoin, maintenance):
        monkeypatch.setattr(module, "Gently", Noting)
    monkeypatch.setattr(scrub, "PIECE_ROWS", 1)
    monkeypatch.setattr(scrub, "PIECE_STEPS", 100_000)
    monkeypatch.setattr(backup_copy, "_STEPS", 100_000)
    return calls


@pytest.mark.parametrize(("module", "name"), [(scrub, "PIECE_ROWS"), (scrub, "PIECE_STEPS"), (backup_copy, "_STEPS")])
def test_a_copy_is_made_and_verified_with_pauses(
    seven_articles: Path, paused: list[object], monkeypatch: pytest.MonkeyPatch, module: object, name: str
) -> None:
    monkeypatch.setattr(scrub, "PIECE_ROWS", 100_000)
    monkeypatch.setattr(module, name, 1)
    lose("shelf-2")
    upkeep = Maintenance(SHELF)
    upkeep.step()
    assert paused
    assert_copies_equal("shelf")


def test_a_scrub_has_pauses(seven_articles: Path, paused: list[object]) -> None:
    assert not any(Maintenance(SHELF).scrub().values())
    assert paused


def test_who_waits_for_a_check_waits_for_no_pause(seven_articles: Path, paused: list[object]) -> None:
    """The set shrinks under the writer lock."""
    lose("shelf-2")
    Maintenance(SHELF).evict_faulty()
    assert not paused
