"""A writer that dies between any two steps: what it left is finished, once, and never seen half."""

import uuid
from pathlib import Path

import pytest

from bookstore_project.replication import failpoints, reads
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from bookstore_project.replication.tests.shelf.models import Article
from bookstore_project.replication.tests.shelf.services import take
from bookstore_project.replication.tests.support.maintenance import Maintenance
from bookstore_project.replication.tests.support.replica_files import (
    KilledAt,
    Rows,
    assert_copies_equal,
    floor,
    head,
    opened,
    rows,
)
from bookstore_project.replication.transaction import run, settle

pytestmark = pytest.mark.processes

RECEIPT = uuid.UUID(int=42)
TAKE = (
    "import uuid; from bookstore_project.replication.tests.shelf.services import take\ntake(1, 3, uuid.UUID(int=42))"
)
POINTS = ["begun", "before-commit", "committed-shelf-1", "committed-shelf-2", "committed", "invalidated", "floor"]
BEFORE_ANY_COMMIT = POINTS[:2]


def is_repeated() -> bool:
    """Whether who tries it again finds it done."""
    return not take(1, 3, RECEIPT).changes


def movements(alias: str) -> Rows:
    return rows(alias, f"SELECT count(*) FROM shelf_movement WHERE receipt = '{RECEIPT.hex}'")


@pytest.mark.parametrize("point", POINTS)
def test_a_change_cut_short_is_made_once_by_the_retry(seven_articles: Path, killed_at: KilledAt, point: str) -> None:
    killed_at(point, TAKE)
    assert is_repeated() is (point not in BEFORE_ANY_COMMIT)
    for alias in ("shelf-1", "shelf-2"):
        assert movements(alias) == [(1,)]
        assert rows(alias, "SELECT quantity FROM shelf_article WHERE id = 1") == [(47,)]
    assert_copies_equal("shelf")


@pytest.mark.parametrize("first", ["shelf-1", "shelf-2"])
@pytest.mark.parametrize("point", ["committed-shelf-1", "committed"])
def test_no_read_shows_old_after_new(seven_articles: Path, killed_at: KilledAt, point: str, first: str) -> None:
    killed_at(point, TAKE)
    second = "shelf-2" if first == "shelf-1" else "shelf-1"
    seen = []
    for alias in (first, second, first):
        with reads.reading("shelf", alias=alias):
            seen.append(Article.objects.get(pk=1).quantity)
    assert seen == sorted(seen, reverse=True), "an old value came after the new one"
    settle("shelf")
    assert_copies_equal("shelf")


def test_a_read_finishes_what_a_dead_writer_left(seven_articles: Path, killed_at: KilledAt) -> None:
    before = floor("shelf")
    killed_at("committed", TAKE)
    assert floor("shelf") == before
    with reads.reading("shelf", alias="shelf-2") as snapshot:
        assert snapshot.position == before + 1
        assert Article.objects.get(pk=1).quantity == 47
    assert_copies_equal("shelf")


def test_an_entry_on_one_file_only_is_rolled_forward_before_the_next_write(
    seven_articles: Path, killed_at: KilledAt
) -> None:
    before = head("shelf-2")
    killed_at("committed-shelf-1", TAKE)
    assert (head("shelf-1"), head("shelf-2")) == (before + 1, before)
    committed = run("shelf", lambda: Article.objects.get(pk=2).save())
    assert committed.position == before + 2
    assert_copies_equal("shelf")


@pytest.mark.parametrize("point", ["settle-rolled", "settle-committed", "settle-invalidated"])
def test_a_settler_that_dies_too_is_no_different(seven_articles: Path, killed_at: KilledAt, point: str) -> None:
    killed_at("committed-shelf-1", TAKE)
    killed_at(point, 'from bookstore_project.replication.transaction import settle; settle("shelf")')
    assert is_repeated() is True
    assert movements("shelf-1") == movements("shelf-2") == [(1,)]
    assert_copies_equal("shelf")


def test_a_settled_entry_is_invalidated_before_it_becomes_visible(
    seven_articles: Path, killed_at: KilledAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_at("committed", TAKE)
    told: list[tuple[int, int, list[str]]] = []
    monkeypatch.setattr(
        "bookstore_project.replication.invalidation.pushes.invalidate",
        lambda timeline, entries: told.extend((floor("shelf"), e.position, e.cache_keys) for e in entries),
    )
    before = floor("shelf")
    settle("shelf")
    assert told == [(before, before + 1, ["article:1"])]


def test_a_repeat_that_changes_nothing_is_answered_after_settling(seven_articles: Path, killed_at: KilledAt) -> None:
    killed_at("committed-shelf-1", TAKE)
    order: list[str] = []
    failpoints.hooks["settle-invalidated"] = lambda: order.append("settled")
    assert is_repeated() is True
    assert order == ["settled"]
    assert floor("shelf") == head("shelf-1") == head("shelf-2")


@pytest.mark.parametrize(
    ("alias", "damage", "complaint"),
    [
        ("shelf-2", "hash = 'another'", "departs"),
        ("shelf-1", "payload = replace(payload, '47', '48')", "hash chain breaks"),
    ],
)
def test_a_log_that_does_not_fit_is_not_rolled_forward(
    seven_articles: Path, killed_at: KilledAt, alias: str, damage: str, complaint: str
) -> None:
    killed_at("committed-shelf-1", TAKE)
    with opened(alias) as connection:
        connection.execute(f"UPDATE replication_logentry SET {damage} WHERE position = {head(alias)}")
    is_repeated()
    witness = read_witness(get_service("shelf").witness_file)
    assert alias not in witness.in_sync
    assert complaint in witness.out[alias].reason
    Maintenance(get_service("shelf")).step()
    assert_copies_equal("shelf")
    assert rows(alias, "SELECT quantity FROM shelf_article WHERE id = 1") == [(47,)]
