"""What backup and restore may use of this engine: an `interface.Copies`, which `replication.engine` chooses."""

import sqlite3
from collections.abc import Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path

from django.db import DEFAULT_DB_ALIAS, connections

from bookstore_project import files as plain_files
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.interface import Tell
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.files import comparison, source
from bookstore_project.replication.sqlite_pair.files.scrub import findings
from bookstore_project.replication.sqlite_pair.operator.handing_over import handing_over, has_handed_over
from bookstore_project.replication.sqlite_pair.operator.replacement import lost_by_replacing, replace_store
from bookstore_project.sqlite_files import opened as opened_file

__all__ = [
    "assert_can_move",
    "complaint",
    "connection",
    "files",
    "findings",
    "handing_over",
    "has_handed_over",
    "keep_open",
    "lost_by_replacing",
    "making",
    "newest",
    "opened",
    "passwords",
    "replace_store",
    "write_accounts",
    "write_copy",
]
COPY_PAGES = 2_000
"""Pages copied between two reports of progress."""


def files() -> Mapping[str, Path]:
    return {alias: replication_settings.files[alias] for alias in replication_settings.service_of_alias}


def assert_can_move() -> None:
    """Two files can."""


def keep_open(alias: str) -> None:
    """A snapshot lasts as long as its connection."""


def making(folder: Path) -> AbstractContextManager[None]:
    return nullcontext()


def write_copy(service: Service, alias: str, path: Path, tell: Tell) -> None:
    _copy(connection(alias), path, tell)


def write_accounts(path: Path, tell: Tell) -> None:
    with closing(sqlite3.connect(replication_settings.files[DEFAULT_DB_ALIAS], isolation_level=None)) as accounts:
        _copy(accounts, path, tell)


def _copy(source: sqlite3.Connection, path: Path, tell: Tell) -> None:
    """The connection's snapshot, as one file without a WAL beside it, on disk."""
    with closing(sqlite3.connect(path, isolation_level=None)) as copy:
        source.backup(
            copy,
            pages=COPY_PAGES,
            # Of a file that can't be read SQLite tells zero pages, before it raises.
            progress=lambda status, left, total: tell(1 - left / max(1, total)),
        )
        copy.execute("PRAGMA synchronous=FULL")
        copy.execute("PRAGMA journal_mode=DELETE")
    path.chmod(0o600)
    plain_files.sync_file(path)


def passwords() -> Mapping[str, str]:
    path = replication_settings.files[DEFAULT_DB_ALIAS]
    if not path.exists():
        return {}
    with opened_file(path) as accounts:
        return dict(accounts.execute('SELECT "username", "password" FROM "auth_user"'))


def complaint(connection: sqlite3.Connection, service: Service) -> str:
    return comparison.summarize(connection, service).complaint


def connection(alias: str) -> sqlite3.Connection:
    found: sqlite3.Connection = connections[alias].connection
    return found


def newest(service: Service) -> str | None:
    files = comparison.compare(service, scrubbed=()).files.values()
    readable = [(file.head.position, file.alias) for file in files if file.head is not None]
    return max(readable)[1] if readable else None


def opened(alias: str) -> AbstractContextManager[sqlite3.Connection]:
    return source.snapshot_of(replication_settings.files[alias])
