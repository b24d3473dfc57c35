"""A standby, read beside the primary: for people who compare, and never for an answer.

It may be behind: it is waited for, a moment, until it shows what the read of the primary shows.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import DatabaseError, connections

from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.interface import Beside
from bookstore_project.replication.pinning import pinned
from bookstore_project.replication.postgresql import head
from bookstore_project.replication.postgresql.backend.base import DatabaseWrapper, wrapper
from bookstore_project.replication.postgresql.head import Head
from bookstore_project.replication.service import Service

PATIENCE_S = 2.0
_RETRY_DELAY_S = 0.02
SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT position, timeline FROM replication_head"
SINCE = "SELECT keys FROM replication_logentry WHERE position > %s"


@contextmanager
def read_beside(service: Service, alias: str, first: str) -> Iterator[Beside]:
    """Runs the block's queries of the alias on a standby: at the position of the read of `first`, or a later one.

    Raises Unavailable, soon, if there is none, or it is too far behind.
    """
    here = head.read(wrapper(first).raw)
    usual, standby = connections[alias], _standby_of(alias)
    connections[alias] = standby
    try:
        touched = _caught_up(standby, here)
        with pinned(service.name, alias, for_writing=False):
            yield Beside(alias, touched)
    except (DatabaseError, psycopg.Error) as error:
        cause = error.__cause__ or error
        said = (str(cause).strip() or type(cause).__name__).splitlines()[0]
        raise Unavailable(f"No standby can be read, it may be cut off. PostgreSQL: {said}") from error
    finally:
        connections[alias] = usual
        standby.close()


def _standby_of(alias: str) -> DatabaseWrapper:
    """A connection of its own, to whichever of the servers is one."""
    database = wrapper(alias).copy()
    options = database.settings_dict["OPTIONS"]
    database.settings_dict["OPTIONS"] = {**options, "target_session_attrs": "standby"}
    return database


def _caught_up(standby: DatabaseWrapper, here: Head) -> frozenset[str]:
    """Opens a snapshot that shows what `here` shows; the cache keys of what it shows beyond."""
    until = time.monotonic() + PATIENCE_S
    while True:
        found = standby.begin(SNAPSHOT).fetchone()
        if found is not None and found[1] == here.timeline and found[0] >= here.position:
            rows = standby.raw.execute(SINCE, (here.position,)).fetchall()
            return frozenset(key for (keys,) in rows for key in json.loads(keys))
        if time.monotonic() > until:
            shown = found[0] if found else 0
            raise Unavailable(f"The standby is behind: it shows position {shown}, and the primary {here.position}.")
        standby.end()
        time.sleep(_RETRY_DELAY_S)
