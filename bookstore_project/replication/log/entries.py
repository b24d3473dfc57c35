"""The log: what was changed, in which order, each entry bound to the one before it by a hash.

It may begin at any position. Its first entry is the **base**: compaction has dropped what came before, and emptied
the base itself, whose hash can't be verified any more, only chained to.
"""

import hashlib
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from bookstore_project.replication.errors import ReplicaFault
from bookstore_project.replication.log import images
from bookstore_project.replication.service import Service, Table

GENESIS = "0" * 64
EMPTY = "[]"
"""Payload and keys of a base."""


@dataclass(frozen=True)
class RowChange:
    """One row, before and after; `key` is its primary key as SQLite has it."""

    table: str
    key: Any
    before: images.Image | None
    after: images.Image | None

    @cached_property
    def digest_before(self) -> str | None:
        return images.digest(self.before)

    @cached_property
    def digest_after(self) -> str | None:
        return images.digest(self.after)


@dataclass(frozen=True)
class Entry:
    """A log entry as it stands in the table."""

    position: int
    epoch: int
    payload: str
    keys: str
    hash: str

    @cached_property
    def cache_keys(self) -> list[str]:
        keys: list[str] = json.loads(self.keys)
        return keys

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows that it writes: `table`, `key` (the primary key) and `row` (the image, None if it is deleted)."""
        rows: list[dict[str, Any]] = json.loads(self.payload)
        return rows

    def chained_to(self, previous_hash: str) -> str:
        """The hash that this entry must have after `previous_hash`."""
        return chain(previous_hash, self.position, self.epoch, self.payload, self.keys)


class Head(NamedTuple):
    """The newest entry's position and hash."""

    position: int
    hash: str


def chain(previous_hash: str, position: int, epoch: int, payload: str, keys: str) -> str:
    text = f"{previous_hash}|{position}|{epoch}|{payload}|{keys}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def make_entry(head: Head, epoch: int, changes: Sequence[RowChange], keys: Sequence[str]) -> Entry:
    """The entry that follows `head`."""
    rows = [{"table": change.table, "key": change.key, "row": change.after} for change in changes]
    payload, names = _text_of(rows), _text_of(list(keys))
    position = head.position + 1
    return Entry(position, epoch, payload, names, chain(head.hash, position, epoch, payload, names))


_text_of = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode  # As `_quoted`, made once.


def read_head(connection: sqlite3.Connection) -> Head:
    row = connection.execute(
        "SELECT position, hash FROM replication_logentry ORDER BY position DESC LIMIT 1"
    ).fetchone()
    if row is None:
        raise ReplicaFault("it has no log")
    return Head(*row)


def read_base(connection: sqlite3.Connection) -> int:
    """The position at which the log begins."""
    row = connection.execute("SELECT position FROM replication_logentry ORDER BY position LIMIT 1").fetchone()
    if row is None:
        raise ReplicaFault("it has no log")
    position: int = row[0]
    return position


def drop_before(connection: sqlite3.Connection, position: int) -> int:
    """Makes the entry at a position the base; how many were dropped. Raises ReplicaFault if there is none."""
    count = connection.execute("DELETE FROM replication_logentry WHERE position < ?", (position,)).rowcount
    emptied = connection.execute(
        "UPDATE replication_logentry SET payload = ?, keys = ? WHERE position = ?", (EMPTY, EMPTY, position)
    )
    if emptied.rowcount != 1:
        raise ReplicaFault(f"the log has a gap at position {position}")
    return count


def hash_at(connection: sqlite3.Connection, position: int) -> str | None:
    """The hash of the entry at a position; None if the log doesn't have it."""
    row = connection.execute("SELECT hash FROM replication_logentry WHERE position = ?", (position,)).fetchone()
    return row[0] if row else None


def read_epoch(connection: sqlite3.Connection) -> int:
    """Of the newest entry."""
    row = connection.execute("SELECT epoch FROM replication_logentry ORDER BY position DESC LIMIT 1").fetchone()
    return row[0] if row else 0


def entries_after(connection: sqlite3.Connection, position: int, most: int | None = None) -> Iterator[Entry]:
    """The entries above a position, oldest first; no more than `most`."""
    rows = connection.execute(
        "SELECT position, epoch, payload, keys, hash FROM replication_logentry WHERE position > ? "
        "ORDER BY position LIMIT ?",
        (position, -1 if most is None else most),
    )
    for row in rows:
        yield Entry(*row)


