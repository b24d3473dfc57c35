"""`manage.py replication`: what it shows, and what it sets going."""

import json
import re
import threading
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django.fixtures import Settings

from bookstore_project.replication import maintenance_log
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.folder_locks import try_lock
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from bookstore_project.replication.tests.shelf.services import restock
from bookstore_project.replication.tests.support import shelf_histories as histories
from bookstore_project.replication.tests.support.maintenance import scrub_all
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, change_around

SCRUBS = "bookstore_project.replication.sqlite_pair.operator.commands.replication.scrub_all"


def said(*words: str) -> str:
    output = StringIO()
    call_command("replication", *words, stdout=output, stderr=StringIO())
    return output.getvalue()


def lose_the_second() -> None:
    replication_settings.files["shelf-2"].unlink()
    restock()


def not_in_sync(*words: str) -> str:
    """What `status` says when it ends with 1."""
    output = StringIO()
    with pytest.raises(CommandError, match="Not in sync") as caught:
        call_command("replication", "status", *words, stdout=output)
    assert caught.value.returncode == 1
    return output.getvalue()


def test_status_names_both_copies_and_where_they_are(seven_articles: Path) -> None:
    text = said("status", "--service", "shelf")
    assert "shelf: settled up to 1, epoch 1" in text
    assert "shelf-1    in sync, at 1" in text
    assert "shelf-2    in sync, at 1" in text


def test_status_says_why_one_is_out_and_ends_with_1(seven_articles: Path) -> None:
    lose_the_second()
    assert "its file is gone" in not_in_sync()
    services = {each["service"]: each for each in json.loads(not_in_sync("--json"))}
    first, second = services["shelf"]["files"]
    assert (first["in_sync"], first["head"], first["lag"]) == (True, 2, 0)
    assert (second["in_sync"], second["head"], second["lag"]) == (False, None, None)
    assert second["out_since"]
    assert "gone" in second["out_because"]
    assert all(file["in_sync"] for file in services["desk"]["files"])


def test_status_tells_the_last_repair_and_the_last_scrub(seven_articles: Path) -> None:
    assert "last repair: none" in said("status")
    lose_the_second()
    said("repair")
    said("scrub")
    (shelf,) = json.loads(said("status", "--json", "--service", "shelf"))
    last = shelf["last_repair"]
    assert (last["alias"], last["means"], last["entries"]) == ("shelf-2", "copy", 0)
    assert last["ms"] >= 0
    assert shelf["last_scrub"]["found"] == {"shelf-1": [], "shelf-2": []}
    text = said("status", "--service", "shelf")
    assert f"last repair: {last['at']}, shelf-2 by copy, 0 entries" in text
    assert f"last scrub: {shelf['last_scrub']['at']}, shelf-1, shelf-2 sound" in text


def test_a_scrub_names_what_it_has_read(seven_articles: Path) -> None:
    lose_the_second()
    scrub_all(get_service("shelf"))
    assert re.search("last scrub: .*, shelf-1 sound$", not_in_sync("--service", "shelf"), re.MULTILINE)
    maintenance_log.note_scrub("shelf", {"at": maintenance_log.now(), "found": {}})
    assert re.search("last scrub: .*, no file was in sync$", not_in_sync("--service", "shelf"), re.MULTILINE)


def test_notes_that_are_lost_or_garbled_lose_nothing(seven_articles: Path) -> None:
    said("scrub")
    for note in (seven_articles / "maintenance").iterdir():
        note.write_text("{")
    assert "last scrub: none" in said("status")


def test_status_without_a_witness_says_what_the_files_say(seven_articles: Path) -> None:
    get_service("shelf").witness_file.unlink()
    text = not_in_sync("--service", "shelf")
    assert "shelf: REFUSES. The witness shelf.json can't be read" in text
    assert "shelf-2    at 1" in text


def test_repair_brings_it_back(seven_articles: Path) -> None:
    lose_the_second()
    assert "shelf-2 rejoined by copy" in said("repair")
    assert_copies_equal("shelf")
    assert "both copies are in sync" in said("repair")


def test_repair_leaves_it_to_a_running_store(seven_articles: Path) -> None:
    lose_the_second()
    with try_lock(get_service("shelf").lock_dir / "caretaker"), pytest.raises(CommandError, match="by itself"):
        said("repair")


def test_compact_drops_what_is_old_and_says_how_much(seven_articles: Path, settings: Settings) -> None:
    settings.REPLICATION = settings.REPLICATION | {"LOG_KEEP": 10}
    histories.edit(100)
    assert "shelf: 182 old log entries dropped." in said("compact", "--service", "shelf")
    assert_copies_equal("shelf")
    assert "shelf: 0 old log entries dropped." in said("compact")


def test_long_work_is_told_on_one_line(seven_articles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bookstore_project.replication.sqlite_pair.files.scrub.STRIDE", 5)
    told = StringIO()
    call_command("replication", "scrub", "--service", "shelf", stdout=StringIO(), stderr=told)
    first, rest = told.getvalue().split("\n", 1)
    assert re.fullmatch(r"Reading every row: \d\.\d MB, less than a second\.", first), "it says at once what comes"
    assert rest.startswith("\rscrubbing shelf-1:  ")
    assert rest.count("\n") == 1


def test_silent_work_is_told_of_all_the_same(seven_articles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    has_been_told = threading.Event()

    class Terminal(StringIO):
        def write(self, text: str) -> int:
            if "Reading every row: 0 s" in text:
                has_been_told.set()
            return super().write(text)

    def scrub_silently(*_: object) -> dict[str, list[str]]:
        assert has_been_told.wait(60)
        return {}

    monkeypatch.setattr("bookstore_project.nodes.ticking.EVERY_S", 0.001)
    monkeypatch.setattr(SCRUBS, scrub_silently)
    call_command("replication", "scrub", "--service", "shelf", stdout=StringIO(), stderr=Terminal())
    assert has_been_told.is_set()


def test_nothing_is_told_of_the_time_that_a_person_takes_to_answer(
    seven_articles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(*_: object, **__: object) -> None:
        assert not [thread for thread in threading.enumerate() if thread.name == "ticker"]
        raise CommandError("Nothing was done.")

    monkeypatch.setattr("bookstore_project.replication.confirmation.confirm", ask)
    with pytest.raises(CommandError, match=r"Nothing was done\."):
        call_command("replication", "discard", "shelf-2", stdout=StringIO(), stderr=StringIO())


def test_scrub_is_content_with_sound_copies(seven_articles: Path) -> None:
    assert said("scrub").count("sound") == len(replication_settings.service_of_alias)


def test_scrub_names_rows_and_takes_the_copy_out(seven_articles: Path) -> None:
    change_around("shelf-1", "UPDATE shelf_article SET price = 1 WHERE id = 3")
    output = StringIO()
    with pytest.raises(CommandError, match="taken out of sync"):
        call_command("replication", "scrub", stdout=output)
    assert "shelf-1: DAMAGED\n  row 3 of shelf_article" in output.getvalue()
    assert read_witness(get_service("shelf").witness_file).in_sync == ("shelf-2",)
