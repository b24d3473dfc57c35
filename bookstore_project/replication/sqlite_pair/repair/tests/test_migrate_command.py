"""`migrate` on a store that has been running: moved files are accepted, files at fault are left for repair."""

import shutil
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connections

from bookstore_project.replication import reads
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.files import schema_version
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from bookstore_project.replication.tests.shelf.models import Article
from bookstore_project.replication.tests.shelf.services import restock
from bookstore_project.replication.tests.support.maintenance import Maintenance
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal


def migrate() -> str:
    """What it says of files."""
    told = StringIO()
    call_command("migrate", verbosity=0, stderr=told)
    return told.getvalue()


def move(alias: str) -> None:
    """Another inode with the same content, as a copied folder has it."""
    path = replication_settings.files[alias]
    shutil.copy(path, path.with_name("copy"))
    path.with_name("copy").replace(path)


def test_nothing_to_do_says_nothing(seven_articles: Path) -> None:
    assert migrate() == ""


def test_changed_models_without_a_migration_are_told(seven_articles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of_code = schema_version.of_code
    monkeypatch.setattr(schema_version, "of_code", lambda name: of_code(name) + 2 * (name == "shelf"))
    told = migrate().splitlines()
    assert len(told) == 1
    assert told[0].startswith("Models of shelf have changed")
    assert "makemigrations" in told[0]


def test_a_folder_that_was_copied_goes_on_where_it_was(seven_articles: Path) -> None:
    connections.close_all()
    for alias in ("shelf-1", "shelf-2"):
        move(alias)
    assert migrate().count("moved here") == 2
    restock()
    assert read_witness(get_service("shelf").witness_file).in_sync == ("shelf-1", "shelf-2")
    assert_copies_equal("shelf")


def test_the_content_of_another_copy_is_not_taken_for_a_moved_file(seven_articles: Path) -> None:
    connections.close_all()
    shutil.copy(replication_settings.files["shelf-1"], seven_articles / "copy")
    (seven_articles / "copy").replace(replication_settings.files["shelf-2"])
    assert "shelf-2: its file was replaced" in migrate()
    Maintenance(get_service("shelf")).step()
    assert_copies_equal("shelf")


def test_a_missing_file_is_left_for_its_repair(seven_articles: Path) -> None:
    connections.close_all()
    replication_settings.files["shelf-2"].unlink()
    assert "shelf-2: its file is gone" in migrate()
    assert not replication_settings.files["shelf-2"].exists()
    with reads.reading("shelf", alias="shelf-1"):
        assert Article.objects.count() == 7
    Maintenance(get_service("shelf")).step()
    assert_copies_equal("shelf")


@pytest.mark.large
def test_accounts_that_nobody_can_read_are_put_aside_and_made_anew(seven_articles: Path) -> None:
    """They have no second copy; a store without staff still sells."""
    path = replication_settings.files[DEFAULT_DB_ALIAS]
    path.write_bytes(b"\xa5" * 20_000)
    assert "The accounts can't be read (file is not a database)" in migrate()
    (aside,) = path.parent.glob(f"{path.name}.quarantine-*")
    assert aside.read_bytes() == b"\xa5" * 20_000
    assert not User.objects.exists()
    assert migrate() == ""
