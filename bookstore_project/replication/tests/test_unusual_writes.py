"""Writes from odd places and in odd forms: they work, or are refused with what to do, and harm nothing."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core.exceptions import SynchronousOnlyOperation
from django.db import DEFAULT_DB_ALIAS, IntegrityError, connections, transaction
from pytest_django import Settings

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Unavailable, WriteRefused
from bookstore_project.replication.invalidation import pushes
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.locks.mutex import writer_lock
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from bookstore_project.replication.sqlite_pair.repair import migration
from bookstore_project.replication.tests.shelf.models import Reader, Shelf, Thing
from bookstore_project.replication.tests.support.replica_files import (
    assert_copies_equal,
    dump,
    execute,
    floor,
    lead,
    rows,
)
from bookstore_project.replication.transaction import run
from tests.actors import Actor
from tests.waiting import PATIENCE_S

SHELF = get_service("shelf")


def assert_nothing_happened(before: object) -> None:
    """And the next write is as good as any."""
    assert dump("shelf-1") == before
    run("shelf", lambda: Reader.objects.create(name="next"))
    assert read_witness(SHELF.witness_file).in_sync == ("shelf-1", "shelf-2")
    assert_copies_equal("shelf")


@pytest.fixture
def shelved(seven_articles: Path, settings: Settings) -> Path:
    settings.REPLICATION = settings.REPLICATION | {"LEASE_S": 0}

    def furnish() -> None:
        home = Shelf.objects.create(name="home")
        loose = Shelf.objects.create(name="loose")
        Thing.objects.create(name="cup", shelf=home, home=home, loose=loose)

    run("shelf", furnish)
    return seven_articles


DANGLING: dict[str, Callable[[], Any]] = {
    "a delete that does nothing to what refers to it": lambda: Shelf.objects.get(name="loose").delete(),
    "a key that nobody has": lambda: Thing.objects.update(loose=999),
    "raw SQL": lambda: execute("DELETE FROM shelf_shelf WHERE name = 'loose'"),
}


@pytest.mark.parametrize("way", DANGLING)
def test_a_reference_that_would_dangle_is_the_callers_error(shelved: Path, way: str) -> None:
    """SQLite looks when the transaction commits: it's no fault of the file, and its outcome is known."""
    before = dump("shelf-1")
    what = "failed: a row of shelf_thing refers to a row of shelf_shelf that isn't there; nothing was changed"
    with pytest.raises(IntegrityError, match=what):
        run("shelf", DANGLING[way])
    assert_nothing_happened(before)


NOT_REPLICATED = [
    "CREATE TABLE another (id integer)",
    "create index i on shelf_reader (name)",
    "  -- tidying up\n /* now */ DROP TABLE shelf_tag",
    "ALTER TABLE shelf_reader ADD COLUMN age integer",
    "COMMIT",
    "ROLLBACK",
    "END TRANSACTION",
    "VACUUM",
]


@pytest.mark.parametrize("sql", NOT_REPLICATED)
def test_what_one_file_alone_would_do_is_refused(shelved: Path, sql: str) -> None:
    def change() -> None:
        Reader.objects.create(name="ada")
        execute(sql)

    before = dump("shelf-1")
    with pytest.raises(WriteRefused, match=r"can't be replicated: the schema is changed by migrations"):
        run("shelf", change)
    assert_nothing_happened(before)


def test_a_temporary_table_is_ones_own(shelved: Path) -> None:
    def change() -> None:
        execute("CREATE TEMP TABLE names AS SELECT 'ada' AS name")
        execute("INSERT INTO shelf_reader (name, card, level) SELECT name, '', 0 FROM names")

    run("shelf", change)
    assert_copies_equal("shelf")


def test_djangos_own_commit_and_durable_blocks_are_refused(shelved: Path) -> None:
    before = dump("shelf-1")

    def durable() -> None:
        with transaction.atomic(using=lead(), durable=True):
            Reader.objects.create(name="ada")

    with pytest.raises(RuntimeError, match="durable"):
        run("shelf", durable)
    with pytest.raises(transaction.TransactionManagementError):
        run("shelf", lambda: transaction.commit(using=lead()))
    with pytest.raises(transaction.TransactionManagementError):
        run("shelf", lambda: transaction.rollback(using=lead()))
    assert_nothing_happened(before)


