"""What backup and restore may use of this engine: an `interface.Copies`, which `replication.engine` chooses."""

import sqlite3
from contextlib import AbstractContextManager

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.files import comparison, source
from bookstore_project.replication.sqlite_pair.files.scrub import findings
from bookstore_project.replication.sqlite_pair.operator.replacement import exchange, lost_by_replacing, replace_store

__all__ = ["complaint", "exchange", "findings", "lost_by_replacing", "newest", "opened", "replace_store"]


def complaint(connection: sqlite3.Connection, service: Service) -> str:
    return comparison.summarize(connection, service).complaint


def newest(service: Service) -> str | None:
    files = comparison.compare(service, scrubbed=()).files.values()
    readable = [(file.head.position, file.alias) for file in files if file.head is not None]
    return max(readable)[1] if readable else None


def opened(alias: str) -> AbstractContextManager[sqlite3.Connection]:
    return source.snapshot_of(replication_settings.files[alias])
