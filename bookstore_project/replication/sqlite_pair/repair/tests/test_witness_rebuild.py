"""The witness at fault: what can't be used is refused, and made anew where both copies agree."""

import fcntl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bookstore_project.replication import failpoints
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.membership.witness import (
    SLOT_BYTES,
    read_witness,
    write_witness,
)
from bookstore_project.replication.sqlite_pair.repair.witness_rebuild import rebuild_witness
from bookstore_project.replication.tests.support.articles import price_of, reprice, witness
from bookstore_project.replication.tests.support.maintenance import Maintenance
from bookstore_project.replication.tests.support.replica_files import (
    KilledAt,
    Obedient,
    assert_copies_equal,
    change_around,
    head,
    held,
    python,
)

SHELF = get_service("shelf")
REPRICE = "from bookstore_project.replication.tests.support.articles import reprice; reprice()"


@pytest.fixture(autouse=True)
def short_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replication_settings, "lease_s", 0.1)


@pytest.fixture
def old(seven_articles: Path) -> bytes:
    """The witness as it was before the last write."""
    old = SHELF.witness_file.read_bytes()
    reprice()
    reprice(2)
    return old


def put_back(old: bytes) -> None:
    SHELF.witness_file.write_bytes(old)


def _rename_to_witness(old: bytes) -> None:
    draft = SHELF.witness_file.with_name("other")
    draft.write_bytes(old)
    draft.replace(SHELF.witness_file)


WAYS: dict[str, Callable[[bytes], object]] = {
    "missing": lambda old: SHELF.witness_file.unlink(),
    "garbled": lambda old: put_back(b"\xa5" * 2 * SLOT_BYTES),
    "empty": lambda old: put_back(b""),
    "half": lambda old: put_back(old[:100]),
    "an old copy, in place": put_back,
    "an old copy, by rename": _rename_to_witness,
}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_goes_by_it_and_it_is_made_anew(old: bytes, way: str) -> None:
    timeline, floor = witness().timeline, witness().floor
    WAYS[way](old)
    for attempt in (reprice, lambda: price_of(1, "shelf-1"), lambda: price_of(1, "shelf-2")):
        with pytest.raises(Unavailable, match="witness"):
            attempt()
    Maintenance(SHELF).step()
    assert witness().timeline != timeline
    assert witness().floor == floor
    assert price_of(1, "shelf-2") == ("5.00", floor)
    assert reprice(3) == floor + 1
    assert_copies_equal("shelf")


@pytest.mark.processes
def test_an_old_copy_is_found_by_a_process_that_never_met_the_newer_one(seven_articles: Path) -> None:
    old = SHELF.witness_file.read_bytes()
    with held("shelf-2"):
        reprice()
    assert witness().in_sync == ("shelf-1",)
    put_back(old)
    code = "from bookstore_project.replication.tests.support.articles import *\n"
    for attempt in ("price_of(1, 'shelf-2')", "price_of(1, 'shelf-1')", "reprice()"):
        with python(f"{code}try: {attempt}\nexcept Exception as error: print(error)") as stranger:
            assert "stale" in stranger.communicate()
    Maintenance(SHELF).step()
    assert price_of(1, "shelf-2")[0] == "5.00"
    assert_copies_equal("shelf")


def test_an_old_copy_from_before_a_rebuild_is_found(old: bytes) -> None:
    newest = SHELF.witness_file.read_bytes()
    SHELF.witness_file.unlink()
    assert rebuild_witness(SHELF)
    put_back(newest)
    with pytest.raises(Unavailable, match="stale"):
        price_of(1, "shelf-1")


@pytest.mark.processes
def test_the_longer_log_counts_and_the_shorter_is_rolled_forward(seven_articles: Path, killed_at: KilledAt) -> None:
    killed_at("committed-shelf-1", REPRICE)
    assert head("shelf-1") == head("shelf-2") + 1
    SHELF.witness_file.unlink()
    rebuild_witness(SHELF)
    assert witness().in_sync == ("shelf-1",)
    Maintenance(SHELF).step()
    assert price_of(1, "shelf-2") == ("5.00", head("shelf-1"))
    assert_copies_equal("shelf")


