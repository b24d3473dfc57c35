"""What log entries wrote, in words: for people who are asked whether it may be lost."""

from collections.abc import Iterable, Iterator, Sequence

from bookstore_project.replication.log.entries import Entry
from bookstore_project.replication.service import Service

MOST_ROWS = 20
"""Rows that are named; the rest is counted."""


def describe(service: Service, lost: Iterable[Entry]) -> Iterator[str]:
    """`position 12: book 3`, a line for each row that an entry wrote."""
    for entry in lost:
        for row in entry.rows:
            table = service.tables.get(row["table"])
            name = table.model._meta.verbose_name if table is not None else row["table"]
            deleted = "" if row["row"] is not None else ", deleted"
            yield f"position {entry.position}: {name} {row['key']}{deleted}"


def lost_after(service: Service, after: int, head: int, rows: Sequence[str]) -> list[str]:
    """The entries above a position, in sentences, by the lines of `describe`; empty if there are none."""
    if not rows:
        return []
    told = [f"{service.name}: positions {after + 1} to {head}, {head - after} entries:"]
    told += [f"  {row}" for row in rows[:MOST_ROWS]]
    return told if len(rows) <= MOST_ROWS else [*told, f"  and {len(rows) - MOST_ROWS} more rows"]
