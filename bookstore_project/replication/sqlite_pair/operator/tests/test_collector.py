"""How the copies stand, as /metrics tells it: what can't be read is left out, and harms nothing else."""

from pathlib import Path

from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.operator.collector import StandingCollector
from bookstore_project.replication.tests.support.books import reprice
from bookstore_project.settings import topology

CATALOG = get_service("catalog")


def told() -> dict[tuple[str, str], float]:
    """Every value by metric (without the common beginning) and copy or service."""
    return {
        (sample.name.removeprefix("bookstore_replication_"), "".join(sample.labels.values())): sample.value
        for family in StandingCollector(CATALOG).collect()
        for sample in family.samples
    }


def test_it_tells_both_copies_and_the_service(seven_books: Path) -> None:
    position = reprice()
    assert told() == {
        ("position", "catalog-1"): position,
        ("position", "catalog-2"): position,
        ("in_sync", "catalog-1"): 1,
        ("in_sync", "catalog-2"): 1,
        ("lag_entries", "catalog-1"): 0,
        ("lag_entries", "catalog-2"): 0,
        ("floor", "catalog"): position,
        ("epoch", "catalog"): told()["epoch", "catalog"],
    }


def test_a_copy_that_was_left_behind_lags(seven_books: Path) -> None:
    epoch, aside = told()["epoch", "catalog"], topology.database_file("catalog-2").with_name("aside")
    topology.database_file("catalog-2").rename(aside)
    position = reprice()
    after = told()
    assert ("position", "catalog-2") not in after, "there is no file"
    assert after["in_sync", "catalog-2"] == 0
    assert after["epoch", "catalog"] == epoch + 1
    aside.rename(topology.database_file("catalog-2"))
    assert told()["position", "catalog-2"] == position - 1
    assert told()["lag_entries", "catalog-2"] == 1


def test_without_a_witness_nothing_is_said_that_rests_on_it(seven_books: Path) -> None:
    CATALOG.witness_file.write_bytes(b"nonsense")
    assert {name for name, _ in told()} == {"position"}
