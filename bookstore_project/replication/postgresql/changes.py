"""What a transaction has changed, by the triggers' account, and the log entries that are made of it."""

import json
from collections.abc import Iterable, Sequence

from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.log.entries import Entry, RowChange
from bookstore_project.replication.log.images import Image
from bookstore_project.replication.postgresql.backend.base import DatabaseWrapper
from bookstore_project.replication.service import Service, Table

Noted = tuple[int, str, str, str | None, str | None]
CHECK = "SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED"
TAKE = 'DELETE FROM replication_pendingchange RETURNING id, "table", "key", before, after'


def put_off_check(database: DatabaseWrapper) -> None:
    """Constraints are checked while it is known whose row it is, and not at the commit."""
    for statement in CHECK.split("; "):
        database.put_off(statement)


def put_off_taking(database: DatabaseWrapper, noted: list[Noted]) -> None:
    """What the triggers noted since this was asked last is added to `noted`, in order."""
    database.put_off(TAKE, take=lambda cursor: noted.extend(sorted(cursor.fetchall())))


def changes_of(noted: Iterable[Noted], service: Service) -> list[RowChange]:
    """Each row once, with its first image before and its last one after; those that came to nothing are left out."""
    rows: dict[tuple[str, str], tuple[str | None, str | None]] = {}
    for _, name, key, before, after in noted:
        first, _ = rows.get((name, key), (before, None))
        rows[name, key] = first, after
    found = []
    for (name, key), (before, after) in rows.items():
        table = _known(service, name)
        change = RowChange(name, json.loads(key), _image(table, before), _image(table, after))
        if change.before != change.after:
            found.append(change)
    return found


def _known(service: Service, name: str) -> Table:
    if name not in service.tables:
        raise Unavailable(f"{name} is no table of {service.name} any more: run `manage.py migrate`.")
    return service.tables[name]


def _image(table: Table, text: str | None) -> Image | None:
    """Without what the database computes by itself."""
    if text is None:
        return None
    values = json.loads(text)
    return {column: values[column] for column in table.columns}


APPEND = (
    "INSERT INTO replication_logentry (position, epoch, payload, keys, hash) "
    "SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[]); "
    "UPDATE replication_head SET position = %s, hash = %s"
)


def appending(database: DatabaseWrapper, appended: Sequence[Entry]) -> str:
    """The statements that make them the end of the log, under the lock of its head."""
    members = ((each.position, each.epoch, each.payload, each.keys, each.hash) for each in appended)
    columns = zip(*members, strict=True)
    newest = appended[-1]
    return database.formatted(APPEND, (*map(list, columns), newest.position, newest.hash))