_APPEND = "INSERT INTO replication_logentry (position, epoch, payload, keys, hash) VALUES (?, ?, ?, ?, ?)"


def append(connection: sqlite3.Connection, entry: Entry) -> None:
    connection.execute(_APPEND, (entry.position, entry.epoch, entry.payload, entry.keys, entry.hash))


def append_all(connection: sqlite3.Connection, entries: Sequence[Entry]) -> None:
    connection.executemany(
        _APPEND, ((entry.position, entry.epoch, entry.payload, entry.keys, entry.hash) for entry in entries)
    )


def apply_changes(
    connection: sqlite3.Connection, service: Service, changes: Sequence[RowChange], entry: Entry
) -> None:
    """Makes the rows what the changes say, which must have been what they say until now, and appends their entry.

    Raises ReplicaFault if a row differs from the file's own digest, or from the other file's row.
    """
    for change in changes:
        # Where there should be no row, SQLite itself refuses a second one.
        if change.before is not None:
            table = service.tables[change.table]
            if images.read_image(connection, table, change.key) != change.before:
                raise ReplicaFault(f"row {change.key} of {change.table} differs from the other file's")
    update_digests(connection, changes)
    try:
        _write_rows(connection, service, changes)
    except sqlite3.IntegrityError as error:
        raise ReplicaFault(f"it holds another row where one is to be written: {error}") from error
    forget_pending(connection)
    append(connection, entry)


def _write_rows(connection: sqlite3.Connection, service: Service, changes: Sequence[RowChange]) -> None:
    """A row that can be in no other's way is updated in place; others are all deleted, then inserted.

    Two of them may have swapped a unique value. What is updated leaves the indexes of its other columns alone.
    """
    rows_of_table = Counter(change.table for change in changes)
    inserted: dict[str, list[images.Image]] = defaultdict(list)
    for change in changes:
        table = service.tables[change.table]
        before, after = change.before, change.after
        is_alone = rows_of_table[change.table] == 1
        if before is not None and after is not None and (is_alone or not _moves(table, before, after)):
            images.update_row(connection, table, change.key, before, after)
            continue
        if before is not None:
            images.delete_row(connection, table, change.key)
        if after is not None:
            inserted[table.name].append(after)
    for name, rows in inserted.items():
        images.write_images(connection, service.tables[name], rows)


def _moves(table: Table, before: images.Image, after: images.Image) -> bool:
    """Whether a row changes something that another row may have had, or wants."""
    return table.unique is None or any(before[name] != after[name] for name in table.unique)


class BrokenChain(ReplicaFault):
    """The log that is copied from, not the one that is copied to, is damaged."""


def assert_chained(connection: sqlite3.Connection) -> None:
    """That the newest entry follows from the one before it; raises BrokenChain."""
    newest = list(entries_after(connection, read_head(connection).position - 2))
    if len(newest) > 1 and newest[-1].chained_to(newest[-2].hash) != newest[-1].hash:
        raise BrokenChain(f"the hash chain breaks at position {newest[-1].position}")


# ------------------------------------------------------------------------------- pending changes and digests


class Pending:
    """What the triggers note of one change: each row once, with its first image before and its last one after.

    A row that was read once is read again only if it was written again meanwhile.
    """

    def __init__(self, connection: sqlite3.Connection, service: Service) -> None:
        self._connection = connection
        self._service = service
        self._seen = 0
        self._changes: dict[tuple[str, str], RowChange] = {}

    def read(self) -> list[RowChange]:
        """All of it since the change began, in the order in which the rows were first written."""
        noted = self._connection.execute(
            'SELECT id, "table", "key", "before" FROM replication_pendingchange WHERE id > ? ORDER BY id',
            (self._seen,),
        ).fetchall()
        first: dict[tuple[str, str], str | None] = {}
        for self._seen, table, key, image in noted:
            first.setdefault((table, key), image)
        for (table, key_text), image in first.items():
            known, key = self._changes.get((table, key_text)), images.parsed(key_text)
            before = known.before if known else image and images.parsed(image)
            after = images.read_image(self._connection, self._service.tables[table], key)
            self._changes[table, key_text] = RowChange(table, key, before or None, after)
        return list(self._changes.values())


