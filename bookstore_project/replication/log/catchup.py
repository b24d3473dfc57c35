"""Catching up: what only one log has is appended to the other, many entries at a time.

A row that several entries of a batch change is written once, as the last of them has it: what the batch leaves
behind is the same, and a batch is a part of one transaction, so that nobody sees anything in between.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bookstore_project.replication.errors import ReplicaFault
from bookstore_project.replication.log import entries, images
from bookstore_project.replication.service import Service

BATCH_ENTRIES = 1000
BATCH_BYTES = 4_000_000
"""Of payload, roughly: a batch is held in memory."""


def roll_forward(
    source: sqlite3.Connection, target: sqlite3.Connection, service: Service, *, most: int | None = None
) -> int:
    """Appends to `target` what only `source` has, up to `most` entries; how many those were.

    Runs in the caller's transaction. Raises ReplicaFault if target's log isn't a prefix of source's, or ends before
    source's begins; BrokenChain if source's is damaged.
    """
    head = entries.read_head(target)
    known = entries.hash_at(source, head.position)
    if known is None and head.position < entries.read_base(source):
        raise ReplicaFault(f"its log ends at position {head.position}, and the other's begins after that")
    if known != head.hash:
        raise ReplicaFault(f"its log departs from the other's at or before position {head.position}")
    count = 0
    for batch in _batches(source, head, most):
        apply(target, service, batch)
        count += len(batch)
    return count


def _batches(source: sqlite3.Connection, head: entries.Head, most: int | None) -> Iterator[list[entries.Entry]]:
    """The entries above `head`, each checked to follow from the one before it."""
    batch: list[entries.Entry] = []
    size, previous = 0, head
    for entry in entries.entries_after(source, head.position, most):
        if entry.position != previous.position + 1 or entry.chained_to(previous.hash) != entry.hash:
            raise entries.BrokenChain(f"the hash chain breaks at position {entry.position}")
        previous = entries.Head(entry.position, entry.hash)
        batch.append(entry)
        size += len(entry.payload)
        if len(batch) >= BATCH_ENTRIES or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def apply(connection: sqlite3.Connection, service: Service, batch: list[entries.Entry]) -> None:
    """Makes the rows what the entries leave behind, writes their digests, and appends the entries."""
    last: dict[str, dict[str, tuple[Any, images.Image | None]]] = defaultdict(dict)
    for entry in batch:
        for row in json.loads(entry.payload):
            _assert_fits(service, row)
            last[row["table"]][entries.key_json(row["key"])] = row["key"], row["row"]
    # Delete all, then insert: two rows may have swapped a unique value.
    for name, rows in last.items():
        images.delete_rows(connection, service.tables[name], (key for key, _ in rows.values()))
    for name, rows in last.items():
        for alike in _by_columns(image for _, image in rows.values() if image is not None):
            images.write_images(connection, service.tables[name], alike)
        _write_digests(connection, name, {key: image for key, (_, image) in rows.items()})
    entries.forget_pending(connection)
    entries.append_all(connection, batch)


def _assert_fits(service: Service, row: dict[str, Any]) -> None:
    """That the entry's row has the columns of today's table: it may come from before a migration."""
    table = service.tables.get(row["table"])
    if table is None or (row["row"] is not None and row["row"].keys() != set(table.columns)):
        raise ReplicaFault(f"an entry of its log has other columns than {row['table']}")


def _by_columns(rows: Iterable[images.Image]) -> Iterable[list[images.Image]]:
    alike: dict[tuple[str, ...], list[images.Image]] = defaultdict(list)
    for image in rows:
        alike[tuple(image)].append(image)
    return alike.values()


def _write_digests(connection: sqlite3.Connection, table: str, rows: Mapping[str, images.Image | None]) -> None:
    """Notes that these rows, by their keys as JSON, are now what their images show."""
    gone = [(table, key) for key, image in rows.items() if image is None]
    live = [(table, key, images.digest(image)) for key, image in rows.items() if image is not None]
    connection.executemany('DELETE FROM replication_rowdigest WHERE "table" = ? AND "key" = ?', gone)
    connection.executemany(
        'INSERT OR REPLACE INTO replication_rowdigest ("table", "key", digest) VALUES (?, ?, ?)', live
    )
