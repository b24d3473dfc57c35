"""Compaction: disk use stays proportional to live data, and whoever is left behind comes back all the same."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from bookstore_project.replication import failpoints
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.invalidation import polls
from bookstore_project.replication.log import entries
from bookstore_project.replication.sqlite_pair.files import scrub
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness, write_witness
from bookstore_project.replication.sqlite_pair.repair import compaction, rejoin
from bookstore_project.replication.tests.shelf.services import restock
from bookstore_project.replication.tests.support.articles import price_of, reprice
from bookstore_project.replication.tests.support.fake_fronts import POLL
from bookstore_project.replication.tests.support.maintenance import Maintenance, scrub_all
from bookstore_project.replication.tests.support.replica_files import (
    KilledAt,
    assert_copies_equal,
    change_around,
    floor,
    head,
    opened,
    rows,
)
from bookstore_project.replication.tests.support.shelf_histories import SHELF, edit, settle_at
from tests.actors import Actor

BOTH = ("shelf-1", "shelf-2")
KEEP = 100


@pytest.fixture
def store(seven_articles: Path, settings: Settings) -> Path:
    settings.REPLICATION = settings.REPLICATION | {"LOG_KEEP": KEEP}
    return seven_articles


def base(alias: str) -> int:
    with opened(alias) as connection:
        return entries.read_base(connection)


def size_bytes(alias: str) -> int:
    path = replication_settings.files[alias]
    return sum(path.with_name(path.name + suffix).stat().st_size for suffix in ("", "-wal"))


def test_the_newest_entries_are_kept(store: Path) -> None:
    edit(1000)
    compaction.compact(SHELF)
    for alias in BOTH:
        assert floor("shelf") - KEEP - KEEP // 10 < base(alias) <= floor("shelf") - KEEP
    assert_copies_equal("shelf")
    assert compaction.compact(SHELF) == 0, "there is nothing more to do"


def test_a_short_log_is_left_alone(store: Path) -> None:
    edit(KEEP // 2)
    assert compaction.compact(SHELF) == 0
    assert base("shelf-1") == 0


def test_edits_of_one_article_do_not_fill_the_disk(store: Path, settings: Settings) -> None:
    settings.REPLICATION = settings.REPLICATION | {"LOG_KEEP": 300}
    sizes: list[int] = []
    for _ in range(6):
        edit(1000)
        compaction.compact(SHELF)
        sizes.append(max(size_bytes(alias) for alias in BOTH))
    assert sizes[-1] < 1.2 * sizes[1], sizes
    assert_copies_equal("shelf")


def test_the_store_goes_on_after_it(store: Path) -> None:
    edit(300)
    compaction.compact(SHELF)
    position = reprice()
    assert price_of(1, "shelf-1") == price_of(1, "shelf-2") == ("5.00", position)
    assert_copies_equal("shelf")


def test_nothing_in_doubt_and_nothing_unsettled_is_dropped(store: Path, settings: Settings) -> None:
    settings.REPLICATION = settings.REPLICATION | {"LOG_KEEP": 1}
    edit(30)
    settle_at(10)
    compaction.compact(SHELF)
    assert base("shelf-1") <= 10
    assert head("shelf-1") == 31


def test_a_writer_gets_in_between_two_batches(store: Path) -> None:
    edit(3 * compaction.BATCH_ENTRIES)
    writers: list[Actor] = []

    def write() -> None:
        if not writers:
            writers.append(Actor(restock))

    failpoints.hooks["compacted-shelf-1"] = write
    compaction.compact(SHELF)
    writers[0].result()
    compaction.compact(SHELF)
    assert_copies_equal("shelf")


def test_maintenance_compacts(store: Path) -> None:
    edit(300)
    Maintenance(SHELF).step()
    assert base("shelf-1") == base("shelf-2") > 100


def test_work_that_takes_long_is_told_in_parts(store: Path) -> None:
    edit(4 * compaction.BATCH_ENTRIES)
    told: list[tuple[str, float]] = []
    compaction.compact(SHELF, lambda what, part: told.append((what, part)))
    assert {what for what, _ in told} == {"compacting shelf"}
    parts = [part for _, part in told]
    assert len(parts) > 2
    assert parts == sorted(parts)
    assert parts[-1] == 1


POINTS = ["compacted-shelf-1", "compact-committed-shelf-1", "compacted-shelf-2", "compact-committed-shelf-2"]
COMPACT = f"""
from tests.configured import replication
from bookstore_project.replication.sqlite_pair.repair import compaction
from bookstore_project.replication.service import get_service
replication(LOG_KEEP={KEEP}).enable()
compaction.compact(get_service("shelf"))
"""


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.processes
def test_a_compaction_killed_anywhere_is_finished_by_the_next(store: Path, killed_at: KilledAt, point: str) -> None:
    edit(600)
    killed_at(point, COMPACT)
    restock()
    assert scrub_all(SHELF) == {"shelf-1": [], "shelf-2": []}
    compaction.compact(SHELF)
    assert_copies_equal("shelf")


# ------------------------------------------------------------------------------------------- damage and scrub

DAMAGE = {
    "a changed value": ("UPDATE shelf_article SET price = 1 WHERE id = 3", "row 3 of shelf_article isn't what"),
    "a changed value within the log": (
        "UPDATE shelf_article SET price = 1.5 WHERE id = 1",
        "row 1 of shelf_a",
    ),
    "a missing row": ("DELETE FROM shelf_movement WHERE id = 2", "row 2 of shelf_movement is miss"),
    "a row too many": (
        "INSERT INTO shelf_note VALUES ('00000000000000000000000000000001', 'x')",
        "of shelf_note isn't in the log",
    ),
    "a changed digest": ("UPDATE replication_rowdigest SET digest = 'x' WHERE \"key\" = '4'", "row 4 of"),
    "a missing digest": ("DELETE FROM replication_rowdigest WHERE \"key\" = '4'", "row 4 of"),
    "a digest too many": (
        "INSERT INTO replication_rowdigest VALUES ('shelf_article', '99', 'x')",
        "row 99 of shelf_article is missing",
    ),
    "a digest of no table": ("INSERT INTO replication_rowdigest VALUES ('x', '1', 'x')", "row 1 of x is missing"),
    "value and digest of another row": (
        "UPDATE replication_rowdigest SET digest = (SELECT digest FROM replication_rowdigest r WHERE r.\"key\" = '5' "
        "AND r.\"table\" = 'shelf_article') WHERE \"key\" = '1' AND \"table\" = 'shelf_article'",
        "the digest of row 1 of shelf_article",
    ),
    "a changed entry": (
        "UPDATE replication_logentry SET payload = '[]' WHERE position = (SELECT max(position) - 5 FROM "
        "replication_logentry)",
        "hash chain breaks",
    ),
    "a changed hash of the base": (
        "UPDATE replication_logentry SET hash = 'x' "
        "WHERE position = (SELECT min(position) FROM replication_logentry)",
        "hash chain breaks",
    ),
    "a log cut off below": (
        "DELETE FROM replication_logentry WHERE position < (SELECT min(position) + 5 FROM replication_logentry)",
        "with an entry that is no base",
    ),
    "a gap": (
        "DELETE FROM replication_logentry WHERE position = (SELECT min(position) + 5 FROM replication_logentry)",
        "the log has a gap",
    ),
    "no log": ("DELETE FROM replication_logentry", "it has no log"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_scrub_finds_damage_that_the_log_no_longer_tells_of(store: Path, damage: str) -> None:
    edit(300)
    compaction.compact(SHELF)
    statement, complaint = DAMAGE[damage]
    change_around("shelf-2", statement)
    with opened("shelf-1") as sound, opened("shelf-2") as damaged:
        assert scrub.findings(sound, SHELF) == []
        assert complaint in " | ".join(scrub.findings(damaged, SHELF))


# ------------------------------------------------------------------------------------- fronts left behind


def test_a_front_that_the_log_no_longer_reaches_begins_anew(store: Path) -> None:
    since = floor("shelf")
    edit(300)
    compaction.compact(SHELF)
    told = polls.answer("shelf", "shelf-2", replace(POLL, since=since))
    assert (told["base"], told["position"], told["changes"]) == (True, floor("shelf"), [])


def test_a_front_at_the_base_gets_what_follows(store: Path) -> None:
    edit(300)
    compaction.compact(SHELF)
    told = polls.answer("shelf", "shelf-1", replace(POLL, since=base("shelf-1")))
    assert told["base"] is False
    assert [position for position, _ in told["changes"]] == list(range(base("shelf-1") + 1, floor("shelf") + 1))
    below = polls.answer("shelf", "shelf-1", replace(POLL, since=base("shelf-1") - 1))
    assert (below["base"], below["changes"]) == (True, [])


def test_a_front_that_begins_anew_still_hears_of_what_is_in_doubt(store: Path) -> None:
    edit(300)
    compaction.compact(SHELF)
    settled = floor("shelf")
    settle_at(settled - 2)
    told = polls.answer("shelf", "shelf-1", replace(POLL, since=1))
    assert (told["base"], told["position"]) == (True, settled - 2)
    assert [position for position, _, _ in told["doubts"]] == [settled - 1, settled]


# ------------------------------------------------------------------------------------ files left behind


@pytest.fixture
def alone(store: Path) -> Iterator[None]:
    """The second copy is out of sync, where it stands."""
    edit(20)
    witness = read_witness(SHELF.witness_file)
    write_witness(SHELF.witness_file, replace(witness, in_sync=("shelf-1",)), sync=True)
    yield
    assert read_witness(SHELF.witness_file).in_sync == BOTH
    compaction.compact(SHELF)
    assert_copies_equal("shelf")


@pytest.mark.usefixtures("alone")
def test_what_a_file_out_of_sync_needs_is_kept_for_it() -> None:
    edit(5 * KEEP, ("shelf-1",))
    compaction.compact(SHELF)
    assert base("shelf-1") <= head("shelf-2")
    (repaired,) = rejoin.repair(SHELF)
    assert (repaired.means, repaired.entries) == ("log", 5 * KEEP)


@pytest.mark.usefixtures("alone")
def test_it_is_not_waited_for_for_ever() -> None:
    edit((compaction.RETENTION_FACTOR + 2) * KEEP, ("shelf-1",))
    compaction.compact(SHELF)
    assert base("shelf-1") > head("shelf-2")
    (repaired,) = rejoin.repair(SHELF)
    assert repaired.means == "copy"
    assert base("shelf-2") == base("shelf-1")


@pytest.mark.usefixtures("alone")
def test_nothing_is_kept_for_a_file_that_is_gone() -> None:
    edit(5 * KEEP, ("shelf-1",))
    replication_settings.files["shelf-2"].unlink()
    compaction.compact(SHELF)
    assert base("shelf-1") > 3 * KEEP
    rejoin.repair(SHELF)


# ------------------------------------------------------------------------------------------ free pages, WAL


@pytest.fixture
def hollow(store: Path) -> int:
    """Files that are mostly free pages; gives their size."""
    edit(3000)
    compaction.compact(SHELF)
    for alias in BOTH:
        rows(alias, "PRAGMA wal_checkpoint(TRUNCATE)")
    return replication_settings.files["shelf-1"].stat().st_size


def test_a_file_of_free_pages_is_replaced_by_a_smaller_copy(hollow: int) -> None:
    compaction.vacuum(SHELF, least_bytes=hollow // 3)
    for alias in BOTH:
        path = replication_settings.files[alias]
        assert path.stat().st_size < hollow / 2
        assert [left.name for left in path.parent.glob("*.quarantine*")] == []
    assert read_witness(SHELF.witness_file).in_sync == BOTH
    restock()
    assert_copies_equal("shelf")


def test_few_free_pages_are_not_worth_a_copy(hollow: int) -> None:
    assert compaction.vacuum(SHELF) == []


def test_no_file_is_replaced_while_the_other_is_out(hollow: int) -> None:
    witness = read_witness(SHELF.witness_file)
    write_witness(SHELF.witness_file, replace(witness, in_sync=("shelf-1",)), sync=True)
    assert compaction.vacuum(SHELF, least_bytes=1) == []


def test_a_file_stays_in_sync_while_its_smaller_copy_is_made(hollow: int) -> None:
    seen: list[tuple[str, ...]] = []
    failpoints.hooks["repair-verified"] = lambda: seen.append(read_witness(SHELF.witness_file).in_sync)
    failpoints.hooks["repair-copied"] = restock
    compaction.vacuum(SHELF, least_bytes=1)
    assert seen == [BOTH, BOTH]
    assert_copies_equal("shelf")


GIVE_BACK = """
from bookstore_project.replication.sqlite_pair.repair import compaction
from bookstore_project.replication.service import get_service
compaction.vacuum(get_service("shelf"), least_bytes=1)
"""


@pytest.mark.parametrize(
    "point", ["repair-copied", "repair-verified", "evict", "repair-quarantined", "repair-installed", "readmit"]
)
@pytest.mark.processes
def test_a_replacement_killed_anywhere_leaves_what_a_repair_finishes(
    hollow: int, killed_at: KilledAt, point: str
) -> None:
    killed_at(point, GIVE_BACK)
    restock()
    Maintenance(SHELF).step()
    assert read_witness(SHELF.witness_file).in_sync == BOTH
    assert_copies_equal("shelf")


def test_a_copy_carries_no_free_pages(hollow: int) -> None:
    replication_settings.files["shelf-2"].unlink()
    Maintenance(SHELF).step()
    assert replication_settings.files["shelf-2"].stat().st_size < hollow / 2


def test_a_wal_that_a_long_reader_made_grow_is_cut_back(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "WAL_LIMIT_BYTES", 100_000)
    with opened("shelf-1") as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM shelf_article").fetchone()
        edit(1000)
        compaction.truncate_wals(SHELF)
        assert compaction.wal_bytes("shelf-1") > 100_000, "the reader still needs it"
        reader.execute("ROLLBACK")
        compaction.truncate_wals(SHELF)
    assert [compaction.wal_bytes(alias) for alias in BOTH] == [0, 0]
    assert_copies_equal("shelf")
