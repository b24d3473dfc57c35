"""`migrate` on a store with data: all of it or nothing, on both files, whatever interrupts it."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.core.management.commands.migrate import Command as DjangosMigrate
from django.db import connections
from pytest_django import Settings
from pytest_django.plugin import DjangoDbBlocker

from bookstore_project.replication import failpoints, reads
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import ReplicaFault
from bookstore_project.replication.invalidation import pushes
from bookstore_project.replication.log import catchup, entries, triggers
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.files import schema_version
from bookstore_project.replication.sqlite_pair.files.stored_schema import as_found
from bookstore_project.replication.sqlite_pair.membership.witness import Witness
from bookstore_project.replication.sqlite_pair.repair import bootstrap, migration
from bookstore_project.replication.tests.shelf.models import Article, Reader, Shelf
from bookstore_project.replication.tests.support.articles import reprice, witness
from bookstore_project.replication.tests.support.maintenance import Maintenance
from bookstore_project.replication.tests.support.replica_files import (
    KilledAt,
    Rows,
    assert_copies_equal,
    change_around,
    dump,
    head,
    opened,
    rows,
)
from bookstore_project.replication.transaction import run
from conftest import made_once, used
from tests.actors import Actor
from tests.configured import replication
from tests.layout import layout

pytestmark = pytest.mark.large
SHELF = get_service("shelf")
BOTH = ("shelf-1", "shelf-2")
MIGRATE = (
    "from tests.configured import replication; replication(LEASE_S=0).enable()\n"
    "from django.core.management import call_command\n"
    "call_command('migrate', database='shelf-1', verbosity=0)"
)
BEFORE_THE_SWITCH = [
    "migrate-copied",
    "shelf-cards-given",
    "shelf-half-promoted",
    "migrate-migrated",
    "migrate-ready",
]
ONE_COUNTS = ["migrate-one-out", "repair-quarantined", "repair-installed", "migrate-one-installed"]
NOBODY_COUNTS = ["migrate-nobody-in"]
NEW_COUNTS = ["migrate-new-timeline", "migrate-both-installed", "readmit"]


def migrate(*arguments: str, **options: Any) -> str:
    told = StringIO()
    call_command("migrate", *arguments, database="shelf-1", stdout=told, stderr=told, **options)
    return told.getvalue()


def columns(alias: str) -> list[object]:
    return [name for (name,) in rows(alias, "SELECT name FROM pragma_table_info('shelf_reader')")]


def readers(alias: str) -> Rows:
    return rows(alias, "SELECT * FROM shelf_reader ORDER BY id")


def as_made_for(monkeypatch: pytest.MonkeyPatch, alias: str) -> None:
    """This process runs the code that the alias's file was migrated for. Its models of articles are the same."""
    ((number,),) = rows(alias, "PRAGMA user_version")
    monkeypatch.setattr(schema_version, "of_code", lambda service_name: number)


