"""A backup comes back whole, or not at all; what isn't a backup is refused."""

import json
import shutil
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.db import connections

from bookstore_project.archive import manifest
from bookstore_project.archive.manifest import NotABackup
from bookstore_project.archive.staging import stage
from bookstore_project.archive.tests.shop import (
    backup,
    buy,
    change_backup,
    command,
    dumps,
    lose_everything,
    orders,
    restore,
)
from bookstore_project.cluster import lock
from bookstore_project.replication import reads
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.folder_locks import try_lock
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.files import row_counts
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from bookstore_project.replication.sqlite_pair.operator import quarantine
from bookstore_project.replication.tests.support.replica_files import (
    KilledAt,
    assert_copies_equal,
    change_around,
    rows,
)
from bookstore_project.replication.transaction import settle
from bookstore_project.settings import topology
from catalog_app.listing import number_of_books
from catalog_app.row_counts import BOOKS
from catalog_app.services import book_restock, book_retire


def is_selling() -> None:
    """Both copies of both services are in sync, equal, and take a purchase."""
    bought = buy(2)
    for service in ("catalog", "order"):
        assert_copies_equal(service)
        assert len(read_witness(get_service(service).witness_file).in_sync) == 2
    assert bought in orders(topology.database_file("order-2"))


@pytest.mark.parametrize("name", ["b", "b.tar"])
def test_what_was_backed_up_comes_back_into_an_empty_folder(shop: Path, tmp_path: Path, name: str) -> None:
    get_user_model().objects.create_user("ann", password="x")
    buy()
    before = dumps()
    path = backup(tmp_path / name)
    lose_everything()
    assert "The present store would lose nothing" in restore(path)
    assert dumps() == before
    assert get_user_model().objects.filter(username="ann").exists()
    is_selling()


def test_lists_are_as_long_as_they_were_though_the_backup_says_otherwise(shop: Path, tmp_path: Path) -> None:
    path = backup(tmp_path / "b")
    garble = f"UPDATE {row_counts.table_of(BOOKS)} SET rows = 99"
    change_backup(path, "catalog.sqlite3", lambda copy: copy.execute(garble))
    book_retire(book_id=2, actor="ann")
    restore(path)
    with reads.reading("catalog"):
        assert number_of_books(retired=False) == 7
    is_selling()


def test_what_came_after_is_told_and_taken_back(shop: Path, tmp_path: Path) -> None:
    kept = buy()
    path = backup(tmp_path / "b")
    timelines = {name: read_witness(get_service(name).witness_file).timeline for name in ("catalog", "order")}
    lost = buy()
    text = restore(path)
    assert "catalog: positions 3 to 3, 1 entries:\n    position 3: book 1\n    position 3: ledger entry 9" in text
    assert f"position 2: order {lost.hex}" in text
    assert orders(topology.database_file("order-1")) == {kept}
    for name, timeline in timelines.items():
        assert read_witness(get_service(name).witness_file).timeline != timeline
    is_selling()


def test_the_old_store_is_put_aside(shop: Path, tmp_path: Path) -> None:
    path = backup(tmp_path / "b")
    lost = buy()
    restore(path)
    (aside,) = quarantine.quarantined("order-1")
    assert orders(aside.path) == {lost}


def test_the_secret_comes_back_so_that_keys_keep_their_orders(shop: Path, tmp_path: Path) -> None:
    key = settings.SECRET_KEY_FILE.read_bytes()
    path = backup(tmp_path / "b")
    settings.SECRET_KEY_FILE.write_text("another" * 10)
    book_restock(book_id=1, quantity=1, actor="test")
    assert "The secret key is replaced" in restore(path)
    assert settings.SECRET_KEY_FILE.read_bytes() == key
    assert settings.SECRET_KEY_FILE.stat().st_mode & 0o077 == 0


