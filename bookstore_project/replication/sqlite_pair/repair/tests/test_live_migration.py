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
from bookstore_project.replication.errors import ReplicaFault
from bookstore_project.replication.invalidation import pushes
from bookstore_project.replication.log import catchup, entries, triggers
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.files import schema_version
from bookstore_project.replication.sqlite_pair.files.stored_schema import as_found
from bookstore_project.replication.sqlite_pair.membership.witness import Witness, read_witness
from bookstore_project.replication.sqlite_pair.repair import bootstrap, migration
from bookstore_project.replication.tests.shelf.models import Reader, Shelf
from bookstore_project.replication.tests.support.books import reprice
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
from bookstore_project.settings import topology
from catalog_app.models import Book
from conftest import copy_databases_to, made_once, used
from tests.actors import Actor
from tests.configured import replication

CATALOG = get_service("catalog")
BOTH = ("catalog-1", "catalog-2")
MIGRATE = (
    "from tests.configured import replication; replication(LEASE_S=0).enable()\n"
    "from django.core.management import call_command\n"
    "call_command('migrate', database='catalog-1', verbosity=0)"
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
    call_command("migrate", *arguments, database="catalog-1", stdout=told, stderr=told, **options)
    return told.getvalue()


def witness() -> Witness:
    return read_witness(CATALOG.witness_file)


def columns(alias: str) -> list[object]:
    return [name for (name,) in rows(alias, "SELECT name FROM pragma_table_info('shelf_reader')")]


def readers(alias: str) -> Rows:
    return rows(alias, "SELECT * FROM shelf_reader ORDER BY id")


def as_made_for(monkeypatch: pytest.MonkeyPatch, alias: str) -> None:
    """This process runs the code that the alias's file was migrated for. Its models of books are the same."""
    ((number,),) = rows(alias, "PRAGMA user_version")
    monkeypatch.setattr(schema_version, "of_code", lambda service_name: number)


@pytest.fixture(scope="session")
def old_files(
    stocked_files: Path, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Path:
    """Files of the first version: four readers, who have neither cards nor levels yet."""
    with made_once("old", tmp_path_factory) as template:
        if not any(template.iterdir()):
            names = ("ada", "ben", "cem", "dua")
            with used(stocked_files, django_db_blocker), replication(LEASE_S=0):
                run("catalog", lambda: Reader.objects.bulk_create([Reader(name=name) for name in names]))
                migrate("shelf", "0001", verbosity=0)
                copy_databases_to(template)
    return template


@pytest.fixture
def old_store(old_files: Path, django_db_blocker: DjangoDbBlocker, settings: Settings) -> Iterator[Path]:
    settings.REPLICATION = settings.REPLICATION | {"LEASE_S": 0}
    with used(old_files, django_db_blocker) as data:
        yield data


def test_both_files_are_migrated_and_agree(old_store: Path) -> None:
    before, position = witness(), head("catalog-1")
    assert columns("catalog-1") == columns("catalog-2") == ["id", "name"]
    assert "catalog was migrated" in migrate(verbosity=0)
    assert columns("catalog-1") == ["id", "name", "card", "level"]
    assert_copies_equal("catalog")
    now = witness()
    assert now.in_sync == BOTH
    assert now.out == {}
    assert now.timeline != before.timeline, "fronts would keep what they had cached"
    assert now.floor == head("catalog-1") == position + 1, "the position has to move on"


def test_a_data_migration_runs_once_whatever_alias_it_names(old_store: Path) -> None:
    """Random cards are the same in both files; the router sends a query without using() to the migrated file."""
    migrate(verbosity=0)
    assert readers("catalog-1") == readers("catalog-2")
    cards = {row[2] for row in readers("catalog-1")}
    assert len(cards) == 4
    assert [(row[1], row[3]) for row in readers("catalog-1")] == [("ADA", 10), ("BEN", 10), ("CEM", 10), ("DUA", 10)]


def test_the_store_writes_and_reads_on_afterwards(old_store: Path) -> None:
    migrate(verbosity=0)
    run("catalog", lambda: Reader.objects.filter(name="ADA").update(level=2))
    reprice()
    for alias in BOTH:
        with reads.reading("catalog", alias=alias):
            assert Reader.objects.get(level=2).name == "ADA"
            assert Book.objects.get(pk=1).title == "New"
        with opened(alias) as connection:
            assert triggers.installed(connection, CATALOG)
    assert_copies_equal("catalog")


def test_a_change_to_a_migrated_row_is_still_judged_by_its_digest(old_store: Path) -> None:
    migrate(verbosity=0)
    change_around("catalog-1", "UPDATE shelf_reader SET level = 9 WHERE id = 1")
    run("catalog", lambda: Reader.objects.update(card="x"))
    assert witness().in_sync == ("catalog-2",)


@pytest.mark.parametrize("point", ["shelf-cards-given", "shelf-half-promoted"])
def test_a_migration_that_raises_leaves_the_store_serving_as_it_was(
    old_store: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    before, agreed = dump("catalog-1"), witness()
    failpoints.hooks[point] = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        migrate(verbosity=0)
    assert witness() == agreed
    assert dump("catalog-1") == dump("catalog-2") == before
    assert not list(topology.database_file("catalog-1").parent.glob("*.migrated*"))
    as_made_for(monkeypatch, "catalog-1")
    reprice()
    assert_copies_equal_as_stored()


def assert_copies_equal_as_stored() -> None:
    """Of files whose columns aren't those of this code's models."""
    assert dump("catalog-1") == dump("catalog-2")
    assert witness().in_sync == BOTH


def test_reads_go_on_while_a_migration_runs(old_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_made_for(monkeypatch, "catalog-1")
    seen: list[object] = []

    def read_both() -> None:
        for alias in BOTH:
            with reads.reading("catalog", alias=alias):
                seen.append(Book.objects.count())

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
        return run("catalog", lambda: Reader.objects.filter(pk=1).update(level=7)).position

    failpoints.hooks["migrate-copied"] = lambda: writers.append(Actor(write))
    migrate(verbosity=0)
    assert writers[0].result() == head("catalog-2")
    assert_copies_equal("catalog")


A_WRITE_OF_OLD_CODE = """
import sqlite3
from django.db import connections
from bookstore_project.replication import service
from bookstore_project.replication.sqlite_pair.files import schema_version, stored_schema
from bookstore_project.replication.transaction import active_attempt, run
from bookstore_project.settings import topology

with sqlite3.connect(topology.database_file("catalog-1")) as file:
    found, number = stored_schema.as_found(file, service.get_service("catalog")).tables, schema_version.of_file(file)
file.close()
service._tables = lambda app_labels: found
schema_version.of_code = lambda service_name: number

def change():
    with connections[active_attempt().lead_alias].cursor() as cursor:
        cursor.execute("INSERT INTO shelf_reader (name) VALUES ('eve')")

run("catalog", change)
"""


@pytest.mark.parametrize("point", ["committed-catalog-1", "committed"])
@pytest.mark.processes
def test_what_a_dead_writer_of_old_code_left_is_migrated_too(
    old_store: Path, killed_at: KilledAt, point: str
) -> None:
    """Its entry has the old columns: where only one file has it, the other one can't be brought up by it."""
    connections.close_all()
    killed_at(point, A_WRITE_OF_OLD_CODE)
    migrate(verbosity=0)
    assert [row[1] for row in readers("catalog-1")] == ["ADA", "BEN", "CEM", "DUA", "EVE"]
    assert witness().in_sync == BOTH
    reprice()
    assert_copies_equal("catalog")


@pytest.mark.parametrize("point", [*BEFORE_THE_SWITCH, *ONE_COUNTS, *NOBODY_COUNTS, *NEW_COUNTS])
@pytest.mark.processes
def test_a_killed_migration_is_finished_by_the_next(old_store: Path, killed_at: KilledAt, point: str) -> None:
    connections.close_all()
    killed_at(point, MIGRATE)
    migrate(verbosity=0)
    Maintenance(CATALOG).step()  # Where the new files count already, there is nothing left to migrate.
    assert witness().in_sync == BOTH
    assert columns("catalog-1") == ["id", "name", "card", "level"]
    assert len({row[2] for row in readers("catalog-1")}) == 4
    assert [row[3] for row in readers("catalog-1")] == [10, 10, 10, 10]
    reprice()
    assert_copies_equal("catalog")


@pytest.mark.parametrize("point", [*BEFORE_THE_SWITCH, *ONE_COUNTS, *NOBODY_COUNTS])
@pytest.mark.processes
def test_a_killed_migration_is_undone_by_the_store_that_runs_the_old_code(
    old_store: Path, killed_at: KilledAt, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    as_made_for(monkeypatch, "catalog-1")
    monkeypatch.setattr("bookstore_project.replication.service._tables", _tables_without_columns_to_come())
    before = {name: found for name, found in dump("catalog-1").items() if name != "replication_logentry"}
    connections.close_all()
    killed_at(point, MIGRATE)
    Maintenance(CATALOG).step()
    assert witness().in_sync == BOTH
    assert before.items() <= dump("catalog-1").items()
    reprice()
    assert_copies_equal("catalog")


def _tables_without_columns_to_come() -> Any:
    """The old code's tables."""
    with opened("catalog-1") as connection:
        found = as_found(connection, CATALOG).tables
    return lambda app_labels: {
        name: type(table)(name, table.key_column, table.columns, CATALOG_MODELS.get(name, table.model))
        for name, table in found.items()
    }


CATALOG_MODELS = {name: table.model for name, table in CATALOG.tables.items()}


def test_a_store_with_one_copy_out_of_sync_is_migrated_whole(
    old_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections.close_all()
    topology.database_file("catalog-1").write_bytes(b"garbage")
    migrate(verbosity=0)
    assert witness().in_sync == BOTH
    assert_copies_equal("catalog")


def test_a_damaged_copy_is_not_migrated(old_store: Path) -> None:
    change_around("catalog-1", "UPDATE shelf_reader SET name = 'eve' WHERE id = 2")
    agreed = witness()
    with pytest.raises(CommandError, match="catalog-1 is damaged: row 2 of shelf_reader"):
        migrate(verbosity=0)
    assert witness() == agreed
    assert columns("catalog-1") == columns("catalog-2") == ["id", "name"]


def test_migrating_backwards_and_forwards_again(old_store: Path) -> None:
    migrate("shelf", "0002", verbosity=0)
    assert columns("catalog-2") == ["id", "name", "card"]
    migrate("shelf", "zero", verbosity=0)
    assert columns("catalog-2") == []
    migrate(verbosity=0)
    assert columns("catalog-1") == columns("catalog-2") == ["id", "name", "card", "level"]
    assert_copies_equal("catalog")


def test_looking_changes_nothing(old_store: Path) -> None:
    before, agreed = dump("catalog-1"), witness()
    assert "shelf.0002_reader_card" in migrate(plan=True)
    with pytest.raises(SystemExit):
        migrate(check_unapplied=True)
    told = StringIO()
    call_command("sqlmigrate", "shelf", "0002", database="catalog-1", stdout=told)
    assert '"card" varchar(20)' in told.getvalue()
    assert (dump("catalog-1"), witness()) == (before, agreed)


def test_a_migration_of_data_alone_can_be_faked(old_store: Path) -> None:
    migrate("shelf", "0003", verbosity=0)
    migrate("shelf", "0004", fake=True, verbosity=0)
    assert readers("catalog-2")[0][3] == 1
    assert migrate(verbosity=0) == ""
    reprice()
    assert_copies_equal("catalog")


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
    assert_copies_equal("catalog")
    assert readers("catalog-1")[0][3] == 10


def test_a_wrong_name_is_complained_of_as_ever(old_store: Path) -> None:
    with pytest.raises(CommandError, match="Cannot find a migration matching '0009'"):
        migrate("shelf", "0009")
    with pytest.raises(CommandError, match="No installed app with label 'nonsense'"):
        migrate("nonsense")


def test_what_concerns_another_service_leaves_this_one_alone(old_store: Path) -> None:
    before = witness()
    migrate("order_app", "zero", verbosity=0)
    migrate("order_app", verbosity=0)
    assert witness() == before


def test_triggers_that_got_lost_are_made_again(seven_books: Path) -> None:
    with opened("catalog-2") as connection:
        triggers.drop(connection)
    migrate(verbosity=0)
    reprice()
    with opened("catalog-2") as connection:
        assert triggers.installed(connection, CATALOG)
    assert_copies_equal("catalog")


# ------------------------------------------------------------------------------------------- a store that begins


@pytest.fixture
def no_store(seven_books: Path) -> Path:
    connections.close_all()
    for alias in BOTH:
        for leftover in topology.database_file(alias).parent.glob("catalog.sqlite3*"):
            leftover.unlink()
    CATALOG.witness_file.unlink()
    return seven_books


def test_rows_that_migrations_put_into_a_new_store_are_the_same_in_both_files(no_store: Path) -> None:
    def migrate_and_fill(alias: str) -> None:
        call_command(DjangosMigrate(), database=alias, verbosity=0)
        Shelf.objects.create(name="first")

    migration.build_store(CATALOG, migrate_and_fill)
    bootstrap.create_first_witness(CATALOG, pushes)
    assert_copies_equal("catalog")
    run("catalog", lambda: Shelf.objects.update(name="second"))
    assert_copies_equal("catalog")


@pytest.mark.parametrize("point", ["shelf-cards-given", "migrate-built"])
@pytest.mark.processes
def test_a_new_store_whose_first_migration_was_killed_is_finished(
    no_store: Path, killed_at: KilledAt, point: str
) -> None:
    killed_at(point, MIGRATE)
    migrate(verbosity=0)
    reprice_nothing = run("catalog", lambda: Shelf.objects.create(name="first"))
    assert reprice_nothing.position == 1
    assert_copies_equal("catalog")


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
    leave_a_transaction_behind(topology.database_file("catalog-1"))
    migrate(verbosity=0)
    assert run("catalog", lambda: Shelf.objects.create(name="first")).position == 1
    assert_copies_equal("catalog")


def test_a_file_that_nobody_can_read_is_no_beginning(no_store: Path) -> None:
    topology.database_file("catalog-1").write_bytes(b"\xa5" * 20_000)
    with pytest.raises(CommandError, match=r"catalog-1 can't be read \(file is not a database\): an operator has to"):
        migrate(verbosity=0)
    assert topology.database_file("catalog-1").read_bytes() == b"\xa5" * 20_000


def test_files_without_a_witness_are_not_taken_for_a_new_store(seven_books: Path) -> None:
    connections.close_all()
    CATALOG.witness_file.unlink()
    topology.database_file("catalog-1").unlink()
    with pytest.raises(CommandError, match="catalog-2 has data, and catalog-1 has none"):
        migrate(verbosity=0)
    assert not CATALOG.witness_file.exists()


# ---------------------------------------------------------------------------------- entries from before a migration


def test_an_entry_with_other_columns_is_not_applied(seven_books: Path) -> None:
    """A column that came since would silently be left at its default."""
    row = {"table": "shelf_reader", "key": 1, "row": {"id": 1, "name": "ada", "level": 0}}
    with opened("catalog-1") as connection:
        position = entries.read_head(connection).position + 1
        with pytest.raises(ReplicaFault, match="other columns than shelf_reader"):
            catchup.apply(connection, CATALOG, [entries.Entry(position, 1, json.dumps([row]), "[]", "hash")])
        assert connection.execute("SELECT count(*) FROM shelf_reader").fetchone() == (0,)
