"""Files that are migrated under a running store."""

from bookstore_project import sqlite_files
from bookstore_project.replication.sqlite_pair.locks.mutex import writer_lock
from tests.client import Shop
from tests.databases import dump_both, files, in_sync, query
from tests.store import Store
from tests.waiting import PATIENCE_S, wait_for

BOTH = {"catalog-1", "catalog-2"}


def make_for_other_code(store: Store, number: int) -> None:
    """As the files of the catalog are after a migration to columns that the running processes don't know.

    Under the writer lock, as a migration: one file alone with another number would be at fault. And without merging
    the -wal, which would be somebody else's doing: whoever commits to a long one merges it, unless told not to, and
    so does the last connection, unless it can only read; processes that meet another number have closed theirs.
    """
    with writer_lock(store.data / "locks" / "catalog", timeout_s=PATIENCE_S):
        for path in files(store, "catalog"):
            with (
                sqlite_files.opened(path, timeout_s=PATIENCE_S) as last,
                sqlite_files.opened(path, is_writable=True, timeout_s=PATIENCE_S) as connection,
            ):
                last.execute("SELECT count(*) FROM sqlite_master").fetchone()
                connection.execute("PRAGMA wal_autocheckpoint = 0")
                connection.execute(f"PRAGMA user_version = {number}")


def made_for(store: Store) -> int:
    return int(query(files(store, "catalog")[0], "PRAGMA user_version")[0][0])


def test_processes_of_other_code_answer_503_and_harm_nothing(store: Store) -> None:
    client = Shop(store).client()
    assert client.buy(1).status == 201
    own = made_for(store)
    make_for_other_code(store, own + 2)
    before = dump_both(store, "catalog")
    wait_for(lambda: not store.is_ready("catalog-1") and not store.is_ready("catalog-2"))
    bought = client.buy(1)
    assert (bought.status, bought.code) == (503, "unavailable")
    # What the front remembers is right for as long as its lease: nobody can write.
    wait_for(lambda: client.get("/api/v1/books/3/").code == "unavailable")
    assert "other code" in store.manage("replication", "status").stdout
    assert in_sync(store, "catalog") == BOTH
    assert dump_both(store, "catalog") == before
    make_for_other_code(store, own)
    store.wait_ready()
    assert client.buy(1).status == 201
    assert dump_both(store, "catalog")


def test_a_running_store_whose_columns_stay_goes_on_after_a_migration(store: Store) -> None:
    """Its files are replaced, its timeline is another: the processes notice by themselves."""
    client = Shop(store).client()
    before = client.get("/api/v1/books/1/").json
    own = made_for(store)
    make_for_other_code(store, 0)
    done = store.manage("migrate")
    assert done.returncode == 0, done.stderr
    assert made_for(store) == own
    store.wait_ready()
    wait_for(lambda: client.get("/api/v1/books/1/").status == 200)
    assert client.get("/api/v1/books/1/").json == before
    assert client.buy(1).status == 201
    assert client.get("/api/v1/books/1/").json["quantity"] == before["quantity"] - 1
    assert in_sync(store, "catalog") == BOTH
    assert dump_both(store, "catalog")