def test_into_an_empty_folder_nobody_has_to_say_yes(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought = buy()
    path = backup(tmp_path / "b")
    lose_everything()
    monkeypatch.setattr(sys, "stdin", StringIO(""))
    assert "Restored." in command("restore", str(path))
    assert bought in orders(topology.database_file("order-1"))


def test_accounts_that_would_be_lost_are_named_and_asked_about(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = get_user_model().objects.create_user("ann", password="x")
    path = backup(tmp_path / "b")
    ann.set_password("y")
    ann.save()
    get_user_model().objects.create_user("ben", password="x")
    monkeypatch.setattr(sys, "stdin", StringIO(""))
    with pytest.raises(CommandError, match="no terminal"):
        command("restore", str(path))
    text = restore(path)
    assert "accounts: ben would be gone." in text
    assert "accounts: the passwords of ann would be those of then." in text
    assert not get_user_model().objects.filter(username="ben").exists()


def test_nothing_is_done_without_a_yes(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = backup(tmp_path / "b")
    buy()
    before = dumps()
    monkeypatch.setattr(sys, "stdin", StringIO("y\n"))
    with pytest.raises(CommandError, match="no terminal"):
        command("restore", str(path))
    assert dumps() == before
    is_selling()


def test_a_running_store_is_named_and_left_alone(shop: Path, tmp_path: Path) -> None:
    path = backup(tmp_path / "b")
    with (
        lock.exclusive(topology.DATA),
        pytest.raises(CommandError, match=r"The store is running \(supervisor: process \d+\). Stop it first"),
    ):
        restore(path)
    with (
        try_lock(topology.lock_dir("order") / "caretaker"),
        pytest.raises(CommandError, match="A node of order, or a repair of it, is running"),
    ):
        restore(path)
    is_selling()


# -------------------------------------------------------------------------------------------- what is no backup


def _edit_manifest(**changed: object) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        path = folder / "manifest.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))

    return edit


def _flip(name: str) -> Callable[[Path], None]:
    def flip(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)

    return flip


def _truncate(folder: Path) -> None:
    content = (folder / "order.sqlite3").read_bytes()
    (folder / "order.sqlite3").write_bytes(content[: len(content) // 2])


def _rewrite(name: str, *statements: str) -> Callable[[Path], None]:
    def change(connection: sqlite3.Connection) -> None:
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (trigger,) in triggers:
            connection.execute(f'DROP TRIGGER "{trigger}"')
        for statement in statements:
            connection.execute(statement)

    return lambda folder: change_backup(folder, name, change)


def _link(folder: Path) -> None:
    (folder / "secret-key").rename(folder / "elsewhere")
    (folder / "secret-key").symlink_to("elsewhere")


def _take_later_orders(folder: Path) -> None:
    """Of a later moment than the ledger, each sound by itself."""
    buy()
    other = backup(folder.with_name("other"))
    shutil.copy(other / "order.sqlite3", folder / "order.sqlite3")
    ours, theirs = (manifest.parse((each / manifest.NAME).read_bytes()) for each in (folder, other))
    forged = replace(
        ours,
        services={**ours.services, "order": theirs.services["order"]},
        files={**ours.files, "order.sqlite3": theirs.files["order.sqlite3"]},
    )
    (folder / manifest.NAME).write_bytes(forged.as_bytes())


NO_BACKUPS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no manifest": (lambda folder: (folder / "manifest.json").unlink(), "manifest.json is missing"),
    "half a manifest": (lambda folder: (folder / "manifest.json").write_text("{"), "can't be read as a backup's"),
    "another format": (_edit_manifest(format=2), "of format 2; this code restores"),
    "another thing": (_edit_manifest(what="shopping list"), "It is 'shopping list'"),
    "an edited manifest": (_edit_manifest(created="2001-01-01"), "fails its checksum"),
    "a flipped bit": (_flip("catalog.sqlite3"), "catalog.sqlite3 isn't what the manifest says"),
    "a flipped bit in the accounts": (_flip("accounts.sqlite3"), "accounts.sqlite3 isn't what the manifest says"),
    "half a file": (_truncate, "order.sqlite3 isn't what the manifest says"),
    "no secret": (lambda folder: (folder / "secret-key").unlink(), "secret-key is missing"),
    "a link": (_link, "secret-key is missing"),
    "a newer schema": (
        _rewrite("catalog.sqlite3", "INSERT INTO django_migrations VALUES (999, 'catalog_app', '0099_new', '')"),
        r"newer schema than this code knows \(catalog_app.0099_new\)",
    ),
    "a damaged row": (
        _rewrite("catalog.sqlite3", "UPDATE catalog_app_book SET price = 1 WHERE id = 3"),
        "catalog.sqlite3 is damaged: row 3",
    ),
    "a shorter log": (
        _rewrite("order.sqlite3", "DELETE FROM replication_logentry"),
        "databases can't be read: it has no log",
    ),
    "orders of another ledger": (_take_later_orders, r"(?s)ledger and its orders don't agree.*has no sale"),
}


@pytest.mark.large
@pytest.mark.parametrize("case", NO_BACKUPS)
def test_what_is_no_backup_is_refused_and_changes_nothing(shop: Path, tmp_path: Path, case: str) -> None:
    damage, complaint = NO_BACKUPS[case]
    buy()
    path = backup(tmp_path / "b")
    damage(path)
    buy()
    before = dumps()
    with pytest.raises(CommandError, match=complaint):
        restore(path)
    assert dumps() == before
    assert not (topology.DATA / "restoring").exists()
    is_selling()


def test_a_backup_of_an_older_schema_is_verified_by_the_columns_that_it_has(shop: Path, tmp_path: Path) -> None:
    path = backup(tmp_path / "b")
    _rewrite("catalog.sqlite3", "ALTER TABLE catalog_app_keyedanswer DROP COLUMN body")(path)
    stage(path, tmp_path / "staged")
    _rewrite("catalog.sqlite3", "UPDATE catalog_app_book SET price = 1 WHERE id = 3")(path)
    with pytest.raises(NotABackup, match="row 3"):
        stage(path, tmp_path / "staged")


def test_a_damaged_store_is_replaced_all_the_same(shop: Path, tmp_path: Path) -> None:
    kept = buy()
    path = backup(tmp_path / "b")
    buy()
    change_around("catalog-1", "UPDATE replication_logentry SET payload = '{' WHERE position = 3")
    topology.database_file("catalog-2").write_bytes(b"garbage")
    for alias in ("order-1", "order-2"):
        topology.database_file(alias).write_bytes(b"garbage")
    text = restore(path)
    assert "catalog: what catalog-1 holds, which can't be read to its end" in text
    assert "order: whatever its files hold, which can't be read" in text
    assert orders(topology.database_file("order-1")) == {kept}
    assert not (topology.DATA / "restoring").exists()
    is_selling()


@pytest.mark.parametrize("part", [0.0, 0.3, 0.9])
def test_a_truncated_tar_file_is_refused(shop: Path, tmp_path: Path, part: float) -> None:
    path = backup(tmp_path / "b.tar")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(CommandError, match="is not restored"):
        restore(path)
    is_selling()


def test_a_path_that_is_not_there_is_refused(shop: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        restore(tmp_path / "none")


# -------------------------------------------------------------------------------------------------------- kills

INTACT = ["restore-prepared"]
POINTS = [
    *INTACT,
    "restore-refusing-catalog",
    "restore-refusing-order",
    "restore-accounts",
    "restore-installed-catalog-1",
    "restore-installed-catalog-2",
    "restore-installed-order-1",
    "restore-installed-order-2",
    "restore-written-catalog",
    "restore-written-order",
]
KILLED = (
    "import io; from tests.configured import replication; from django.core.management import call_command\n"
    "replication(LEASE_S=0.01).enable(); call_command('restore', {path!r}, '--yes', stdout=io.StringIO())"
)


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.processes
def test_a_restore_cut_short_is_finished_by_the_next(
    shop: Path, tmp_path: Path, killed_at: KilledAt, point: str
) -> None:
    kept = buy()
    path = backup(tmp_path / "b")
    backed_up = dumps()
    lost = buy()
    present = dumps()
    connections.close_all()
    killed_at(point, KILLED.format(path=str(path)))
    if point in INTACT:
        assert dumps() == present
        is_selling()
    elif point != POINTS[-1]:
        refusing = "catalog" if point == "restore-refusing-catalog" else "order"
        with pytest.raises(Unavailable, match=r"`manage.py restore` was interrupted: repeat it"):
            settle(refusing)
    restore(path)
    assert dumps() == backed_up
    assert orders(topology.database_file("order-1")) == {kept}
    if point not in (*INTACT, POINTS[-1]):
        aside, *_ = quarantine.quarantined("order-1")
        assert orders(aside.path) == {kept, lost}, "the old store is aside, not what the first attempt had installed"
    is_selling()
    assert rows("catalog-1", "SELECT count(*) FROM catalog_app_ledgerentry WHERE kind = 'sale'") == [(2,)]
