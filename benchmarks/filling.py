"""Rows put into a service's first file by hand, and made what replicated transactions would have left in both."""

import sqlite3
from collections.abc import Callable

from django.core.management import call_command
from django.db import connections

from benchmarks import django_set_up  # noqa: F401  (what follows needs it)
from benchmarks.bigstore import copy_over
from bookstore_project.replication.log import entries
from bookstore_project.replication.pinning import pinned
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.backend.base import wrapper
from bookstore_project.replication.sqlite_pair.repair.migration import begin_log
from bookstore_project.replication.tests.support import histories
from bookstore_project.replication.tests.support.replica_files import opened


def fill(service: Service, load: Callable[[sqlite3.Connection], None]) -> None:
    """In this process's data folder, which has no store yet. Digests and indexes are made, and the log begins anew.

    `load` is called in a transaction, without triggers, which have nothing to note here, and without waiting for the
    disk.
    """
    call_command("prepare", verbosity=0)
    connections.close_all()
    first = service.aliases[0]
    with opened(first) as connection:
        head, nonce = entries.read_head(connection), _nonce(connection)
        connection.execute("PRAGMA synchronous=OFF")
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute("BEGIN IMMEDIATE")
        load(connection)
        connection.execute("COMMIT")
    with pinned(service.name, first, for_writing=True), wrapper(first).unguarded():
        begin_log(service, first, head, 1, nonce)
    connections.close_all()
    with opened(first) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    copy_over(*service.aliases)
    histories.settle_at(head.position + 1, service)


def _nonce(connection: sqlite3.Connection) -> str:
    (found,) = connection.execute("SELECT nonce FROM replication_incarnation").fetchone()
    return str(found)
