"""What backup and restore ask of an engine that keeps rows in files: here they are told that there are none."""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NoReturn

from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.service import Service


def _refuse() -> NoReturn:
    raise Unavailable("The rows are on a PostgreSQL server: back them up by pg_dump, with the store stopped.")


def findings(
    connection: sqlite3.Connection, service: Service, tell: Callable[[float], None] | None = None
) -> list[str]:
    _refuse()


def complaint(connection: sqlite3.Connection, service: Service) -> str:
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
