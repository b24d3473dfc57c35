"""Looking for damage that SQLite can't see: each file is judged alone, by its own log and digests.

A page that can't be read is found by the integrity check; a flipped bit in a value, or a row edited behind the log's
back, by comparing every row with its digest, and every digest with the newest image in the log. What the log doesn't
reach back to, the digest alone vouches for. Read-only, in one snapshot, outside the writer lock.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import zip_longest

from bookstore_project.replication.log import digests, entries, images
from bookstore_project.replication.pacing import Pace, full_speed
from bookstore_project.replication.service import Service, Table

MOST_FINDINGS = 20
"""Findings of one file that are told; it is damaged after the first."""
STRIDE = 5000
"""Rows between two reports of progress."""
PIECE_ROWS, PIECE_STEPS = 50, 20_000
"""Between two calls of the pace, each less than a millisecond's work; steps are those of SQLite's virtual machine."""

Tell = Callable[[float], None]
"""Told the part that is done, 0 to 1."""


def findings(
    connection: sqlite3.Connection, service: Service, tell: Tell | None = None, pace: Pace = full_speed
) -> list[str]:
    """What is wrong with the file, in words that name rows; empty if nothing is.

    The caller holds a read transaction, so that all of it is one moment.
    """
    found: list[str] = []
    try:
        for finding in _look(connection, service, tell or (lambda part: None), pace):
            found.append(finding)
            if len(found) >= MOST_FINDINGS:
                break
    except (sqlite3.Error, ValueError, KeyError, TypeError) as error:
        found.append(f"{type(error).__name__}: {error}")
    return found


def difference(ours: sqlite3.Connection, theirs: sqlite3.Connection) -> str:
    """A row that has other digests in two files, in words; empty if there is none.

    Rows that `theirs` has changed above the head of `ours` don't count. Both logs agree up to there.
    """
    newer = {
        (row["table"], entries.key_json(row["key"]))
        for entry in entries.entries_after(theirs, entries.read_head(ours).position)
        for row in json.loads(entry.payload)
    }
    for our, their in zip_longest(_digests(ours, newer), _digests(theirs, newer)):
        if our != their:
            table, key, _ = min(row for row in (our, their) if row is not None)
            return f"the two files have different digests of row {key} of {table}"
    return ""


def _digests(connection: sqlite3.Connection, without: set[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    for row in connection.execute('SELECT "table", "key", digest FROM replication_rowdigest ORDER BY "table", "key"'):
        if row[:2] not in without:
            yield row


def _look(connection: sqlite3.Connection, service: Service, tell: Tell, pace: Pace) -> Iterator[str]:
    with paced(connection, pace):
        (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        yield str(verdict)
        return
    if entries.has_pending(connection):
        yield "it holds a change that the log doesn't know"
    count = _Counter(connection, ["replication_logentry", *service.tables], tell, pace)
    newest: dict[tuple[str, str], str | None] = {}
    yield from _check_log(connection, newest, count)
    for (name, key), digest in newest.items():
        if entries.read_digest(connection, name, json.loads(key)) != digest:
            yield f"the digest of row {key} of {name} isn't what the log says"
    for table in service.tables.values():
        yield from _check_rows(connection, table, count)
    yield from _check_strangers(connection, service)


@contextmanager
def paced(connection: sqlite3.Connection, pace: Pace) -> Iterator[None]:
    """Calls the pace between two pieces of a statement's work."""

    def look() -> int:
        pace()
        return 0  # Go on.

    if pace is full_speed:
        yield
        return
    connection.set_progress_handler(look, PIECE_STEPS)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)


class _Counter:
    """Counts the rows that were looked at."""

    def __init__(self, connection: sqlite3.Connection, tables: list[str], tell: Tell, pace: Pace) -> None:
        self._all = sum(connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables)
        self._done = 0
        self._tell = tell
        self._pace = pace

    def one_more(self) -> None:
        self._done += 1
        if self._done % PIECE_ROWS == 0:
            self._pace()
        if self._done % STRIDE == 0:
            self._tell(self._done / self._all)


def _check_log(
    connection: sqlite3.Connection, newest: dict[tuple[str, str], str | None], count: _Counter
) -> Iterator[str]:
    """The hash chain from the base on; fills in the digest of each row's newest image."""
    previous: entries.Entry | None = None
    for entry in entries.entries_after(connection, -1):
        count.one_more()
        if previous is None:
            if (entry.payload, entry.keys) != (entries.EMPTY, entries.EMPTY):
                yield f"the log begins at position {entry.position} with an entry that is no base"
        elif entry.position != previous.position + 1:
            yield f"the log has a gap after position {previous.position}"
            return
        elif entry.chained_to(previous.hash) != entry.hash:
            yield f"the log's hash chain breaks at position {entry.position}"
            return
        for row in json.loads(entry.payload):
            newest[row["table"], entries.key_json(row["key"])] = images.digest(row["row"])
        previous = entry
    if previous is None:
        yield "it has no log"


def _check_rows(connection: sqlite3.Connection, table: Table, count: _Counter) -> Iterator[str]:
    """Every row against its digest, and that there are no more digests than rows."""
    found = 0
    for key, is_as_logged in digests.compare_rows(connection, table):
        count.one_more()
        if is_as_logged is None:
            yield f"row {key} of {table.name} isn't in the log"
            continue
        found += 1
        if not is_as_logged:
            yield f"row {key} of {table.name} isn't what the log says"
    # Keys are unique on both sides, so that the numbers tell whether a digest has no row.
    (kept,) = connection.execute(
        'SELECT count(*) FROM replication_rowdigest WHERE "table" = ?', (table.name,)
    ).fetchone()
    if kept != found:
        for key in digests.digests_without_row(connection, table):
            yield f"row {key} of {table.name} is missing"


def _check_strangers(connection: sqlite3.Connection, service: Service) -> Iterator[str]:
    names = list(service.tables)
    strange = connection.execute(
        f'SELECT "table", "key" FROM replication_rowdigest WHERE "table" NOT IN ({", ".join("?" * len(names))})',
        names,
    )
    for name, key in strange:
        yield f"row {key} of {name} is missing"