def test_a_savepoint_of_another_database_is_refused(shelved: Path) -> None:
    """Whoever forgets `using` would believe that it takes something back."""
    before = dump("shelf-1")

    def change() -> None:
        with suppress(LookupError), transaction.atomic():
            Reader.objects.create(name="ada")
            raise LookupError

    with pytest.raises(WriteRefused, match=r"transaction.atomic\(using=row._state.db\)"):
        run("shelf", change)
    assert_nothing_happened(before)
    with transaction.atomic(using=DEFAULT_DB_ALIAS):
        run("shelf", lambda: Reader.objects.create(name="ada"))


def test_a_side_effect_without_using_waits_for_the_change(shelved: Path) -> None:
    seen: list[int] = []
    position = run("shelf", lambda: transaction.on_commit(lambda: seen.append(floor("shelf")))).position
    assert seen == [position]

    def change() -> None:
        transaction.on_commit(lambda: seen.append(-1))
        raise LookupError

    with pytest.raises(LookupError):
        run("shelf", change)
    transaction.on_commit(lambda: seen.append(0))  # Outside it means what it says: there is nothing to wait for.
    assert seen == [position, 0]


def test_what_was_called_already_is_told_apart_from_what_is_to_be_called(shelved: Path) -> None:
    change: Any = Reader(name="ada")
    with pytest.raises(
        TypeError, match=r"run\(\) calls its `change`, and <Reader: .*> can't be called: say `lambda: "
    ):
        run("shelf", change)


def test_a_transaction_marked_for_rollback_changes_nothing(shelved: Path) -> None:
    before = dump("shelf-1")

    def change() -> None:
        Reader.objects.create(name="ada")
        transaction.set_rollback(True, using=lead())

    assert run("shelf", change).changes == ()
    assert_nothing_happened(before)


def test_a_transaction_that_sqlite_has_taken_back_is_refused(shelved: Path) -> None:
    before = dump("shelf-1")

    def change() -> None:
        Reader.objects.create(name="ada")
        with connections[lead()].cursor() as cursor, suppress(IntegrityError):
            cursor.execute("INSERT OR ROLLBACK INTO shelf_shelf SELECT * FROM shelf_shelf")

    with pytest.raises(WriteRefused, match="taken the transaction back"):
        run("shelf", change)
    assert_nothing_happened(before)


# ------------------------------------------------------------------------------------------ threads and coroutines


def test_a_write_from_another_thread_is_refused(shelved: Path) -> None:
    before = dump("shelf-1")

    def change() -> None:
        Actor(lambda: Reader.objects.create(name="ada")).result()

    with pytest.raises(WriteRefused, match=r'transaction.run\("shelf", change\)'):
        run("shelf", change)
    assert_nothing_happened(before)


def test_a_write_from_a_thread_that_inherited_the_context_is_refused(shelved: Path) -> None:
    """`asyncio.to_thread` and its like copy context variables, but not the connection with its transaction."""
    before = dump("shelf-1")

    def write() -> None:
        try:
            Reader.objects.create(name="ada")
        finally:
            connections.close_all()

    with pytest.raises(WriteRefused, match="outside a replicated transaction"):
        run("shelf", lambda: asyncio.run(_in_a_thread(write)))
    assert_nothing_happened(before)


async def _in_a_thread(work: Callable[[], object]) -> None:
    await asyncio.to_thread(work)


def test_a_transaction_from_a_coroutine_goes_through_a_thread(shelved: Path) -> None:
    def write() -> int:
        try:
            return run("shelf", lambda: Reader.objects.create(name="ada")).position
        finally:
            connections.close_all()

    async def serve() -> int:
        return await sync_to_async(write, thread_sensitive=False)()

    assert asyncio.run(serve()) > 0
    assert rows("shelf-2", "SELECT name FROM shelf_reader") == [("ada",)]
    assert_copies_equal("shelf")


def test_the_asynchronous_orm_writes_inside_a_transaction(shelved: Path) -> None:
    async def change() -> None:
        reader = await Reader.objects.acreate(name="ada")
        reader.card = "7"
        await reader.asave()
        await Thing.objects.aupdate(count=3)

    run("shelf", async_to_sync(change))
    assert rows("shelf-2", "SELECT name, card FROM shelf_reader") == [("ada", "7")]
    assert_copies_equal("shelf")