def test_it_waits_until_no_front_can_use_what_it_has_cached(old: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    monkeypatch.setattr(
        "bookstore_project.replication.sqlite_pair.repair.witness_rebuild.wait_out_leases",
        lambda: order.append("waited"),
    )
    failpoints.hooks["rebuild-agreed"] = lambda: order.append("no witness" if _is_unusable() else "witness")
    SHELF.witness_file.unlink()
    rebuild_witness(SHELF)
    assert order == ["no witness", "waited"]


def _is_unusable() -> bool:
    try:
        witness()
    except Unavailable:
        return True
    return False


def test_a_witness_that_was_put_back_meanwhile_is_kept(old: bytes) -> None:
    content = SHELF.witness_file.read_bytes()
    before = witness()
    SHELF.witness_file.unlink()
    failpoints.hooks["rebuild-agreed"] = lambda: put_back(content)
    assert rebuild_witness(SHELF) is False
    assert witness() == before


def _damage() -> None:
    change_around("shelf-2", "UPDATE shelf_article SET price = 1 WHERE id = 7")


def _depart() -> None:
    change_around("shelf-2", f"UPDATE replication_logentry SET hash = 'x' WHERE position = {head('shelf-2')}")


@pytest.mark.parametrize("damage", [_damage, _depart, replication_settings.files["shelf-1"].unlink])
def test_it_is_not_made_where_the_copies_do_not_agree(old: bytes, damage: Callable[[], None]) -> None:
    damage()
    SHELF.witness_file.unlink()
    with pytest.raises(Unavailable, match=r"manage\.py replication adopt"):
        Maintenance(SHELF).step()
    assert not SHELF.witness_file.exists()
    with pytest.raises(Unavailable, match="witness"):
        reprice()


@pytest.mark.processes
def test_a_rebuilder_killed_anywhere_is_followed_by_one_that_finishes(old: bytes, killed_at: KilledAt) -> None:
    SHELF.witness_file.unlink()
    killed_at(
        "rebuild-agreed",
        "from bookstore_project.replication import service\n"
        "from bookstore_project.replication.sqlite_pair.repair import witness_rebuild\n"
        "witness_rebuild.rebuild_witness(service.get_service('shelf'))",
    )
    assert rebuild_witness(SHELF)
    assert_copies_equal("shelf")


# ------------------------------------------------------------------------------- what is no reason to rebuild it


@pytest.mark.parametrize("lock", [fcntl.flock, fcntl.lockf])
def test_a_lock_on_it_is_nobodys_business(old: bytes, lock: Callable[[int, int], object]) -> None:
    with SHELF.witness_file.open("r+b") as held:
        lock(held.fileno(), fcntl.LOCK_EX)
        reprice(3)
        assert price_of(3, "shelf-2")[0] == "5.00"


def test_reads_at_the_same_time_do_not_take_each_other_for_stale(seven_articles: Path) -> None:
    path = SHELF.witness_file
    older = read_witness(path)
    newer = write_witness(path, replace(older, floor=older.floor), sync=False)
    assert read_witness(path).counter == newer.counter


@pytest.mark.processes
def test_a_read_only_witness_is_replaced(old: bytes, obedient: Obedient) -> None:
    SHELF.witness_file.chmod(0o400)
    assert obedient(REPRICE) == ""
    assert price_of(1, "shelf-2")[0] == "5.00"
    assert_copies_equal("shelf")


@pytest.mark.processes
def test_a_read_only_witness_in_a_read_only_folder_stops_writes_alone(old: bytes, obedient: Obedient) -> None:
    SHELF.witness_file.chmod(0o400)
    SHELF.witness_file.parent.chmod(0o500)
    try:
        assert "The witness is read-only" in obedient(REPRICE)
        assert price_of(1, "shelf-2")[0] == "5.00"
    finally:
        SHELF.witness_file.parent.chmod(0o700)
    assert_copies_equal("shelf")
