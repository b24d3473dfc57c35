"""Histories of the shelf, for tests: its settings have that service, a store's have not."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from itertools import islice

from django.db import connections

from bookstore_project.replication.log import catchup, entries
from bookstore_project.replication.service import get_service
from bookstore_project.replication.tests.support import histories
from bookstore_project.replication.tests.support.histories import Goods
from bookstore_project.replication.tests.support.replica_files import opened

SHELF = get_service("shelf")
ARTICLES = Goods(SHELF, "article", "shelf_article", "shelf_movement", lambda number: {"receipt": number})


def append(made: Iterable[entries.Entry], aliases: Iterable[str], batch_entries: int = 2000) -> int:
    """Writes them into these files of the shelf, in transactions of so many; the position of the last."""
    made, position = iter(made), 0
    with ExitStack() as stack:
        files = [stack.enter_context(opened(alias)) for alias in aliases]
        while batch := list(islice(made, batch_entries)):
            position = batch[-1].position
            for connection in files:
                connection.execute("BEGIN IMMEDIATE")
                catchup.apply(connection, SHELF, batch)
                connection.execute("COMMIT")
    return position


def settle_at(position: int) -> None:
    histories.settle_at(position, SHELF)


def edit(count: int, aliases: Sequence[str] = ("shelf-1", "shelf-2")) -> None:
    """So many edits of article 1 in these files, acknowledged."""
    connections.close_all()
    with opened(aliases[0]) as connection:
        settle_at(append(ARTICLES.edits(connection, count), aliases))
