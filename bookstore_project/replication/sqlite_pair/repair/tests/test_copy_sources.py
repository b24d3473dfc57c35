"""Whom a copy is made of, and what becomes of the file in whose place it is put."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections

from bookstore_project import sqlite_files
from bookstore_project.replication import failpoints, maintenance_log
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import ReplicaFault, Unavailable
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.files import backup_copy, source
from bookstore_project.replication.sqlite_pair.operator import quarantine
from bookstore_project.replication.sqlite_pair.operator.status import status
from bookstore_project.replication.sqlite_pair.repair import rejoin
from bookstore_project.replication.tests.shelf.services import restock
from bookstore_project.replication.tests.support.articles import witness
from bookstore_project.replication.tests.support.departures import decide, leave_behind
from bookstore_project.replication.tests.support.maintenance import Maintenance
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, change_around, head, opened
from bookstore_project.replication.tests.support.strangers import lose, overwrite, read_bytes
from tests.configured import replication

SHELF = get_service("shelf")
FIRST, SECOND = replication_settings.files["shelf-1"], replication_settings.files["shelf-2"]


@pytest.fixture(autouse=True)
def short_leases() -> Iterator[None]:
    with replication(LEASE_S=0.01):
        yield


def cut_off_the_wal(alias: str) -> None:
    """While nothing runs, somebody removes the -wal: what it held is lost."""
    connections.close_all()
    for suffix in ("-wal", "-shm"):
        replication_settings.files[alias].with_name(f"shelf.sqlite3{suffix}").unlink()


@pytest.fixture
def short_donor(seven_articles: Path) -> None:
    """shelf-2 is out, two entries behind; shelf-1, the only one in sync, has lost more."""
    for _ in range(3):
        restock()
    leave_behind("shelf-2", times=2)
    cut_off_the_wal("shelf-1")
    assert head("shelf-1") < head("shelf-2") == witness().floor - 2


def test_no_copy_is_made_of_a_file_that_ends_below_the_floor(short_donor: None) -> None:
    before = SECOND.read_bytes()
    maintenance = Maintenance(SHELF)
    for who in ("No replica of shelf can be written", "There is nothing to repair from: shelf-1 is suspected"):
        with pytest.raises(Unavailable, match=f"{who}.*its log ends at"):
            maintenance.step()
    with pytest.raises(Unavailable, match="its log ends at"):
        restock()
    assert (witness().in_sync, set(witness().suspects)) == (("shelf-1",), {"shelf-1"})
    assert SECOND.read_bytes() == before
    assert quarantine.quarantined("shelf-2") == []


def test_what_is_promoted_instead_loses_no_more_than_it_lacks(short_donor: None) -> None:
    with pytest.raises(Unavailable):
        Maintenance(SHELF).step()
    assert "are settled: 2 entries." in decide("promote", "shelf-2")
    Maintenance(SHELF).step()
    restock()
    assert_copies_equal("shelf")


def test_nothing_says_that_such_a_file_is_in_sync(short_donor: None) -> None:
    """Neither before it was found, nor after."""
    for is_found in (False, True):
        found = status(SHELF)
        assert [file.alias for file in found.files if file.in_sync] == []
        assert not found.is_whole
        told = StringIO()
        with pytest.raises(CommandError, match="Not in sync"):
            call_command("replication", "status", "--service", "shelf", stdout=told)
        assert "in sync, " not in told.getvalue()
        assert ("SUSPECTED since" if is_found else "AT FAULT: its log ends at") in told.getvalue()
        with pytest.raises(Unavailable):
            Maintenance(SHELF).step()


@pytest.mark.processes
def test_a_donor_that_is_spoilt_while_it_is_copied_is_none(seven_articles: Path) -> None:
    restock()
    lose("shelf-2")
    restock()
    content = read_bytes(FIRST)
    failpoints.hooks["repair-copied"] = lambda: overwrite(FIRST, content)
    with pytest.raises(Unavailable, match="overwritten"):
        rejoin.repair(SHELF)
    assert not SECOND.exists()


def test_a_donor_that_is_suspected_when_its_copy_is_ready_is_none(seven_articles: Path) -> None:
    restock()
    lose("shelf-2")
    restock()

    def spoil() -> None:
        change_around("shelf-1", "UPDATE shelf_article SET quantity = 7 WHERE id = 1")
        with pytest.raises(Unavailable):
            restock()

    failpoints.hooks["repair-verified"] = spoil
    with pytest.raises(Unavailable, match="isn't rebuilt from shelf-1"):
        rejoin.repair(SHELF)
    assert not SECOND.exists()


SPOILS = {
    "a shorter log": ("DELETE FROM replication_logentry WHERE position > 0", "below the settled position"),
    "a broken chain": ("UPDATE replication_logentry SET payload = '[]' WHERE position = 3", "hash chain breaks"),
    "another nonce": ("UPDATE replication_incarnation SET nonce = 'x'", "another copy"),
    "a change by hand": ("UPDATE shelf_article SET price = 1 WHERE id = 7", "doesn't know"),
    "another number": ("PRAGMA user_version = 7", "isn.t what migrate wrote"),
}


@pytest.mark.parametrize("spoil", SPOILS)
def test_every_way_of_reading_a_copy_asks_for_the_same(seven_articles: Path, spoil: str) -> None:
    """Whoever copies, compares, rolls forward, scrubs or counts opens it in one way."""
    restock()
    restock()
    statement, complaint = SPOILS[spoil]
    with opened("shelf-1") as connection:
        connection.execute(statement)
    with pytest.raises((ReplicaFault, Unavailable), match=complaint), source.opened("shelf-1", witness()):
        pass
    with pytest.raises((ReplicaFault, Unavailable), match=complaint):
        backup_copy.make_draft(SHELF, "shelf-2", "shelf-1", witness())


# -------------------------------------------------------------------------------------------- put aside


@pytest.fixture
def maintenance(seven_articles: Path) -> Maintenance:
    return Maintenance(SHELF)


def spoil_and_rebuild(maintenance: Maintenance, times: int) -> None:
    for _ in range(times):
        change_around("shelf-2", "UPDATE shelf_article SET price = 1 WHERE id = 7")
        maintenance.scrub()
        maintenance.step()
    assert witness().in_sync == ("shelf-1", "shelf-2")


def lose_history(maintenance: Maintenance) -> None:
    """shelf-1 is promoted, though shelf-2 holds two changes that it lacks."""
    leave_behind("shelf-1", times=2)
    change_around("shelf-2", "UPDATE shelf_article SET price = 1 WHERE id = 7")
    decide("promote", "shelf-1")
    maintenance.step()


def test_what_was_put_aside_is_never_overwritten(maintenance: Maintenance) -> None:
    lose_history(maintenance)
    lose_history(maintenance)
    spoil_and_rebuild(maintenance, 2)
    files = quarantine.quarantined("shelf-2")
    assert len({file.path for file in files}) == 4
    for file in files[:2]:
        with sqlite_files.opened(file.path) as aside:
            assert aside.execute("SELECT price FROM shelf_article WHERE id = 7").fetchone() == (1,)


def test_two_files_put_aside_in_one_second_are_both_kept(tmp_path: Path) -> None:
    path = tmp_path / "shelf.sqlite3"
    for number in range(3):
        path.write_text(str(number))
        path.with_name(f"{path.name}-wal").write_text(f"of {number}")
        aside = backup_copy.put_aside(path)
        assert aside.with_name(f"{aside.name}-wal").read_text() == f"of {number}"
    kept = [each.read_text() for each in tmp_path.iterdir() if not each.name.endswith("-wal")]
    assert sorted(kept) == ["0", "1", "2"]


def test_of_what_nobody_needs_the_newest_few_are_kept(maintenance: Maintenance) -> None:
    lose_history(maintenance)
    (lost,) = quarantine.quarantined("shelf-2")
    spoil_and_rebuild(maintenance, quarantine.KEPT_WITHOUT_NEED + 2)
    files = quarantine.quarantined("shelf-2")
    assert len(files) == 1 + quarantine.KEPT_WITHOUT_NEED
    assert files[0] == lost


def test_the_operator_sees_what_is_in_them_and_removes_them(maintenance: Maintenance) -> None:
    lose_history(maintenance)
    spoil_and_rebuild(maintenance, 1)
    lost, spare = quarantine.quarantined("shelf-2")
    told = decide("quarantine", yes=False)
    assert f"{lost.name}  " in told
    assert "holds what shelf-1 lacks:\n    position 2: article 1\n    position 2: movement 8\n" in told
    assert told.index(lost.name) < told.index(spare.name)
    assert "nothing that shelf-1 lacks" in told[told.index(spare.name) :]
    with pytest.raises(CommandError, match=r"There is no such file: elsewhere\. Nothing was removed"):
        decide("quarantine", "--remove", "elsewhere", spare.name)
    with pytest.raises(CommandError, match="say --yes"):
        decide("quarantine", "--remove", "all", yes=False)
    assert quarantine.quarantined("shelf-2") == [lost, spare]
    assert "1 removed." in decide("quarantine", "--remove", spare.name)
    assert quarantine.quarantined("shelf-2") == [lost]
    assert "1 removed." in decide("quarantine", "--remove", "all")
    assert list(SECOND.parent.glob("*.quarantine*")) == []
    assert "No file was put aside" in decide("quarantine", yes=False)


def test_status_says_how_much_was_put_aside(maintenance: Maintenance) -> None:
    spoil_and_rebuild(maintenance, 1)
    told = StringIO()
    call_command("replication", "status", "--service", "shelf", stdout=told)
    assert "put aside: 1 files, " in told.getvalue()
    (file,) = status(SHELF).as_dict()["quarantined"]
    assert file["file"].startswith("shelf-2/shelf.sqlite3.quarantine-")


def test_a_copy_that_could_not_rejoin_at_once_is_not_copied_again(
    seven_articles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each copy would put the one before it aside."""
    SECOND.unlink()
    restock()

    def refuse() -> None:
        failpoints.hooks.clear()
        raise Unavailable("Another writer holds the lock.")

    failpoints.hooks["repair-rolled"] = refuse
    with pytest.raises(Unavailable):
        rejoin.repair(SHELF)
    nonce = witness().files["shelf-2"].nonce
    rejoin.repair(SHELF)
    assert witness().files["shelf-2"].nonce == nonce
    repaired = maintenance_log.last_repair("shelf")
    assert repaired is not None
    assert repaired["means"] == "log"
    assert quarantine.quarantined("shelf-2") == []
    assert_copies_equal("shelf")
