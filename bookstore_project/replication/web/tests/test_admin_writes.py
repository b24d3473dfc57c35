"""The admin over replicated models: forms, inlines, actions and lists reach both files, once, or not at all."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from bookstore_project.replication.tests.shelf.models import Loan, Reader, Shelf, Tag, Thing
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, head, rows
from bookstore_project.replication.transaction import run


@pytest.fixture
def staff(seven_articles: Path, settings: Settings) -> Client:
    """Logged in, before a shelf with a cup that Ada has borrowed."""
    settings.ROOT_URLCONF = "bookstore_project.replication.tests.shelf.urls"

    def furnish() -> None:
        home = Shelf.objects.create(pk=1, name="home")
        cup = Thing.objects.create(pk=1, name="cup", shelf=home, home=home)
        cup.tags.add(Tag.objects.create(word="red"))
        Loan.objects.create(pk=1, thing=cup, reader=Reader.objects.create(pk=1, name="ada"))
        Reader.objects.create(pk=2, name="ben")
        Tag.objects.create(word="blue")

    run("shelf", furnish)
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def post(staff: Client, path: str, **data: Any) -> None:
    """One change, in one log entry."""
    position = head("shelf-1")
    answer = staff.post(path, data)
    assert answer.status_code == 302, answer.content[:3000]
    assert head("shelf-1") == position + 1
    assert_copies_equal("shelf")


def formset(prefix: str, total: int, initial: int) -> dict[str, object]:
    return {f"{prefix}-TOTAL_FORMS": total, f"{prefix}-INITIAL_FORMS": initial}


def test_an_inline_edit_with_many_to_many_is_one_transaction(staff: Client) -> None:
    loans = formset("loan_set", 2, 1) | {
        "loan_set-0-id": 1,
        "loan_set-0-thing": 1,
        "loan_set-0-reader": 1,
        "loan_set-0-DELETE": "on",
        "loan_set-0-days": 14,
        "loan_set-1-thing": 1,
        "loan_set-1-reader": 2,
        "loan_set-1-days": 7,
    }
    fields = {"name": "mug", "count": 2, "shelf": 1, "home": 1, "tags": ["blue"]}
    post(staff, "/admin/shelf/thing/1/change/", **fields, **loans)
    assert rows("shelf-2", "SELECT reader_id, days FROM shelf_loan") == [(2, 7)]
    assert rows("shelf-2", "SELECT name, twice FROM shelf_thing") == [("mug", 4)]
    assert rows("shelf-2", "SELECT tag_id FROM shelf_thing_tags") == [("blue",)]
    assert [entry.is_change() for entry in LogEntry.objects.all()] == [True]


def test_a_form_with_an_error_changes_nothing(staff: Client) -> None:
    position = head("shelf-1")
    answer = staff.post("/admin/shelf/shelf/add/", {"name": "home"})
    assert answer.status_code == 200
    assert b"already exists" in answer.content
    assert head("shelf-1") == position
    assert not LogEntry.objects.exists()


def test_a_list_is_edited_in_one_transaction(staff: Client) -> None:
    data = formset("form", 2, 2) | {"_save": "Save"}
    for number, key in enumerate((2, 1)):  # Newest first.
        data |= {f"form-{number}-id": key, f"form-{number}-name": f"reader {key}", f"form-{number}-level": key}
    post(staff, "/admin/shelf/reader/", **data)
    assert rows("shelf-2", "SELECT name, level FROM shelf_reader") == [("reader 1", 1), ("reader 2", 2)]


def test_the_delete_action_takes_all_that_hangs_on_the_rows(staff: Client) -> None:
    post(staff, "/admin/shelf/reader/", action="delete_selected", _selected_action=["1", "2"], post="yes")
    assert rows("shelf-2", "SELECT count(*) FROM shelf_reader") == rows("shelf-2", "SELECT count(*) FROM shelf_loan")
    assert sorted(entry.object_repr for entry in LogEntry.objects.all() if entry.is_deletion()) == ["ada", "ben"]


def test_a_deletion_that_fails_is_not_in_the_journal(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal lives in another database: it is written when the change is acknowledged."""
    monkeypatch.setattr(Reader, "delete", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        staff.post("/admin/shelf/reader/1/delete/", {"post": "yes"})
    assert not LogEntry.objects.exists()
    monkeypatch.undo()
    post(staff, "/admin/shelf/reader/1/delete/", post="yes")
    assert [entry.object_repr for entry in LogEntry.objects.all()] == ["ada"]
