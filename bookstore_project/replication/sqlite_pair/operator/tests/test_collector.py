"""How the copies stand, as /metrics tells it: what can't be read is left out, and harms nothing else."""

from pathlib import Path

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.operator.collector import StandingCollector
from bookstore_project.replication.tests.support.articles import reprice

SHELF = get_service("shelf")


def told() -> dict[tuple[str, str], float]:
    """Every value by metric (without the common beginning) and copy or service."""
    return {
        (sample.name.removeprefix("bookstore_replication_"), "".join(sample.labels.values())): sample.value
        for family in StandingCollector(SHELF).collect()
        for sample in family.samples
    }


def test_it_tells_both_copies_and_the_service(seven_articles: Path) -> None:
    position = reprice()
    assert told() == {
        ("position", "shelf-1"): position,
        ("position", "shelf-2"): position,
        ("in_sync", "shelf-1"): 1,
        ("in_sync", "shelf-2"): 1,
        ("lag_entries", "shelf-1"): 0,
        ("lag_entries", "shelf-2"): 0,
        ("floor", "shelf"): position,
        ("epoch", "shelf"): told()["epoch", "shelf"],
    }


def test_a_copy_that_was_left_behind_lags(seven_articles: Path) -> None:
    epoch, aside = told()["epoch", "shelf"], replication_settings.files["shelf-2"].with_name("aside")
    replication_settings.files["shelf-2"].rename(aside)
    position = reprice()
    after = told()
    assert ("position", "shelf-2") not in after, "there is no file"
    assert after["in_sync", "shelf-2"] == 0
    assert after["epoch", "shelf"] == epoch + 1
    aside.rename(replication_settings.files["shelf-2"])
    assert told()["position", "shelf-2"] == position - 1
    assert told()["lag_entries", "shelf-2"] == 1


def test_without_a_witness_nothing_is_said_that_rests_on_it(seven_articles: Path) -> None:
    SHELF.witness_file.write_bytes(b"nonsense")
    assert {name for name, _ in told()} == {"position"}
