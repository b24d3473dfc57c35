"""What backup, restore and move may use of this engine: an `interface.Copies`, which `replication.engine` chooses.

There are no files: what is made of them, or asked about them, is refused.
"""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NoReturn

from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.interface import Caches
from bookstore_project.replication.postgresql.backend.base import wrapper
from bookstore_project.replication.postgresql.file_copies import making, write_accounts, write_copy
from bookstore_project.replication.postgresql.replacement import lost_by_replacing, passwords, replace_store
from bookstore_project.replication.service import Service

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


def files() -> Mapping[str, Path]:
    return {}


def keep_open(alias: str) -> None:
    # What is idle for long was cut off, as a rule.
    wrapper(alias).raw.execute("SET LOCAL idle_in_transaction_session_timeout = 0")


def assert_can_move() -> None:
    raise Unavailable(
        "The rows are on a PostgreSQL server already: `backup` here and `restore` there carry them "
        "elsewhere (docs/backup.md)."
    )


def has_handed_over(service: Service) -> bool:
    return False


def _refuse() -> NoReturn:
    raise Unavailable("The rows are on a PostgreSQL server: there are no files of them.")


def handing_over(
    settled: Mapping[Service, Callable[[], None]], caches: Caches
) -> AbstractContextManager[Mapping[Service, sqlite3.Connection]]:
    _refuse()


def findings(
    connection: sqlite3.Connection, service: Service, tell: Callable[[float], None] | None = None
) -> list[str]:
    _refuse()


def complaint(connection: sqlite3.Connection, service: Service) -> str:
    _refuse()


def connection(alias: str) -> sqlite3.Connection:
    _refuse()


def newest(service: Service) -> str | None:
    _refuse()


def opened(alias: str) -> AbstractContextManager[sqlite3.Connection]:
    _refuse()
