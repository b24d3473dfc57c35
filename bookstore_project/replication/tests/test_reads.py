"""A gated read is never older than what was acknowledged: it waits, or the replica says why it can't promise."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from django.db import connections

from bookstore_project.replication import failpoints, maintenance_log, reads
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Unavailable, WriteRefused
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.locks.mutex import writer_lock
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness, write_witness
from bookstore_project.replication.sqlite_pair.reading import gate
from bookstore_project.replication.tests.shelf.models import Article
from bookstore_project.replication.tests.support.articles import REPRICE, price_of, reprice
from bookstore_project.replication.tests.support.maintenance import Maintenance
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, change_around, floor
from bookstore_project.replication.transaction import run
from tests.actors import Actor, Pause
from tests.clock import START_S, Clock
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.every_engine


def test_a_read_sees_the_acknowledged_write(seven_articles: Path) -> None:
    position = reprice()
    assert price_of(1, "shelf-1") == price_of(1, "shelf-2") == ("5.00", position)


def test_all_queries_of_a_read_see_one_moment(seven_articles: Path) -> None:
    with reads.reading("shelf", alias="shelf-2") as snapshot:
        Actor(reprice).result()
        assert Article.objects.get(pk=1).price == 30
        assert snapshot.position == floor("shelf") - 1
    assert price_of(1, "shelf-2") == ("5.00", floor("shelf"))


def test_a_read_inside_a_transaction_sees_its_changes(seven_articles: Path) -> None:
    def change() -> str:
        Article.objects.filter(pk=1).update(**REPRICE)
        return price_of(1, "shelf-1")[0]

    assert run("shelf", change).value == "5.00"


# ------------------------------------------------------------------------------------------- writes in doubt


@pytest.fixture
def doubtful(seven_articles: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Actor]:
    """A write of article 1 that both files hold and nobody may see yet, until the returned function is called."""
    monkeypatch.setattr(gate, "DOUBT_TIMEOUT_S", PATIENCE_S)
    pause = Pause()
    failpoints.hooks["committed"] = pause
    writer = Actor(reprice)
    pause.wait_until_reached()

    def finish() -> Actor:
        pause.let_go()
        return writer

    return finish


@pytest.mark.two_files
def test_a_read_that_a_write_in_doubt_does_not_touch_goes_through(doubtful: Callable[[], Actor]) -> None:
    settled = floor("shelf")
    assert price_of(2, "shelf-1", ("article:2",)) == ("25.50", settled)
    assert price_of(2, "shelf-2", ("article:2", "kind:things for spring")) == ("25.50", settled)
    doubtful().result()


def test_whether_a_replica_can_be_read_is_told_while_a_write_waits(doubtful: Callable[[], Actor]) -> None:
    """A writer may wait for the lease of a front that is gone: the replicas are well meanwhile, and say so."""
    asked = Actor(lambda: reads.assert_readable("shelf"))
    asked.join(PATIENCE_S)
    is_answered = not asked.is_alive()
    doubtful().result()
    asked.result()
    assert is_answered


@pytest.mark.two_files
@pytest.mark.parametrize("keys", [("article:1",), ("kind:tools",), ("article:2", "article:1"), ()])
def test_a_read_that_a_write_in_doubt_may_touch_waits_for_it(
    doubtful: Callable[[], Actor], keys: tuple[str, ...]
) -> None:
    pause = Pause()
    failpoints.hooks["gate-snapshot"] = pause
    reader = Actor(lambda: price_of(1, "shelf-2", keys))
    pause.wait_until_reached()
    pause.let_go()
    reader.join(0.1)
    assert reader.is_alive(), "it answered while the write was in doubt"
    position = doubtful().result()
    assert reader.result() == ("5.00", position)


@pytest.mark.two_files
def test_a_reader_that_waits_too_long_for_a_living_writer_says_so(
    doubtful: Callable[[], Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "DOUBT_TIMEOUT_S", 0.02)
    monkeypatch.setattr(replication_settings, "write_wait_s", 0.05)
    with pytest.raises(Unavailable):
        price_of(1, "shelf-2")
    doubtful().result()
    assert price_of(1, "shelf-2")[0] == "5.00"


@pytest.mark.two_files
def test_a_reader_that_waits_looks_less_often_the_longer_it_waits(
    doubtful: Callable[[], Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, looked_at = Clock(), list[float]()
    clock.while_asleep = lambda: looked_at.append(clock.now)
    monkeypatch.setattr(gate, "time", clock)
    monkeypatch.setattr(gate, "DOUBT_TIMEOUT_S", 0.25)
    monkeypatch.setattr(replication_settings, "write_wait_s", 0.05)
    with pytest.raises(Unavailable):
        price_of(1, "shelf-2")
    doubtful().result()
    assert START_S + 0.25 < looked_at[-1] < START_S + 0.3
    assert len(looked_at) < 60


@pytest.mark.two_files
def test_membership_counts_as_it_stands_after_the_snapshot(seven_articles: Path) -> None:
    path = get_service("shelf").witness_file

    def evict() -> None:
        witness = read_witness(path)
        write_witness(path, replace(witness, in_sync=("shelf-1",)), sync=False)

    failpoints.hooks["gate-snapshot"] = evict
    with pytest.raises(Unavailable, match="shelf-2 is out of sync"):
        price_of(1, "shelf-2")
    del failpoints.hooks["gate-snapshot"]
    assert price_of(1, "shelf-1")[0] == "30.00"


@pytest.mark.two_files
@pytest.mark.parametrize("damage", ["UPDATE shelf_article SET price = 1", "DELETE FROM shelf_article"])
@pytest.mark.parametrize("is_locked", [False, True], ids=["at once", "when the lock is free"])
def test_a_damaged_row_is_no_answer_and_gets_its_file_rebuilt(
    seven_articles: Path, damage: str, is_locked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "REPORT_TIMEOUT_S", 0.02)
    maintenance = Maintenance(get_service("shelf"))
    maintenance.step()  # The first round never scrubs.
    change_around("shelf-2", "PRAGMA foreign_keys = OFF", f"{damage} WHERE id = 3")
    with (
        writer_lock(get_service("shelf").lock_dir, timeout_s=5) if is_locked else nullcontext(),
        pytest.raises(Unavailable, match="row 3 of shelf_article isn't what the log says"),
        reads.reading("shelf", alias="shelf-2"),
    ):
        reads.get_verified(Article, 3)
    assert maintenance_log.is_scrub_requested("shelf") == is_locked
    if is_locked:
        maintenance.step()
    assert read_witness(get_service("shelf").witness_file).in_sync == ("shelf-1",)
    maintenance.step()
    with reads.reading("shelf", alias="shelf-2"):
        assert reads.get_verified(Article, 3) == Article.objects.get(pk=3)
        assert reads.get_verified(Article, 99) is None
    assert_copies_equal("shelf")


def test_an_os_error_of_the_readers_own_is_no_fault_of_the_file(seven_articles: Path) -> None:
    with pytest.raises(BrokenPipeError), reads.reading("shelf", alias="shelf-1"):
        raise BrokenPipeError("his own")


# --------------------------------------------------------------------------------------- two copies, side by side


@pytest.mark.two_files
def test_a_second_copy_is_read_beside_the_first(seven_articles: Path) -> None:
    with reads.reading("shelf", alias="shelf-2"), reads.reading_beside("shelf", "shelf-1") as beside:
        assert Article.objects.get(pk=1).price == 30
        assert Article.objects.get(pk=1)._state.db == "shelf-1"
        assert beside.touched == frozenset()


@pytest.mark.two_files
def test_what_was_written_between_the_two_reads_is_told(seven_articles: Path) -> None:
    with reads.reading("shelf", alias="shelf-2"):
        Actor(reprice).result()
        with reads.reading_beside("shelf", "shelf-1") as beside:
            assert Article.objects.get(pk=1).price == 5
            assert "article:1" in beside.touched
            assert "article:2" not in beside.touched
        assert Article.objects.get(pk=1).price == 30


@pytest.mark.two_files
def test_a_copy_that_cannot_be_read_beside_another_says_why_and_harms_nothing(seven_articles: Path) -> None:
    connections["shelf-1"].close()
    replication_settings.files["shelf-1"].unlink()
    with reads.reading("shelf", alias="shelf-2"):
        with (
            pytest.raises(Unavailable, match="shelf-1 can't be read"),
            reads.reading_beside("shelf", "shelf-1"),
        ):
            pass
        assert Article.objects.get(pk=1).price == 30
    run("shelf", lambda: None)  # Who asks that copy itself reports it.
    with (
        reads.reading("shelf", alias="shelf-2"),
        pytest.raises(Unavailable, match="out of sync"),
        reads.reading_beside("shelf", "shelf-1"),
    ):
        pass


@pytest.mark.two_files
def test_a_write_in_doubt_is_not_shown_beside(seven_articles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "DOUBT_TIMEOUT_S", 0.02)
    with reads.reading("shelf", alias="shelf-2"):
        pause = Pause()
        failpoints.hooks["committed"] = pause
        writer = Actor(reprice)
        pause.wait_until_reached()
        with pytest.raises(Unavailable, match="in doubt"), reads.reading_beside("shelf", "shelf-1"):
            pass
        pause.let_go()
        writer.result()


@pytest.mark.two_files
def test_a_copy_of_another_history_is_not_compared(seven_articles: Path) -> None:
    with reads.reading("shelf", alias="shelf-2"):
        change_around("shelf-1", "UPDATE replication_logentry SET hash = 'x'")
        with pytest.raises(Unavailable, match="another history"), reads.reading_beside("shelf", "shelf-1"):
            pass


@pytest.mark.parametrize("alias", ["shelf-1", "shelf-2"])
def test_a_copy_is_compared_inside_of_a_read_of_another_alone(seven_articles: Path, alias: str) -> None:
    with pytest.raises(WriteRefused), reads.reading_beside("shelf", alias):
        pass
    with (
        pytest.raises(WriteRefused),
        reads.reading("shelf", alias=alias),
        reads.reading_beside("shelf", alias),
    ):
        pass
