"""Catching up by the log: in batches, in transactions of bounded size, and never onto what isn't the same."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F

from bookstore_project.replication import failpoints
from bookstore_project.replication.log import catchup, entries, images
from bookstore_project.replication.sqlite_pair.files import scrub
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness, write_witness
from bookstore_project.replication.sqlite_pair.repair import rejoin
from bookstore_project.replication.tests.shelf.models import Article, Note
from bookstore_project.replication.tests.shelf.services import restock
from bookstore_project.replication.tests.support import shelf_histories as histories
from bookstore_project.replication.tests.support.maintenance import Maintenance
from bookstore_project.replication.tests.support.replica_files import (
    KilledAt,
    assert_copies_equal,
    change_around,
    head,
    opened,
)
from bookstore_project.replication.tests.support.shelf_histories import ARTICLES, SHELF
from bookstore_project.replication.transaction import run

BOTH = ("shelf-1", "shelf-2")


@pytest.fixture(autouse=True)
def alone(seven_articles: Path) -> Iterator[None]:
    """The second copy is out of sync, where it stands; afterwards it is back, and equal."""
    witness = read_witness(SHELF.witness_file)
    write_witness(SHELF.witness_file, replace(witness, in_sync=("shelf-1",)), sync=True)
    yield
    assert read_witness(SHELF.witness_file).in_sync == BOTH
    assert_copies_equal("shelf")


def edit(count: int) -> None:
    histories.edit(count, ("shelf-1",))


def rejoined() -> tuple[str, int]:
    (repaired,) = rejoin.repair(SHELF)
    return repaired.means, repaired.entries


CODES = ("9780306406157", "9780198526636")
KEY = uuid.UUID(int=7)


def name(first: str, second: str) -> None:
    """Articles 1 and 2 get these codes, which may have been the other's."""
    Article.objects.filter(pk=1).update(code=None, version=F("version") + 1)
    Article.objects.filter(pk=2).update(code=second, version=F("version") + 1)
    Article.objects.filter(pk=1).update(code=first)


def make_a_note() -> None:
    Note.objects.create(key=KEY)


def forget_it() -> None:
    Note.objects.filter(key=KEY).delete()


def make_history() -> int:
    """Rows that come, go, come again, and swap a unique value; how many entries that takes."""
    changes: list[Callable[[], None]] = [
        lambda: name(*CODES),
        make_a_note,
        lambda: name(*reversed(CODES)),
        forget_it,
        make_a_note,
        lambda: name(*CODES),
        forget_it,
    ]
    for change in changes:
        run("shelf", change)
        restock()
    return 2 * len(changes)


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_rows_end_as_the_last_entry_has_them_whatever_the_size_of_a_batch(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(catchup, "BATCH_ENTRIES", size)
    monkeypatch.setattr(rejoin, "TRANSACTION_ENTRIES", 5)
    count = make_history()
    assert rejoined() == ("log", count)


def test_a_batch_is_bounded_in_bytes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catchup, "BATCH_BYTES", 1)
    count = make_history()
    assert rejoined() == ("log", count)


CATCH_UP = """
from bookstore_project.replication.sqlite_pair.repair import rejoin
from bookstore_project.replication.service import get_service
rejoin.TRANSACTION_ENTRIES = 50
rejoin.repair(get_service("shelf"))
"""


@pytest.mark.processes
def test_a_kill_loses_one_transaction_of_it(killed_at: KilledAt) -> None:
    edit(120)
    before = head("shelf-2")
    killed_at("repair-rolled-some", CATCH_UP)
    assert head("shelf-2") == before + 50
    assert rejoined() == ("log", 70)


def test_it_is_told_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejoin, "TRANSACTION_ENTRIES", 25)
    edit(100)
    told: list[tuple[str, float]] = []
    rejoin.repair(SHELF, lambda what, part: told.append((what, part)))
    assert told == [("catching up shelf-2", part) for part in (0.25, 0.5, 0.75, 1.0)]


def test_what_is_written_during_verification_is_rolled_forward_before_the_lock_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    edit(10)
    under_lock: list[int] = []
    roll_and_readmit = rejoin._roll_and_readmit

    def counted(*args: Any) -> int:
        under_lock.append(roll_and_readmit(*args))
        return under_lock[-1]

    monkeypatch.setattr(rejoin, "_roll_and_readmit", counted)
    failpoints.hooks["repair-caught-up"] = lambda: edit(30)
    assert rejoined() == ("log", 40)
    assert under_lock == [0]


def test_a_row_that_was_changed_with_its_digest_is_not_let_in() -> None:
    """Each file is sound by its own account, once the log doesn't tell of the row any more."""
    _forge("shelf-2", 7)
    restock()
    with opened("shelf-2") as forged, opened("shelf-1") as other:
        entries.drop_before(forged, entries.read_head(forged).position)
        assert scrub.findings(forged, SHELF) == []
        assert scrub.difference(forged, other) == "the two files have different digests of row 7 of shelf_article"
    assert rejoined()[0] == "copy"


def _forge(alias: str, article_id: int) -> None:
    change_around(alias, f"UPDATE {ARTICLES.table} SET price = 1 WHERE id = {article_id}")
    with opened(alias) as connection:
        digest = images.digest(images.read_image(connection, SHELF.tables[ARTICLES.table], article_id))
    change_around(
        alias,
        f"UPDATE replication_rowdigest SET digest = '{digest}' "
        f"WHERE \"table\" = '{ARTICLES.table}' AND \"key\" = '{article_id}'",
    )


def test_a_log_that_departs_is_not_built_upon() -> None:
    with opened("shelf-2") as connection:
        histories.append(list(ARTICLES.edits(connection, 1)), ["shelf-2"])
    restock()
    assert rejoined()[0] == "copy"


def test_a_broken_chain_in_the_other_log_stops_it() -> None:
    edit(20)
    change_around("shelf-1", f"UPDATE replication_logentry SET keys = '[]' WHERE position = {head('shelf-1') - 5}")
    before = head("shelf-2")
    with opened("shelf-1") as source, opened("shelf-2") as target:
        target.execute("BEGIN")
        with pytest.raises(entries.BrokenChain, match="breaks at position"):
            catchup.roll_forward(source, target, SHELF)
        target.execute("ROLLBACK")
    assert head("shelf-2") == before
    change_around(
        "shelf-1",
        f"UPDATE replication_logentry SET keys = '[\"article:1\"]' WHERE keys = '[]' AND position > {before}",
    )
    Maintenance(SHELF).step()
