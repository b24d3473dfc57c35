"""What other stores promise for the same operations, by their own documents. Nothing is measured here."""

from collections.abc import Callable
from pathlib import Path

from benchmarks.report.section import Effort, Part, Section, Table

HEAD = ("store", "an acknowledged write is on", "a read may be stale", "when a node is lost", "its document")
PROMISES = (
    (
        "this store, on two SQLite files",
        "both files, or on the one that alone is in sync",
        "no (coherence `full`), also not from a front's cache",
        "the other replica serves at once; the lost one catches up by log or copy",
        "docs/DESIGN.md",
    ),
    (
        "rqlite",
        "a majority of nodes, or on none (Raft)",
        "by level: `none` may be; `weak`, the default, for a short time around an election; `linearizable` and "
        "`strong` "
        "are there to prevent it",
        "goes on while a majority is left",
        "https://github.com/rqlite/rqlite https://rqlite.io/docs/api/read-consistency/",
    ),
    (
        "LiteFS",
        "the primary alone: replication is asynchronous, and a crash of the primary can lose what was not sent yet",
        "yes, on a replica; an application can wait for a transaction's number",
        "another node becomes primary when the lease has run out",
        "https://github.com/superfly/litefs/blob/main/docs/ARCHITECTURE.md",
    ),
    (
        "PostgreSQL, one server",
        "that server's disk, with `synchronous_commit` as it is by default; with `off` the last ones may be lost",
        "no: there is one copy. What an application keeps in a cache is its own affair",
        "nobody serves until it is back; what was committed is there then",
        "https://www.postgresql.org/docs/current/wal-async-commit.html",
    ),
)


def measure(base: Path, effort: Effort, tell: Callable[[str], None]) -> Section:
    tell("a table")
    return Section(
        title="Beside other stores",
        question="What do rqlite, LiteFS and a single PostgreSQL promise for the same operations?",
        shows="Copies on the way of each write (both files, or a majority) cost a wait at each write, and save what "
        "a crash "
        "would lose. What these documents promise ends at the database. This store's promise has its fronts' caches "
        "in it.",
        limits="This is read, not measured, and shortened: the documents count. A quorum of three machines survives "
        "the "
        "loss of one machine; this store's two files are on one machine unless its rows are on PostgreSQL. rqlite "
        "and "
        "LiteFS were not run here.",
        tables=[Table("Promises, by each store's own documents", HEAD, PROMISES)],
    )


PART = Part("others", 1, 1, measure)
