"""Old entries of the log are dropped: fronts catch up by it, and need the newest few only.

Nobody is waited for, and nobody waits: a front that began to read sees its snapshot. What a standby hasn't heard of
when the primary is lost, its next primary drops again.
"""

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.log.entries import EMPTY
from bookstore_project.replication.postgresql.backend.base import DatabaseWrapper, wrapper
from bookstore_project.replication.postgresql.primary import first_answer, own_alias
from bookstore_project.replication.service import Service

BATCH = 1_000
"""Entries that are dropped in one transaction."""
WRITES = "SET TRANSACTION READ WRITE; SET LOCAL synchronous_commit = off"
NEW_BASE = (
    "SELECT log.base, least(head.position - %s, log.base + %s) FROM replication_head AS head, "
    "(SELECT min(position) AS base FROM replication_logentry) AS log"
)


def compact(service: Service) -> int:
    """Drops a batch of what is older than the newest LOG_KEEP; how many. Raises Unavailable."""
    database = wrapper(own_alias(service))
    try:
        return first_answer(database, lambda: _drop(database))
    finally:
        database.end()


def _drop(database: DatabaseWrapper) -> int:
    database.begin(WRITES)
    connection = database.raw
    found = connection.execute(NEW_BASE, (replication_settings.log_keep, BATCH)).fetchone()
    if found is None or found[1] is None or found[1] <= found[0]:
        return 0
    base = found[1]
    dropped = connection.execute("DELETE FROM replication_logentry WHERE position < %s", (base,)).rowcount
    # Who stands there has it; of the log it is the beginning, and says nothing but its hash.
    connection.execute(
        "UPDATE replication_logentry SET payload = %s, keys = %s WHERE position = %s", (EMPTY, EMPTY, base)
    )
    connection.commit()
    return dropped
