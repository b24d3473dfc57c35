"""What backup and restore ask of an engine that keeps rows in files: here they are told that there are none."""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NoReturn

from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.service import Service


def files() -> Mapping[str, Path]:
    return {}


def assert_possible() -> None:
    _refuse()


def _refuse() -> NoReturn:
    raise Unavailable(
        "The rows are on a PostgreSQL server. Stop the store; `pg_dump` and `pg_restore` of its three databases, "
        "together with the secret key, are the backup (docs/backup.md)."
    )


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


def lost_by_replacing(service: Service, copy: Path) -> list[str]:
    _refuse()


def replace_store(copies: Mapping[Service, Path], alongside: Callable[[], None]) -> None:
    _refuse()


def exchange(path: Path, draft: Path) -> None:
    _refuse()