@pytest.fixture(scope="session")
def old_files(
    shelved_files: Path, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Path:
    """Files of the first version: four readers, who have neither cards nor levels yet."""
    with made_once("old", tmp_path_factory) as template:
        if not any(template.iterdir()):
            names = ("ada", "ben", "cem", "dua")
            with used(shelved_files, django_db_blocker), replication(LEASE_S=0):
                run("shelf", lambda: Reader.objects.bulk_create([Reader(name=name) for name in names]))
                migrate("shelf", "0001", verbosity=0)
                layout.keep(template)
    return template


@pytest.fixture
def old_store(old_files: Path, django_db_blocker: DjangoDbBlocker, settings: Settings) -> Iterator[Path]:
    settings.REPLICATION = settings.REPLICATION | {"LEASE_S": 0}
    with used(old_files, django_db_blocker) as data:
        yield data


def test_both_files_are_migrated_and_agree(old_store: Path) -> None:
    before, position = witness(), head("shelf-1")
    assert columns("shelf-1") == columns("shelf-2") == ["id", "name"]
    assert "shelf was migrated" in migrate(verbosity=0)
    assert columns("shelf-1") == ["id", "name", "card", "level"]
    assert_copies_equal("shelf")
    now = witness()
    assert now.in_sync == BOTH
    assert now.out == {}
    assert now.timeline != before.timeline, "fronts would keep what they had cached"
    assert now.floor == head("shelf-1") == position + 1, "the position has to move on"


def test_a_data_migration_runs_once_whatever_alias_it_names(old_store: Path) -> None:
    """Random cards are the same in both files; the router sends a query without using() to the migrated file."""
    migrate(verbosity=0)
    assert readers("shelf-1") == readers("shelf-2")
    cards = {row[2] for row in readers("shelf-1")}
    assert len(cards) == 4
    assert [(row[1], row[3]) for row in readers("shelf-1")] == [("ADA", 10), ("BEN", 10), ("CEM", 10), ("DUA", 10)]


def test_the_store_writes_and_reads_on_afterwards(old_store: Path) -> None:
    migrate(verbosity=0)
    run("shelf", lambda: Reader.objects.filter(name="ADA").update(level=2))
    reprice()
    for alias in BOTH:
        with reads.reading("shelf", alias=alias):
            assert Reader.objects.get(level=2).name == "ADA"
            assert Article.objects.get(pk=1).title == "New"
        with opened(alias) as connection:
            assert triggers.installed(connection, SHELF)
    assert_copies_equal("shelf")


def test_a_change_to_a_migrated_row_is_still_judged_by_its_digest(old_store: Path) -> None:
    migrate(verbosity=0)
    change_around("shelf-1", "UPDATE shelf_reader SET level = 9 WHERE id = 1")
    run("shelf", lambda: Reader.objects.update(card="x"))
    assert witness().in_sync == ("shelf-2",)


@pytest.mark.parametrize("point", ["shelf-cards-given", "shelf-half-promoted"])
def test_a_migration_that_raises_leaves_the_store_serving_as_it_was(
    old_store: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    before, agreed = dump("shelf-1"), witness()
    failpoints.hooks[point] = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        migrate(verbosity=0)
    assert witness() == agreed
    assert dump("shelf-1") == dump("shelf-2") == before
    assert not list(replication_settings.files["shelf-1"].parent.glob("*.migrated*"))
    as_made_for(monkeypatch, "shelf-1")
    reprice()
    assert_copies_equal_as_stored()


def assert_copies_equal_as_stored() -> None:
    """Of files whose columns aren't those of this code's models."""
    assert dump("shelf-1") == dump("shelf-2")
    assert witness().in_sync == BOTH


def test_reads_go_on_while_a_migration_runs(old_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_made_for(monkeypatch, "shelf-1")
    seen: list[object] = []

    def read_both() -> None:
        for alias in BOTH:
            with reads.reading("shelf", alias=alias):
                seen.append(Article.objects.count())

    failpoints.hooks["migrate-ready"] = lambda: Actor(read_both).result()
    migrate(verbosity=0)
    assert seen == [7, 7]


def test_nobody_is_in_sync_while_leases_are_waited_out(old_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Witness] = []
    monkeypatch.setattr(migration, "wait_out_leases", lambda: seen.append(witness()))
    old = witness().timeline
    migrate(verbosity=0)
    assert [(each.in_sync, each.timeline) for each in seen] == [((), old)]
    assert witness().timeline != old


def test_a_write_waits_for_the_migration(old_store: Path) -> None:
    writers: list[Actor] = []

    def write() -> int:
        return run("shelf", lambda: Reader.objects.filter(pk=1).update(level=7)).position

    failpoints.hooks["migrate-copied"] = lambda: writers.append(Actor(write))
    migrate(verbosity=0)
    assert writers[0].result() == head("shelf-2")
    assert_copies_equal("shelf")


A_WRITE_OF_OLD_CODE = """
import sqlite3
from django.db import connections
from bookstore_project.replication import service
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.sqlite_pair.files import schema_version, stored_schema
from bookstore_project.replication.transaction import active_attempt, run

with sqlite3.connect(replication_settings.files["shelf-1"]) as file:
    found, number = stored_schema.as_found(file, service.get_service("shelf")).tables, schema_version.of_file(file)
file.close()
service._tables = lambda app_labels: found
schema_version.of_code = lambda service_name: number

def change():
    with connections[active_attempt().lead_alias].cursor() as cursor:
        cursor.execute("INSERT INTO shelf_reader (name) VALUES ('eve')")

run("shelf", change)
"""


@pytest.mark.parametrize("point", ["committed-shelf-1", "committed"])
@pytest.mark.processes
def test_what_a_dead_writer_of_old_code_left_is_migrated_too(
    old_store: Path, killed_at: KilledAt, point: str
) -> None:
    """Its entry has the old columns: where only one file has it, the other one can't be brought up by it."""
    connections.close_all()
    killed_at(point, A_WRITE_OF_OLD_CODE)
    migrate(verbosity=0)
    assert [row[1] for row in readers("shelf-1")] == ["ADA", "BEN", "CEM", "DUA", "EVE"]
    assert witness().in_sync == BOTH
    reprice()
    assert_copies_equal("shelf")


@pytest.mark.parametrize("point", [*BEFORE_THE_SWITCH, *ONE_COUNTS, *NOBODY_COUNTS, *NEW_COUNTS])
@pytest.mark.processes
def test_a_killed_migration_is_finished_by_the_next(old_store: Path, killed_at: KilledAt, point: str) -> None:
    connections.close_all()
    killed_at(point, MIGRATE)
    migrate(verbosity=0)
    Maintenance(SHELF).step()  # Where the new files count already, there is nothing left to migrate.
    assert witness().in_sync == BOTH
    assert columns("shelf-1") == ["id", "name", "card", "level"]
    assert len({row[2] for row in readers("shelf-1")}) == 4
    assert [row[3] for row in readers("shelf-1")] == [10, 10, 10, 10]
    reprice()
    assert_copies_equal("shelf")


@pytest.mark.parametrize("point", [*BEFORE_THE_SWITCH, *ONE_COUNTS, *NOBODY_COUNTS])
@pytest.mark.processes
def test_a_killed_migration_is_undone_by_the_store_that_runs_the_old_code(
    old_store: Path, killed_at: KilledAt, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    as_made_for(monkeypatch, "shelf-1")
    monkeypatch.setattr("bookstore_project.replication.service._tables", _tables_without_columns_to_come())
    before = {name: found for name, found in dump("shelf-1").items() if name != "replication_logentry"}
    connections.close_all()
    killed_at(point, MIGRATE)
    Maintenance(SHELF).step()
    assert witness().in_sync == BOTH
    assert before.items() <= dump("shelf-1").items()
    reprice()
    assert_copies_equal("shelf")


def _tables_without_columns_to_come() -> Any:
    """The old code's tables."""
    with opened("shelf-1") as connection:
        found = as_found(connection, SHELF).tables
    return lambda app_labels: {
        name: type(table)(name, table.key_column, table.columns, MODELS.get(name, table.model))
        for name, table in found.items()
    }


MODELS = {name: table.model for name, table in SHELF.tables.items()}


def test_a_store_with_one_copy_out_of_sync_is_migrated_whole(
    old_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections.close_all()
    replication_settings.files["shelf-1"].write_bytes(b"garbage")
    migrate(verbosity=0)
    assert witness().in_sync == BOTH
    assert_copies_equal("shelf")


def test_a_damaged_copy_is_not_migrated(old_store: Path) -> None:
    change_around("shelf-1", "UPDATE shelf_reader SET name = 'eve' WHERE id = 2")
    agreed = witness()
    with pytest.raises(CommandError, match="shelf-1 is damaged: row 2 of shelf_reader"):
        migrate(verbosity=0)
    assert witness() == agreed
    assert columns("shelf-1") == columns("shelf-2") == ["id", "name"]


def test_migrating_backwards_and_forwards_again(old_store: Path) -> None:
    migrate("shelf", "0002", verbosity=0)
    assert columns("shelf-2") == ["id", "name", "card"]
    migrate("shelf", "zero", verbosity=0)
    assert columns("shelf-2") == []
    migrate(verbosity=0)
    assert columns("shelf-1") == columns("shelf-2") == ["id", "name", "card", "level"]
    assert_copies_equal("shelf")


def test_looking_changes_nothing(old_store: Path) -> None:
    before, agreed = dump("shelf-1"), witness()
    assert "shelf.0002_reader_card" in migrate(plan=True)
    with pytest.raises(SystemExit):
        migrate(check_unapplied=True)
    told = StringIO()
    call_command("sqlmigrate", "shelf", "0002", database="shelf-1", stdout=told)
    assert '"card" varchar(20)' in told.getvalue()
    assert (dump("shelf-1"), witness()) == (before, agreed)


def test_a_migration_of_data_alone_can_be_faked(old_store: Path) -> None:
    migrate("shelf", "0003", verbosity=0)
    migrate("shelf", "0004", fake=True, verbosity=0)
    assert readers("shelf-2")[0][3] == 1
    assert migrate(verbosity=0) == ""
    reprice()
    assert_copies_equal("shelf")


@pytest.mark.parametrize("name", ["0001", "0003"])
def test_a_faked_migration_that_leaves_columns_out_is_refused(old_store: Path, name: str) -> None:
    """Values of a column that the code doesn't know would not reach the other file."""
    migrate("shelf", "0002", verbosity=0)
    agreed = witness()
    with pytest.raises(CommandError, match="shelf_reader isn't what its migrations make of it"):
        migrate("shelf", name, fake=True, verbosity=0)
    assert witness() == agreed


def test_processes_go_on_after_a_migration_of_data_alone(old_store: Path) -> None:
    migrate("shelf", "0003", verbosity=0)
    reprice()
    migrate("shelf", "0004", verbosity=0)
    reprice(2)
    assert_copies_equal("shelf")
    assert readers("shelf-1")[0][3] == 10


def test_a_wrong_name_is_complained_of_as_ever(old_store: Path) -> None:
    with pytest.raises(CommandError, match="Cannot find a migration matching '0009'"):
        migrate("shelf", "0009")
    with pytest.raises(CommandError, match="No installed app with label 'nonsense'"):
        migrate("nonsense")


def test_what_concerns_another_service_leaves_this_one_alone(old_store: Path) -> None:
    before = witness()
    migrate("desk", "zero", verbosity=0)
    migrate("desk", verbosity=0)
    assert witness() == before


def test_triggers_that_got_lost_are_made_again(seven_articles: Path) -> None:
    with opened("shelf-2") as connection:
        triggers.drop(connection)
    migrate(verbosity=0)
    reprice()
    with opened("shelf-2") as connection:
        assert triggers.installed(connection, SHELF)
    assert_copies_equal("shelf")


# ------------------------------------------------------------------------------------------- a store that begins


@pytest.fixture
def no_store(seven_articles: Path) -> Path:
    connections.close_all()
    for alias in BOTH:
        for leftover in replication_settings.files[alias].parent.glob("shelf.sqlite3*"):
            leftover.unlink()
    SHELF.witness_file.unlink()
    return seven_articles


def test_rows_that_migrations_put_into_a_new_store_are_the_same_in_both_files(no_store: Path) -> None:
    def migrate_and_fill(alias: str) -> None:
        call_command(DjangosMigrate(), database=alias, verbosity=0)
        Shelf.objects.create(name="first")

    migration.build_store(SHELF, migrate_and_fill)
    bootstrap.create_first_witness(SHELF, pushes)
    assert_copies_equal("shelf")
    run("shelf", lambda: Shelf.objects.update(name="second"))
    assert_copies_equal("shelf")


@pytest.mark.parametrize("point", ["shelf-cards-given", "migrate-built"])
@pytest.mark.processes
def test_a_new_store_whose_first_migration_was_killed_is_finished(
    no_store: Path, killed_at: KilledAt, point: str
) -> None:
    killed_at(point, MIGRATE)
    migrate(verbosity=0)
    reprice_nothing = run("shelf", lambda: Shelf.objects.create(name="first"))
    assert reprice_nothing.position == 1
    assert_copies_equal("shelf")


def leave_a_transaction_behind(path: Path) -> None:
    """A file as a kill leaves it in the middle of a transaction, before it is in WAL mode: with a hot journal."""
    path.parent.mkdir(exist_ok=True)
    made = path.with_name("half")
    with closing(sqlite3.connect(made, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("CREATE TABLE unfinished (content)")
        connection.execute("BEGIN")
        for _ in range(100):
            connection.execute("INSERT INTO unfinished VALUES (randomblob(4000))")
        shutil.copy(made, path)
        shutil.copy(f"{made}-journal", f"{path}-journal")
        connection.execute("ROLLBACK")
    made.unlink()


def test_a_new_store_whose_first_transaction_was_killed_is_finished(no_store: Path) -> None:
    leave_a_transaction_behind(replication_settings.files["shelf-1"])
    migrate(verbosity=0)
    assert run("shelf", lambda: Shelf.objects.create(name="first")).position == 1
    assert_copies_equal("shelf")


def test_a_file_that_nobody_can_read_is_no_beginning(no_store: Path) -> None:
    replication_settings.files["shelf-1"].write_bytes(b"\xa5" * 20_000)
    with pytest.raises(CommandError, match=r"shelf-1 can't be read \(file is not a database\): an operator has to"):
        migrate(verbosity=0)
    assert replication_settings.files["shelf-1"].read_bytes() == b"\xa5" * 20_000


def test_files_without_a_witness_are_not_taken_for_a_new_store(seven_articles: Path) -> None:
    connections.close_all()
    SHELF.witness_file.unlink()
    replication_settings.files["shelf-1"].unlink()
    with pytest.raises(CommandError, match="shelf-2 has data, and shelf-1 has none"):
        migrate(verbosity=0)
    assert not SHELF.witness_file.exists()


# ---------------------------------------------------------------------------------- entries from before a migration


def test_an_entry_with_other_columns_is_not_applied(seven_articles: Path) -> None:
    """A column that came since would silently be left at its default."""
    row = {"table": "shelf_reader", "key": 1, "row": {"id": 1, "name": "ada", "level": 0}}
    with opened("shelf-1") as connection:
        position = entries.read_head(connection).position + 1
        with pytest.raises(ReplicaFault, match="other columns than shelf_reader"):
            catchup.apply(connection, SHELF, [entries.Entry(position, 1, json.dumps([row]), "[]", "hash")])
        assert connection.execute("SELECT count(*) FROM shelf_reader").fetchone() == (0,)
