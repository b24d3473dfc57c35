"""`loaddata` and `dumpdata`: what comes out of one store goes into another, on both files."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from bookstore_project.replication.errors import WriteRefused
from bookstore_project.replication.tests.shelf.models import Reader, Shelf, Tag, Thing
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, dump, head, rows
from bookstore_project.replication.transaction import run

pytestmark = pytest.mark.every_engine


@pytest.fixture
def fixture(seven_articles: Path, tmp_path: Path) -> Path:
    """A file of things on shelves; they are gone from the store by now."""

    def furnish() -> None:
        home = Shelf.objects.create(name="home")
        cup = Thing.objects.create(name="cup", shelf=home, home=home, count=3)
        cup.tags.add(Tag.objects.create(word="red"))
        Reader.objects.create(name="ada")

    run("shelf", furnish)
    path = tmp_path / "things.json"
    call_command("dumpdata", "shelf", database="shelf-2", output=str(path))
    for model in (Thing, Shelf, Tag, Reader):
        run("shelf", model._base_manager.all().delete)
    return path


@pytest.mark.parametrize("alias", ["shelf-1", "shelf-2"])
def test_a_fixture_reaches_both_files_in_one_transaction(fixture: Path, alias: str) -> None:
    position = head("shelf-1")
    call_command("loaddata", str(fixture), database=alias, verbosity=0)
    assert head("shelf-1") == position + 1
    assert rows("shelf-1", "SELECT name, count, twice FROM shelf_thing") == [("cup", 3, 6)]
    assert rows("shelf-2", "SELECT tag_id FROM shelf_thing_tags") == [("red",)]
    assert_copies_equal("shelf")


def test_a_fixture_with_a_dangling_reference_leaves_nothing(fixture: Path) -> None:
    objects = json.loads(fixture.read_text())
    fixture.write_text(json.dumps([each for each in objects if each["model"] != "shelf.shelf"]))
    before = dump("shelf-1")
    with pytest.raises(Exception, match="Problem installing fixtures"):
        call_command("loaddata", str(fixture), database="shelf-1", verbosity=0)
    assert dump("shelf-1") == before
    assert_copies_equal("shelf")


def test_loading_without_saying_where_says_where(fixture: Path) -> None:
    with pytest.raises(CommandError, match=r"kept by the shelf service: load it with --database shelf-1"):
        call_command("loaddata", str(fixture), verbosity=0)


def test_dumping_without_saying_where_says_where(seven_articles: Path) -> None:
    with pytest.raises(CommandError, match="--database shelf-1"):
        call_command("dumpdata", "shelf.article", stdout=StringIO())


def test_what_is_not_replicated_is_loaded_as_ever(seven_articles: Path, tmp_path: Path) -> None:
    path = tmp_path / "groups.json"
    path.write_text('[{"model": "auth.group", "pk": 1, "fields": {"name": "buyers", "permissions": []}}]')
    call_command("loaddata", str(path), verbosity=0)
    told = StringIO()
    call_command("dumpdata", "auth.group", stdout=told)
    assert json.loads(told.getvalue())[0]["fields"]["name"] == "buyers"


def test_other_commands_that_write_are_refused(seven_articles: Path) -> None:
    before = dump("shelf-1")
    with pytest.raises((CommandError, WriteRefused)):
        call_command("flush", database="shelf-1", interactive=False, verbosity=0)
    assert dump("shelf-1") == before
