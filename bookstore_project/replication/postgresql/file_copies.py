"""A service's rows, or the accounts, as a SQLite file such as the other engine keeps: what a backup is made of.

The file's tables are those of the other engine's migrations, which a process of its own carries out.
"""

import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections

from bookstore_project import files
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.interface import Tell
from bookstore_project.replication.log import digests, entries, triggers
from bookstore_project.replication.postgresql import head
from bookstore_project.replication.postgresql.backend.base import wrapper
from bookstore_project.replication.postgresql.primary import unavailable
from bookstore_project.replication.service import Service, replicated_models
from bookstore_project.replication.transfer import migrating
from bookstore_project.replication.transfer.places import FilePlace, Model, Row, ServerPlace

MAKING = "making"
ACCOUNTS = "accounts.sqlite3"
STRIDE = 500
"""Rows between two reports of progress."""


@contextmanager
def making(folder: Path) -> Iterator[None]:
    """While the block runs, there are files without rows, to begin with. Raises Unavailable."""
    empty = folder / MAKING
    try:
        migrating.migrate(empty)
        yield
    finally:
        shutil.rmtree(empty, ignore_errors=True)


def write_copy(service: Service, alias: str, path: Path, tell: Tell) -> None:
    """Inside of a read of the alias: what its snapshot has. Its log begins with the newest entry."""
    raw = wrapper(alias).raw
    newest = head.read(raw).in_log
    models = [table.model for table in service.tables.values()]
    with _begun(path, path.with_name(MAKING) / service.aliases[0] / f"{service.name}.sqlite3") as copy:
        triggers.drop(copy)  # Nobody's change is noted.
        _fill(copy, raw, models, tell)
        for table in service.tables.values():
            digests.write_digests(copy, table)
        copy.execute("DELETE FROM replication_logentry")
        entries.append(copy, entries.Entry(newest.position, 0, entries.EMPTY, entries.EMPTY, newest.hash))
        triggers.install(copy, service)


def write_accounts(path: Path, tell: Tell) -> None:
    """Raises Unavailable if the server can't be asked."""
    models = accounts_models()
    database: Any = connections[DEFAULT_DB_ALIAS].copy()
    try:
        with closing(database), _begun(path, path.with_name(MAKING) / ACCOUNTS) as copy:
            database.ensure_connection()
            raw = database.connection
            with raw.transaction():
                raw.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                for model in models:  # What migrations put there.
                    copy.execute(f'DELETE FROM "{model._meta.db_table}"')
                _fill(copy, raw, models, tell)
    except psycopg.Error as error:
        raise unavailable(error) from error


def accounts_models() -> list[Model]:
    return list(replicated_models(apps, replication_settings.unreplicated_apps))


@contextmanager
def _begun(path: Path, empty: Path) -> Iterator[sqlite3.Connection]:
    """A transaction in a copy of a file without rows; afterwards it is on disk, whole, and its owner's alone."""
    with closing(sqlite3.connect(path, isolation_level=None)) as copy:
        with closing(sqlite3.connect(empty)) as source:
            source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
        copy.execute("BEGIN")
        yield copy
        copy.execute("COMMIT")
    path.chmod(0o600)
    files.sync_file(path)


def _fill(copy: sqlite3.Connection, raw: "psycopg.Connection[Any]", models: Sequence[Model], tell: Tell) -> None:
    there, here = ServerPlace(raw), FilePlace(copy)
    total, done = max(1, sum(map(there.count, models))), count(1)

    def counted(rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            yield row
            if (number := next(done)) % STRIDE == 0:
                tell(number / total)

    for model in models:
        here.write(model, counted(there.rows(model)))
        here.set_last_number(model, there.last_number(model))
    tell(1.0)
