"""What backup and restore may use of this engine: an `interface.Copies`, which `replication.engine` chooses."""

import sqlite3
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from django.db import connections

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.files import comparison, source
from bookstore_project.replication.sqlite_pair.files.scrub import findings
from bookstore_project.replication.sqlite_pair.operator.replacement import exchange, lost_by_replacing, replace_store

__all__ = [
    "assert_possible",
    "complaint",
    "connection",
    "exchange",
    "files",
    "findings",
    "lost_by_replacing",
    "newest",
    "opened",
    "replace_store",
]


def files() -> Mapping[str, Path]:
    return {alias: replication_settings.files[alias] for alias in replication_settings.service_of_alias}


def assert_possible() -> None:
    """The rows are in files."""


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
