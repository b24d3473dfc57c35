"""Looking for damage that SQLite can't see: each file is judged alone, by its own log and digests.

A page that can't be read is found by the integrity check; a flipped bit in a value, or a row edited behind the log's
back, by comparing every row with its digest, and every digest with the newest image in the log. Read-only, in one
snapshot, outside the writer lock.
"""

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from bookstore_project.replication import images, log
from bookstore_project.replication.service import Service, Table

MOST_FINDINGS = 20
"""Findings of one file that are told; it is damaged after the first."""


def findings(connection: sqlite3.Connection, service: Service) -> list[str]:
    """What is wrong with the file, in words that name rows; empty if nothing is.

    The caller holds a read transaction, so that all of it is one moment.
    """
    found: list[str] = []
    try:
        for finding in _look(connection, service):
            found.append(finding)
            if len(found) >= MOST_FINDINGS:
                break
    except (sqlite3.Error, ValueError, KeyError, TypeError) as error:
        found.append(f"{type(error).__name__}: {error}")
    return found


def _look(connection: sqlite3.Connection, service: Service) -> Iterator[str]:
    (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        yield str(verdict)
        return
    if log.has_pending(connection):
        yield "it holds a change that the log doesn't know"
    newest: dict[tuple[str, str], str | None] = {}
    yield from _check_log(connection, newest)
    digests = {(table, key): digest for table, key, digest in _read_digests(connection)}
    for (name, key), digest in newest.items():
        if digests.get((name, key)) != digest:
            yield f"the digest of row {key} of {name} isn't what the log says"
    for table in service.tables.values():
        yield from _check_rows(connection, table, digests)
    for name, key in digests:
        yield f"row {key} of {name} is missing"


def _check_log(connection: sqlite3.Connection, newest: dict[tuple[str, str], str | None]) -> Iterator[str]:
    """The hash chain from the base on; fills in the digest of each row's newest image."""
    previous: log.Entry | None = None
    for entry in log.entries_after(connection, -1):
        if previous is not None:
            if entry.position != previous.position + 1:
                yield f"the log has a gap after position {previous.position}"
                return
            if entry.chained_to(previous.hash) != entry.hash:
                yield f"the log's hash chain breaks at position {entry.position}"
                return
        for row in json.loads(entry.payload):
            newest[row["table"], log.key_json(row["key"])] = images.digest(row["row"])
        previous = entry
    if previous is None:
        yield "it has no log"


def _check_rows(connection: sqlite3.Connection, table: Table, digests: dict[tuple[str, str], str]) -> Iterator[str]:
    """Every row against its digest; takes out of `digests` those that are accounted for."""
    for image in images.all_images(connection, table):
        key = log.key_json(image[table.key_column])
        known = digests.pop((table.name, key), None)
        if known is None:
            yield f"row {key} of {table.name} isn't in the log"
        elif known != images.digest(image):
            yield f"row {key} of {table.name} isn't what the log says"


def _read_digests(connection: sqlite3.Connection) -> Iterator[tuple[str, str, str]]:
    rows: Any = connection.execute('SELECT "table", "key", digest FROM replication_rowdigest')
    return iter(rows)
