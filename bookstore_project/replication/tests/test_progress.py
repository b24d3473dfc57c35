"""How far long work on a file is: for the log, and for every process that asks."""

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from bookstore_project.replication import maintenance_log
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.maintenance_log import Work
from bookstore_project.replication.progress import Noted
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.files import backup_copy
from bookstore_project.replication.tests.shelf.services import restock
from bookstore_project.replication.tests.support.maintenance import Maintenance

pytestmark = pytest.mark.two_files

COPYING, VERIFYING = "copying shelf-1 for shelf-2", "verifying the copy for shelf-2"


@pytest.fixture
def noted(seven_articles: Path, monkeypatch: pytest.MonkeyPatch) -> list[Work]:
    """All that is noted."""
    found: list[Work] = []
    note = maintenance_log.note_work

    def also(service_name: str, work: Work) -> None:
        found.append(work)
        note(service_name, work)

    monkeypatch.setattr(maintenance_log, "note_work", also)
    return found


def test_what_is_noted_says_how_long_the_rest_takes(noted: list[Work]) -> None:
    told: list[Any] = []
    seconds = iter((0.0, 1.0, 1.2, 9.0, 12.0))
    progress = Noted("shelf", lambda *words: told.append(words), clock=lambda: next(seconds))
    steps = [(COPYING, 0.0), (COPYING, 0.25), (COPYING, 0.3), (VERIFYING, 0.1), (VERIFYING, 0.5)]
    for what, part in steps:
        progress(what, part)
    assert told == steps
    assert [(work["what"], work["part"], work["left_s"]) for work in noted] == [
        (COPYING, 0.0, None),
        (COPYING, 0.25, 3.0),
        (VERIFYING, 0.1, None),
        (VERIFYING, 0.5, 3.0),
    ]
    assert maintenance_log.current_work("shelf") == noted[-1]
    progress.clear()
    assert maintenance_log.current_work("shelf") is None


def test_what_a_killed_process_was_at_is_not_under_way(noted: list[Work]) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as died:
        died.wait()
    for pid, is_told in ((died.pid, False), (-(10**30), False), (os.getpid(), True)):
        maintenance_log.note_work("shelf", {"what": COPYING, "part": 0.5, "left_s": None, "pid": pid})
        assert (maintenance_log.current_work("shelf") is not None) == is_told


def test_a_copy_is_told_while_it_is_made_and_not_any_more_afterwards(
    noted: list[Work], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup_copy, "_STEPS", 10)  # Of a file this small, to be told of at all.
    replication_settings.files["shelf-2"].unlink()
    restock()
    Maintenance(get_service("shelf")).step()
    assert COPYING in {work["what"] for work in noted}
    assert maintenance_log.current_work("shelf") is None


def test_status_says_what_is_under_way(noted: list[Work]) -> None:
    maintenance_log.note_work("shelf", {"what": COPYING, "part": 0.42, "left_s": 11.7, "pid": os.getpid()})
    output = StringIO()
    call_command("replication", "status", stdout=output)
    assert f"  now: {COPYING}: 42%, about 12 s left\n" in output.getvalue()
