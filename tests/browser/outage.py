"""A copy that stays out of sync for as long as somebody wants to look at it."""

from collections.abc import Iterator
from contextlib import contextmanager

from bookstore_project import sqlite_files
from tests.client import Client
from tests.databases import files, is_whole
from tests.store import Store
from tests.waiting import wait_for


@contextmanager
def out_of_sync(store: Store, node: str) -> Iterator[None]:
    """The replica's file is locked by another program, and a purchase has gone on without it."""
    (path,) = (path for path in files(store, "catalog") if path.parent.name == node)
    with sqlite_files.opened(path, is_writable=True) as stranger:
        stranger.execute("BEGIN IMMEDIATE")
        assert Client(store).buy(1).status == 201
        yield
        stranger.execute("ROLLBACK")
    wait_for(lambda: is_whole(store), what="both copies in sync")
