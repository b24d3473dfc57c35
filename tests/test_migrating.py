"""The way in which migrations take less time leaves what they leave otherwise."""

import shutil
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from bookstore_project import sqlite_files
from bookstore_project.replication.conf import replication_settings
from tests import migrating
from tests.layout import FOLDERS

SCHEMA = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name"
RECORD = "SELECT app, name FROM django_migrations ORDER BY app, name"


def found() -> dict[str, list[list[tuple[str, ...]]]]:
    """Each database's schema and its record of migrations."""
    connections.close_all()
    told = {}
    for alias, path in replication_settings.files.items():
        with sqlite_files.opened(path) as connection:
            told[alias] = [connection.execute(query).fetchall() for query in (SCHEMA, RECORD)]
    return told


def start_anew(data: Path) -> None:
    connections.close_all()
    for folder in FOLDERS:
        shutil.rmtree(data / folder, ignore_errors=True)
    for path in replication_settings.files.values():
        for each in path.parent.glob(f"{path.name}*"):
            each.unlink()
    call_command("migrate", verbosity=0)


@pytest.mark.large
def test_each_database_is_as_django_makes_it_step_by_step(empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = found()
    monkeypatch.setattr(MigrationExecutor, "_migrate_all_forwards", migrating._all_forwards)
    start_anew(empty_store)
    assert found() == ours


@pytest.mark.large
def test_what_is_taken_back_and_made_again_is_the_same(empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call_command("migrate", "shelf", "0001", verbosity=0)
    ours = found()
    start_anew(empty_store)
    monkeypatch.setattr(MigrationExecutor, "_migrate_all_backwards", migrating._all_backwards)
    call_command("migrate", "shelf", "0001", verbosity=0)
    assert found() == ours
