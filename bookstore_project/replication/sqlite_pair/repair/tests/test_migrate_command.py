"""`migrate` on a store that has been running: moved files are accepted, files at fault are left for repair."""

import shutil
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections

from bookstore_project.replication import reads
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.files import schema_version
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from bookstore_project.replication.tests.support.maintenance import Maintenance
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal
from bookstore_project.settings import topology
from catalog_app.models import Book
from catalog_app.services import book_restock


def migrate() -> str:
    """What it says of files."""
    told = StringIO()
    call_command("migrate", verbosity=0, stderr=told)
    return told.getvalue()


def move(alias: str) -> None:
    """Another inode with the same content, as a copied folder has it."""
    path = topology.database_file(alias)
    shutil.copy(path, path.with_name("copy"))
    path.with_name("copy").replace(path)


def test_nothing_to_do_says_nothing(seven_books: Path) -> None:
    assert migrate() == ""


def test_changed_models_without_a_migration_are_told(seven_books: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of_code = schema_version.of_code
    monkeypatch.setattr(schema_version, "of_code", lambda name: of_code(name) + 2 * (name == "catalog"))
    told = migrate().splitlines()
    assert len(told) == 1
    assert told[0].startswith("Models of catalog have changed")
    assert "makemigrations" in told[0]


def test_a_folder_that_was_copied_goes_on_where_it_was(seven_books: Path) -> None:
    connections.close_all()
    for alias in ("catalog-1", "catalog-2"):
        move(alias)
    assert migrate().count("moved here") == 2
    book_restock(book_id=1, quantity=1, actor="test")
    assert read_witness(get_service("catalog").witness_file).in_sync == ("catalog-1", "catalog-2")
    assert_copies_equal("catalog")


def test_the_content_of_another_copy_is_not_taken_for_a_moved_file(seven_books: Path) -> None:
    connections.close_all()
    shutil.copy(topology.database_file("catalog-1"), seven_books / "copy")
    (seven_books / "copy").replace(topology.database_file("catalog-2"))
    assert "catalog-2: its file was replaced" in migrate()
    Maintenance(get_service("catalog")).step()
    assert_copies_equal("catalog")


def test_a_missing_file_is_left_for_its_repair(seven_books: Path) -> None:
    connections.close_all()
    topology.database_file("catalog-2").unlink()
    assert "catalog-2: its file is gone" in migrate()
    assert not topology.database_file("catalog-2").exists()
    with reads.reading("catalog", alias="catalog-1"):
        assert Book.objects.count() == 7
    Maintenance(get_service("catalog")).step()
    assert_copies_equal("catalog")


def test_accounts_that_nobody_can_read_are_put_aside_and_made_anew(seven_books: Path) -> None:
    """They have no second copy; a store without staff still sells."""
    path = topology.database_file(topology.ACCOUNTS)
    path.write_bytes(b"\xa5" * 20_000)
    assert "The accounts can't be read (file is not a database)" in migrate()
    (aside,) = path.parent.glob(f"{path.name}.quarantine-*")
    assert aside.read_bytes() == b"\xa5" * 20_000
    assert not User.objects.exists()
    assert migrate() == ""