def test_the_asynchronous_orm_is_refused_outside_of_one(shelved: Path) -> None:
    async def create() -> None:
        await Reader.objects.acreate(name="ada")

    before = dump("shelf-1")
    with pytest.raises(WriteRefused, match=r'transaction.run\("shelf", change\)'):
        async_to_sync(create)()
    assert_nothing_happened(before)


def test_a_coroutine_function_is_no_change(shelved: Path) -> None:
    """Nobody would await it, and the write would be acknowledged."""

    async def change() -> None:
        await Reader.objects.acreate(name="ada")

    before = dump("shelf-1")
    with pytest.raises(WriteRefused, match="async_to_sync"):
        run("shelf", change)
    assert_nothing_happened(before)


def test_a_transaction_on_an_event_loop_is_refused(shelved: Path) -> None:
    before = dump("shelf-1")

    async def serve() -> None:
        run("shelf", lambda: Reader.objects.create(name="ada"))

    with pytest.raises(SynchronousOnlyOperation):
        asyncio.run(serve())
    assert_nothing_happened(before)


# ---------------------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_number_is_not_given_twice_though_its_row_is_gone_and_so_is_the_file(shelved: Path, is_lost: bool) -> None:
    """SQLite remembers the highest number of each table, in each file."""
    first = run("shelf", lambda: Reader.objects.create(name="ada")).value.pk
    run("shelf", lambda: Reader.objects.all().delete())
    second = run("shelf", lambda: Reader.objects.create(name="ben")).value.pk
    run("shelf", lambda: execute("REPLACE INTO shelf_reader (id, name, card, level) VALUES (50, 'cem', '', 0)"))
    run("shelf", lambda: Reader.objects.filter(pk__gt=first).delete())
    if is_lost:
        connections.close_all()
        replication_settings.files["shelf-1"].unlink()
    third = run("shelf", lambda: Reader.objects.create(name="dua")).value.pk
    assert (second, third) == (first + 1, 51)


# -------------------------------------------------------------------------------- what a database does by itself

BY_ITSELF = {
    "a trigger": (
        ["CREATE TRIGGER shout AFTER INSERT ON shelf_reader BEGIN UPDATE shelf_reader SET name = upper(name); END"],
        "shelf_reader has a trigger of its own, shout",
    ),
    "a foreign key that deletes": (
        [
            "DROP TABLE shelf_loan",
            "CREATE TABLE shelf_loan (id integer PRIMARY KEY, days integer, "
            "thing_id bigint REFERENCES shelf_thing (id) ON DELETE CASCADE, reader_id bigint)",
        ],
        "shelf_loan has a foreign key with an action",
    ),
    "another column": (["ALTER TABLE shelf_reader ADD COLUMN age integer"], r"shelf_reader isn't .* \(age\)"),
}


@pytest.mark.parametrize("what", BY_ITSELF)
def test_a_table_that_changes_by_itself_is_not_replicated(shelved: Path, what: str) -> None:
    statements, complaint = BY_ITSELF[what]

    def migrate(alias: str) -> None:
        with connections[alias].cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    before = dump("shelf-1")
    with writer_lock(SHELF.lock_dir, timeout_s=PATIENCE_S) as lock, pytest.raises(Unavailable, match=complaint):
        migration.migrate_store(SHELF, lock, pushes, migrate)
    assert_nothing_happened(before)


def test_a_view_stays_and_follows(shelved: Path) -> None:
    def migrate(alias: str) -> None:
        with connections[alias].cursor() as cursor:
            cursor.execute("CREATE VIEW names AS SELECT name FROM shelf_reader")
            cursor.execute(
                "CREATE TRIGGER into_names INSTEAD OF INSERT ON names "
                "BEGIN INSERT INTO shelf_reader (name, card, level) VALUES (NEW.name, '', 0); END"
            )

    with writer_lock(SHELF.lock_dir, timeout_s=PATIENCE_S) as lock:
        migration.migrate_store(SHELF, lock, pushes, migrate)
    run("shelf", lambda: execute("INSERT INTO names (name) VALUES ('ada')"))
    assert rows("shelf-2", "SELECT name FROM names") == [("ada",)]
    assert_copies_equal("shelf")
