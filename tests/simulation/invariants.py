"""What has to be true of the files at every moment, as the model has it: who is in sync has all that is settled."""

import sqlite3
from collections.abc import Iterator

from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from tests.chaos.checker import Violation
from tests.databases import SERVICES, query
from tests.store import Store

_SETTLED = "SELECT position, hash FROM replication_logentry WHERE position <= ? ORDER BY position DESC LIMIT 1"


def broken(store: Store) -> Iterator[Violation]:
    """To be asked between two turns: nobody writes meanwhile. Not while somebody damages files."""
    for service in SERVICES:
        witness = read_witness(store.data / "witness" / f"{service}.json")
        found: dict[str, tuple[int, str]] = {}
        for alias in witness.in_sync:
            rows = query(store.data / alias / f"{service}.sqlite3", _SETTLED, [witness.floor])
            found[alias] = rows[0] if rows else (-1, "")
        for alias, (position, _) in found.items():
            if position < witness.floor:
                what = (
                    f"a file is in sync, and lacks what is settled: {alias} ends at {position}, not {witness.floor}"
                )
                yield Violation(what)
        if len({digest for position, digest in found.values() if position == witness.floor}) > 1:
            yield Violation(f"files in sync differ in what is settled: {', '.join(sorted(found))}")


def first_broken(store: Store) -> Violation | None:
    """None, too, if a file can't be read just now."""
    try:
        return next(broken(store), None)
    except (sqlite3.Error, OSError):
        return None
