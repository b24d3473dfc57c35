"""Raw SQL on the connections of Django, whatever it looks like and whatever way it comes: carried, or refused."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connections, transaction
from pytest_django import Settings

from bookstore_project.replication import reads
from bookstore_project.replication.errors import WriteRefused
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.backend.base import READ_CACHE_KIB
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from bookstore_project.replication.tests.shelf.models import Reader
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, dump, execute, lead, rows
from bookstore_project.replication.transaction import run

SHELF = get_service("shelf")
ALIASES = [*SHELF.aliases, *get_service("desk").aliases]


@pytest.fixture
def store(seven_articles: Path, settings: Settings) -> Path:
    settings.REPLICATION = settings.REPLICATION | {"LEASE_S": 0}
    return seven_articles


def assert_unharmed(before: object) -> None:
    """And the next write is as good as any."""
    assert dump("shelf-1") == dump("shelf-2") == before
    run("shelf", lambda: Reader.objects.create(name="next"))
    assert read_witness(SHELF.witness_file).in_sync == ("shelf-1", "shelf-2")
    assert_copies_equal("shelf")
    for alias in ("shelf-1", "shelf-2"):
        assert rows(alias, "PRAGMA journal_mode") == [("wal",)]


REFUSED = [
    "PRAGMA user_version = 5",
    "PRAGMA application_id = 5",
    "PRAGMA schema_version = 5",
    "PRAGMA journal_mode = DELETE",
    "pragma Journal_Mode(memory)",
    "PRAGMA main.locking_mode = EXCLUSIVE",
    "PRAGMA synchronous = OFF",
    "PRAGMA writable_schema = ON",
    "PRAGMA query_only = OFF",
    "PRAGMA recursive_triggers = OFF",
    "PRAGMA wal_autocheckpoint = 1",
    "PRAGMA wal_checkpoint(TRUNCATE)",
    "PRAGMA wal_checkpoint",
    "PRAGMA optimize",
    "PRAGMA auto_vacuum = 1",
    "PRAGMA incremental_vacuum",
    "PRAGMA ignore_check_constraints = ON",
    "ATTACH ':memory:' AS other",
    "VACUUM",
    "VACUUM INTO '/nowhere/else'",
]
REFUSED_IN_A_CHANGE = [
    *REFUSED,
    "BEGIN",
    "COMMIT",
    "END",
    "ROLLBACK",
    ";COMMIT",
    "-- so\nCOMMIT",
    "DROP TRIGGER replication_note_shelf_reader_insert",
    "CREATE TRIGGER mine AFTER INSERT ON shelf_reader BEGIN DELETE FROM shelf_reader; END",
    "CREATE TEMP TRIGGER mine AFTER INSERT ON shelf_reader BEGIN DELETE FROM shelf_reader; END",
    "CREATE VIEW mine AS SELECT 1",
    "CREATE TABLE mine (id integer)",
    "CREATE INDEX mine ON shelf_reader (name)",
    "CREATE VIRTUAL TABLE mine USING fts5(text)",
    "ALTER TABLE shelf_reader ADD COLUMN age integer",
    "DROP TABLE shelf_tag",
    "REINDEX",
    "ANALYZE",
    "EXPLAIN DROP TABLE shelf_tag",
    "CREATE TEMP TABLE shelf_reader AS SELECT * FROM main.shelf_reader",
    "CREATE TEMPORARY TABLE Shelf_Article (id integer)",
    "CREATE TEMP VIEW shelf_reader AS SELECT 1",
    "DELETE FROM replication_pendingchange",
    "WITH gone AS (SELECT 1) DELETE FROM replication_pendingchange",
    "UPDATE replication_rowdigest SET digest = ''",
    "UPDATE replication_incarnation SET nonce = 'mine'",
    "INSERT INTO replication_logentry (position, epoch, payload, keys, hash) VALUES (99, 1, '[]', '[]', '')",
    "DELETE FROM django_migrations",
    "UPDATE sqlite_sequence SET seq = 1",
]


def refused(sql: str) -> bool:
    try:
        execute(sql)
    except WriteRefused as error:
        return "refused" in error.detail or "can't be replicated" in error.detail
    return False


def test_in_a_change_what_one_file_alone_would_do_is_refused_and_the_rest_is_carried(store: Path) -> None:
    def change() -> list[str]:
        Reader.objects.create(name="ada")
        done = [sql for sql in REFUSED_IN_A_CHANGE if not refused(sql)]
        Reader.objects.create(name="eve")
        return done

    assert run("shelf", change).value == []
    assert rows("shelf-2", "SELECT name FROM shelf_reader ORDER BY id") == [("ada",), ("eve",)]
    assert_unharmed(dump("shelf-1"))


def _script() -> None:
    with connections[lead()].cursor() as cursor:
        cursor.executescript("SELECT 1")


def call_below(name: str) -> None:
    getattr(connections[lead()].connection, name)()


def _raw(sql: str) -> Callable[[], None]:
    def run_it() -> None:
        connections[lead()].connection.execute(sql)

    return run_it


AROUND: dict[str, Callable[[], object]] = {
    "executescript": _script,
    "executescript below Django": lambda: connections[lead()].connection.executescript("SELECT 1"),
    "commit below Django": lambda: call_below("commit"),
    "rollback below Django": lambda: call_below("rollback"),
    "COMMIT below Django": _raw("COMMIT"),
    "DROP below Django": _raw("DROP TRIGGER replication_note_shelf_reader_insert"),
    "the other copy's connection": lambda: connections["shelf-2"].cursor().execute("PRAGMA user_version = 5"),
    "many": lambda: connections[lead()].cursor().executemany("DELETE FROM django_migrations WHERE id = %s", [(1,)]),
}


@pytest.mark.parametrize("way", AROUND)
def test_in_a_change_ways_around_the_usual_cursor_are_refused_too(store: Path, way: str) -> None:
    before = dump("shelf-1")

    def change() -> None:
        Reader.objects.create(name="ada")
        AROUND[way]()

    with pytest.raises(WriteRefused, match=r"refused|can't be replicated|one by one"):
        run("shelf", change)
    assert_unharmed(before)


def test_what_asks_and_what_djangos_own_blocks_do_is_carried(store: Path) -> None:
    def change() -> None:
        for sql in ("PRAGMA user_version", "PRAGMA table_info(shelf_reader)", "PRAGMA foreign_key_check"):
            execute(sql)
        execute("SELECT name FROM pragma_table_info('shelf_reader')")
        execute("SAVEPOINT mine")
        execute("INSERT INTO shelf_reader (name, card, level) VALUES ('eve', '', 0)")
        execute("ROLLBACK TO mine")
        execute("RELEASE mine")
        with transaction.atomic(using=lead()):
            execute("CREATE TEMP TABLE names AS SELECT 'ada' AS name")
            execute("INSERT INTO shelf_reader (name, card, level) SELECT name, '', 0 FROM names")
        execute("DROP TABLE names")

    run("shelf", change)
    assert rows("shelf-2", "SELECT name FROM shelf_reader") == [("ada",)]
    assert_copies_equal("shelf")


@pytest.mark.parametrize("alias", ALIASES)
def test_outside_of_a_transaction_the_connection_keeps_its_settings_and_its_file(store: Path, alias: str) -> None:
    with connections[alias].cursor() as cursor:
        for sql in REFUSED:
            with pytest.raises(WriteRefused):
                cursor.execute(sql)
        with pytest.raises(WriteRefused, match="outside a replicated transaction"):
            cursor.execute("CREATE TEMP TABLE shelf_article (id integer)")
        cursor.execute("PRAGMA query_only")
        assert cursor.fetchone() == (1,)
    with pytest.raises(sqlite3.DatabaseError):
        connections[alias].cursor().executescript("PRAGMA query_only = OFF; DELETE FROM django_migrations")
    with connections[alias].cursor() as cursor:
        cursor.execute("PRAGMA integrity_check")
        assert cursor.fetchone() == ("ok",)
    assert rows(alias, "SELECT count(*) > 0 FROM django_migrations") == [(1,)]


@pytest.mark.parametrize("sql", ["COMMIT", "ROLLBACK", "END"])
def test_a_read_keeps_its_snapshot(store: Path, sql: str) -> None:
    with reads.reading("shelf", alias="shelf-2"), connections["shelf-2"].cursor() as cursor:
        with pytest.raises(WriteRefused, match="transactions are replication's own"):
            cursor.execute(sql)
        with pytest.raises(WriteRefused, match="one by one"):
            cursor.executescript("SELECT 1")
        with pytest.raises(sqlite3.DatabaseError):
            connections["shelf-2"].connection.commit()
        assert connections["shelf-2"].connection.in_transaction


def test_a_connection_for_reading_remembers_few_pages_of_the_file(store: Path) -> None:
    """Each thread has one of each file that it has read: with two megabytes each they make a process large."""

    def remembered(alias: str) -> int:
        with connections[alias].cursor() as cursor:
            cursor.execute("PRAGMA cache_size")
            (kib,) = cursor.fetchone()
            return -int(kib)

    for alias in ("shelf-1", "shelf-2"):
        with reads.reading("shelf", alias=alias):
            assert remembered(alias) == READ_CACHE_KIB <= 512
    # A long change would have to write pages before it is committed, and read them again.
    assert run("shelf", lambda: remembered(lead())).value > READ_CACHE_KIB