def pending_before(connection: sqlite3.Connection, table: str, key: Any) -> tuple[bool, images.Image | None]:
    """Whether the transaction has changed this row, and what the row was before it did."""
    row = connection.execute(
        'SELECT "before" FROM replication_pendingchange WHERE "table" = ? AND "key" = ? ORDER BY id LIMIT 1',
        (table, key_json(key)),
    ).fetchone()
    return row is not None, json.loads(row[0]) if row and row[0] else None


def read_verified(connection: sqlite3.Connection, table: Table, key: Any) -> images.Image | None:
    """The image of a live row, None if there is none, by one query; raises ReplicaFault if the log says another.

    Of a row that the transaction has changed, and has no entry for yet, what it was before is what the log says.
    """
    name = table.name, key_json(key)
    text, digest, has_pending = connection.execute(
        _WITH_WHAT_IS_KNOWN % images.select_statement(table), (key, *name)
    ).fetchone()
    image = images.parsed(text) if text else None
    is_changed, before = pending_before(connection, table.name, key) if has_pending else (False, None)
    if digest != images.digest(before if is_changed else image):
        raise _digest_mismatch(table.name, key)
    return image


_WITH_WHAT_IS_KNOWN = (
    'SELECT (%s), (SELECT digest FROM replication_rowdigest WHERE "table" = ? AND "key" = ?), '
    "EXISTS (SELECT 1 FROM replication_pendingchange)"
)


def has_pending(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM replication_pendingchange LIMIT 1").fetchone() is not None


# What was compiled for the protocol isn't asked about again (`backend.authorizer`): no caller may hit upon this text.
_FORGET_PENDING = "DELETE FROM replication_pendingchange /* for the protocol alone */"


def forget_pending(connection: sqlite3.Connection) -> None:
    connection.execute(_FORGET_PENDING)


def key_json(key: Any) -> str:
    """A primary key as RowDigest and PendingChange keep it: as SQLite's json_quote has it."""
    return str(key) if type(key) is int else _quoted(key)


_quoted = json.JSONEncoder(ensure_ascii=False).encode  # Once: json.dumps() makes one at each call.


def read_digest(connection: sqlite3.Connection, table: str, key: Any) -> str | None:
    row = connection.execute(
        'SELECT digest FROM replication_rowdigest WHERE "table" = ? AND "key" = ?', (table, key_json(key))
    ).fetchone()
    return row[0] if row else None


def update_digests(connection: sqlite3.Connection, changes: Sequence[RowChange]) -> None:
    """Makes the digests those of the rows as they are now; raises ReplicaFault if one isn't that of before."""
    added = [change for change in changes if change.before is None]
    for change in changes:
        if change.before is not None:
            _change_digest(connection, change)
    try:
        images.execute_for_each(
            connection,
            'INSERT INTO replication_rowdigest ("table", "key", digest) VALUES (?, ?, ?)',
            [(change.table, key_json(change.key), change.digest_after) for change in added],
        )
    except sqlite3.IntegrityError as error:
        found = _with_another_digest(connection, added)
        raise _digest_mismatch(found.table, found.key) from error


def _with_another_digest(connection: sqlite3.Connection, added: Sequence[RowChange]) -> RowChange:
    differing = (each for each in added if read_digest(connection, each.table, each.key) != each.digest_after)
    return next(differing, added[0])


def _change_digest(connection: sqlite3.Connection, change: RowChange) -> None:
    row = change.table, key_json(change.key)
    before, after = change.digest_before, change.digest_after
    if after is None:
        statement = 'DELETE FROM replication_rowdigest WHERE "table" = ? AND "key" = ? AND digest = ?'
        cursor = connection.execute(statement, (*row, before))
    else:
        statement = 'UPDATE replication_rowdigest SET digest = ? WHERE "table" = ? AND "key" = ? AND digest = ?'
        cursor = connection.execute(statement, (after, *row, before))
    if cursor.rowcount != 1:
        raise _digest_mismatch(change.table, change.key)


def assert_digest(connection: sqlite3.Connection, table: str, key: Any, image: images.Image | None) -> None:
    """Raises ReplicaFault if the row isn't what the log last said it is."""
    if read_digest(connection, table, key) != images.digest(image):
        raise _digest_mismatch(table, key)


def _digest_mismatch(table: str, key: Any) -> ReplicaFault:
    return ReplicaFault(f"row {key} of {table} isn't what the log says: it was changed behind its back")
