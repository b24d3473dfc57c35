"""Something else in the place of what replication uses: healed where it can be, and never waited for."""

import json
import os
import shutil
import zlib
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connections
from pytest_django import Settings

from bookstore_project import sqlite_files
from bookstore_project.nodes import drains
from bookstore_project.replication import maintenance_log, reads
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.maintenance_log import Scrub
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.files import backup_copy
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from bookstore_project.replication.sqlite_pair.operator.commands.migrate import Command
from bookstore_project.replication.sqlite_pair.operator.status import status
from bookstore_project.replication.tests.support.articles import raise_price
from bookstore_project.replication.tests.support.maintenance import Maintenance
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, dump, opened
from bookstore_project.replication.transaction import run
from bookstore_project.settings import topology

SHELF = get_service("shelf")


def gone(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def folder(path: Path) -> None:
    (path / "within").mkdir(parents=True)


def link_in_a_circle(path: Path) -> None:
    path.symlink_to(path.name)


THINGS: dict[str, Callable[[Path], None]] = {
    "a folder": folder,
    "a pipe": os.mkfifo,
    "a link to nowhere": lambda path: path.symlink_to("nowhere"),
    "a link in a circle": link_in_a_circle,
}
things = pytest.mark.parametrize("thing", THINGS)


def put(thing: str, path: Path) -> None:
    gone(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    THINGS[thing](path)


@pytest.fixture
def store(seven_articles: Path, settings: Settings) -> Iterator[Path]:
    settings.REPLICATION = settings.REPLICATION | {"LEASE_S": 0}
    yield seven_articles
    connections.close_all()
    for path in (*seven_articles.glob("*.sqlite3*"), *seven_articles.glob("*/*.sqlite3*")):
        gone(path)
    shutil.rmtree(seven_articles / "aside", ignore_errors=True)


def heal() -> None:
    maintenance = Maintenance(SHELF)
    for _ in range(3):
        try:
            maintenance.step()
        except Unavailable:
            continue
    del maintenance


def assert_whole() -> None:
    assert status(SHELF).problem == ""
    assert read_witness(SHELF.witness_file).in_sync == ("shelf-1", "shelf-2")
    raise_price()
    assert_copies_equal("shelf")


@things
def test_in_the_witnesss_place(store: Path, thing: str) -> None:
    put(thing, SHELF.witness_file)
    with pytest.raises(Unavailable, match="can't be read"):
        raise_price()
    assert "can't be read" in status(SHELF).problem
    heal()
    assert_whole()


def test_a_file_in_the_place_of_the_witnesss_folder(store: Path) -> None:
    shutil.rmtree(SHELF.witness_file.parent)
    SHELF.witness_file.parent.write_text("no folder")
    heal()
    assert_whole()


def test_a_slot_with_a_right_checksum_that_says_nonsense(store: Path) -> None:
    body = b'{"files": 7}'
    slot = (b"%08x %s" % (zlib.crc32(body), body)).ljust(4095) + b"\n"
    SHELF.witness_file.write_bytes(slot * 2)
    with pytest.raises(Unavailable, match="is damaged"):
        raise_price()
    heal()
    assert_whole()


@pytest.mark.large
@things
@pytest.mark.parametrize("name", ["mutex", "turnstile", "caretaker"])
def test_in_a_locks_place(store: Path, name: str, thing: str) -> None:
    put(thing, SHELF.lock_dir / name)
    heal()
    assert_whole()
    assert (SHELF.lock_dir / name).is_dir()


def test_a_file_in_the_place_of_all_locks(store: Path) -> None:
    shutil.rmtree(replication_settings.data_dir / "locks", ignore_errors=True)
    (replication_settings.data_dir / "locks").write_text("no folder")
    assert_whole()


@things
def test_in_a_drained_marks_place(store: Path, thing: str) -> None:
    node = topology.replicas(topology.CATALOG)[0]
    put(thing, topology.DRAINED_DIR / node.name)
    assert drains.is_marked(node)
    assert drains.Drains().is_drained(node), "it counts, however it got there"
    drains.undrain(node)
    assert not drains.is_marked(node)
    put(thing, topology.DRAINED_DIR / node.name)
    drains.drain(node, by="ann", is_answering=lambda other: True)
    assert "drained by ann" in drains.Drains().reason(node)
    drains.undrain(node)


@things
def test_in_the_place_of_a_note_and_of_a_wish(store: Path, thing: str) -> None:
    put(thing, replication_settings.data_dir / "maintenance" / "shelf-scrub.json")
    assert maintenance_log.last_scrub("shelf") is None
    scrub = Scrub(at=maintenance_log.now(), found={})
    maintenance_log.note_scrub("shelf", scrub)
    assert maintenance_log.last_scrub("shelf") == scrub
    put(thing, replication_settings.data_dir / "maintenance" / "shelf-scrub-requested")
    maintenance_log.request_scrub("shelf")
    maintenance_log.clear_scrub_request("shelf", maintenance_log.scrub_requested_ns("shelf"))
    assert not maintenance_log.is_scrub_requested("shelf")


@pytest.mark.large
@things
@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal", ".draft"])
def test_in_the_place_of_a_database_file_or_beside_it(store: Path, suffix: str, thing: str) -> None:
    path = replication_settings.files["shelf-2"]
    connections.close_all()
    put(thing, path.with_name(path.name + suffix))
    raise_price()
    heal()
    gone(path.with_name(f"{path.name}-journal"))
    assert_whole()


def test_a_file_in_the_place_of_a_replicas_folder(store: Path) -> None:
    connections.close_all()
    shutil.rmtree(replication_settings.files["shelf-2"].parent)
    replication_settings.files["shelf-2"].parent.write_text("no folder")
    raise_price()
    heal()
    assert_whole()


@pytest.mark.parametrize("alias", ["shelf-1", "shelf-2"])
def test_a_link_to_the_other_replicas_folder_is_no_place_for_a_copy(store: Path, alias: str) -> None:
    """Both aliases would be one file, and its repair would put the only one aside."""
    (other,) = (name for name in SHELF.aliases if name != alias)
    connections.close_all()
    mine = replication_settings.files[alias].parent
    shutil.rmtree(mine)
    mine.symlink_to(other)
    raise_price()
    heal()
    assert_whole()
    assert not mine.is_symlink()


def test_the_folder_of_the_other_that_is_no_link_is_left_alone(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup_copy, "_is_same", lambda folder, other: True)
    with pytest.raises(Unavailable, match="is the folder of shelf-1"):
        backup_copy.new_draft("shelf-2")


@pytest.mark.parametrize("alias", ["shelf-1", "shelf-2"])
def test_a_number_that_somebody_wrote_into_one_files_header_is_that_files_fault(store: Path, alias: str) -> None:
    """And not a sign of other code: that stopped the service for good."""
    with opened(alias) as connection:
        connection.execute("PRAGMA user_version = 5")
    with pytest.raises(Unavailable, match="user_version"), reads.reading("shelf", alias=alias):
        pass
    raise_price()
    assert alias not in read_witness(SHELF.witness_file).in_sync
    heal()
    assert_whole()


@pytest.mark.large
def test_a_number_that_somebody_wrote_into_both_is_mended_by_migrate(store: Path) -> None:
    for alias in SHELF.aliases:
        with opened(alias) as connection:
            connection.execute("PRAGMA user_version = 5")
    with pytest.raises(Unavailable, match="other code"):
        run("shelf", lambda: None)
    call_command("migrate", verbosity=0)
    heal()
    assert_whole()


@things
def test_in_the_place_of_the_accounts(store: Path, monkeypatch: pytest.MonkeyPatch, thing: str) -> None:
    path = replication_settings.files[DEFAULT_DB_ALIAS]
    connections.close_all()
    put(thing, path)
    filled: list[str] = []
    monkeypatch.setattr(Command, "migrate_file", lambda self, alias: filled.append(alias))
    call_command("migrate", database=DEFAULT_DB_ALIAS, verbosity=0)
    assert path.is_file()
    assert filled == [DEFAULT_DB_ALIAS]


@pytest.mark.large
def test_accounts_whose_making_was_cut_short_are_filled(store: Path) -> None:
    """A kill between making the file and its first table leaves it empty."""
    path = replication_settings.files[DEFAULT_DB_ALIAS]
    connections.close_all()
    gone(path)
    path.touch(mode=0o600)
    call_command("migrate", database=DEFAULT_DB_ALIAS, verbosity=0)
    with sqlite_files.opened(path) as accounts:
        assert accounts.execute("SELECT count(*) > 0 FROM auth_permission").fetchone() == (1,)


def test_edits_by_hand_of_both_files_are_taken_back_by_hand(store: Path) -> None:
    """What the runbook says: the triggers have noted what was there, and the digests tell when it is there again."""
    before = dump("shelf-1")
    for alias in SHELF.aliases:
        with opened(alias) as connection:
            connection.execute("UPDATE shelf_article SET title = 'mine' WHERE id = 2")
    with pytest.raises(Unavailable, match="a change that the log doesn't know"):
        raise_price()
    heal()
    for alias in SHELF.aliases:
        with opened(alias) as connection:
            (noted,) = connection.execute('SELECT "before" FROM replication_pendingchange').fetchall()
            title = json.loads(noted[0])["title"]
            connection.execute("UPDATE shelf_article SET title = ? WHERE id = 2", (title,))
            connection.execute("DELETE FROM replication_pendingchange")
    assert dump("shelf-1") == dump("shelf-2") == before
    told = StringIO()
    call_command("replication", "adopt", "--service", "shelf", "--yes", stdout=told)
    assert "Nothing that is known to be settled would be lost" in told.getvalue()
    assert_whole()
