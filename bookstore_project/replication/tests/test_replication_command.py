"""`manage.py replication`: what it shows, and what it sets going."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django.fixtures import Settings

from bookstore_project.replication.mutex import try_lock
from bookstore_project.replication.service import get_service
from bookstore_project.replication.tests import histories
from bookstore_project.replication.tests.copies import assert_copies_equal, change_around
from bookstore_project.replication.witness import read_witness
from bookstore_project.settings import topology
from catalog_app.services import book_restock


def said(*words: str) -> str:
    output = StringIO()
    call_command("replication", *words, stdout=output, stderr=StringIO())
    return output.getvalue()


def lose_the_second() -> None:
    topology.database_file("catalog-2").unlink()
    book_restock(book_id=1, quantity=1, actor="test")


def test_status_names_both_copies_and_where_they_are(seven_books: Path) -> None:
    text = said("status", "--service", "catalog")
    assert "catalog: settled up to 1, epoch 1" in text
    assert "catalog-1  in sync, at 1" in text
    assert "catalog-2  in sync, at 1" in text


def test_status_says_why_one_is_out(seven_books: Path) -> None:
    lose_the_second()
    assert "its file is gone" in said("status")
    (catalog, _) = json.loads(said("status", "--json"))
    first, second = catalog["files"]
    assert (first["in_sync"], first["head"], first["lag"]) == (True, 2, 0)
    assert (second["in_sync"], second["head"], second["lag"]) == (False, None, None)
    assert second["out_since"]
    assert "gone" in second["out_because"]


def test_repair_brings_it_back(seven_books: Path) -> None:
    lose_the_second()
    assert "catalog-2 rejoined by copy" in said("repair")
    assert_copies_equal("catalog")
    assert "both copies are in sync" in said("repair")


def test_repair_leaves_it_to_a_running_store(seven_books: Path) -> None:
    lose_the_second()
    with try_lock(get_service("catalog").lock_dir / "caretaker"), pytest.raises(CommandError, match="by itself"):
        said("repair")


def test_compact_drops_what_is_old_and_says_how_much(seven_books: Path, settings: Settings) -> None:
    settings.LOG_KEEP = 10
    histories.edit(100)
    assert "catalog: 182 old log entries dropped." in said("compact", "--service", "catalog")
    assert_copies_equal("catalog")
    assert "catalog: 0 old log entries dropped." in said("compact")


def test_long_work_is_told_on_one_line(seven_books: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bookstore_project.replication.scrub.STRIDE", 5)
    told = StringIO()
    call_command("replication", "scrub", "--service", "catalog", stdout=StringIO(), stderr=told)
    assert told.getvalue().startswith("\rscrubbing catalog-1:  ")
    assert told.getvalue().count("\n") == 1


def test_scrub_is_content_with_sound_copies(seven_books: Path) -> None:
    assert said("scrub").count("sound") == 4


def test_scrub_names_rows_and_takes_the_copy_out(seven_books: Path) -> None:
    change_around("catalog-1", "UPDATE catalog_app_book SET price = 1 WHERE id = 3")
    output = StringIO()
    with pytest.raises(CommandError, match="taken out of sync"):
        call_command("replication", "scrub", stdout=output)
    assert "catalog-1: DAMAGED\n  row 3 of catalog_app_book" in output.getvalue()
    assert read_witness(get_service("catalog").witness_file).in_sync == ("catalog-2",)


def test_an_unreadable_witness_is_a_clear_error(seven_books: Path) -> None:
    get_service("catalog").witness_file.unlink()
    with pytest.raises(CommandError, match="witness"):
        said("status")
