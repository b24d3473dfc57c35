"""How a service stands on its server: for `manage.py replication status`, and metrics."""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row

from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.postgresql import head
from bookstore_project.replication.postgresql.backend.base import DatabaseWrapper, wrapper
from bookstore_project.replication.postgresql.head import Head
from bookstore_project.replication.postgresql.primary import first_answer, own_alias
from bookstore_project.replication.service import Service

STANDBYS = (
    "SELECT application_name AS name, coalesce(host(client_addr), 'its own host') AS place, "
    "coalesce(state, '') AS state, coalesce(sync_state, '') AS sync, "
    "coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn), 0)::bigint AS lag_bytes, "
    "coalesce(extract(epoch FROM flush_lag), 0)::float AS lag_s FROM pg_stat_replication ORDER BY 1, 2"
)
WAITED_FOR = "SELECT current_setting('synchronous_standby_names')"


@dataclass(frozen=True)
class Standby:
    """A server that follows the primary, as the primary sees it."""

    name: str
    place: str
    state: str
    """`streaming` when it is up to date; empty if the store's role may not see it."""
    sync: str
    """`sync` or `quorum` if commits wait for it."""
    lag_bytes: int
    """Of the log that it hasn't on its disk."""
    lag_s: float

    @property
    def confirms(self) -> bool:
        return self.state == "streaming" and self.sync in ("sync", "quorum")


@dataclass(frozen=True)
class ServerStatus:
    """One service. Without an answer of the server `problem` says why, and the rest is empty."""

    service: str
    problem: str
    timeline: str = ""
    position: int | None = None
    server_timeline: str = ""
    waited_for: str = ""
    """Whose confirmation each commit needs, in PostgreSQL's words; empty: nobody's."""
    standbys: tuple[Standby, ...] = ()
    primary: str = ""
    """Where it is reached."""


def status(service: Service) -> ServerStatus:
    """Raises nothing: what can't be told is part of the answer."""
    database = wrapper(own_alias(service))
    try:
        found, waited_for, standbys, primary = first_answer(database, lambda: _asked(database))
    except Unavailable as error:
        return ServerStatus(service.name, error.detail)
    return ServerStatus(
        service.name,
        _problem(found, waited_for, standbys),
        found.timeline,
        found.position,
        found.server,
        waited_for,
        tuple(standbys),
        primary,
    )


def _asked(database: DatabaseWrapper) -> tuple[Head, str, list[Standby], str]:
    connection = database.raw
    row = connection.execute(WAITED_FOR).fetchone()
    return head.read(connection), row[0] if row else "", standbys_of(connection), connection.info.host


def standbys_of(connection: "psycopg.Connection[Any]") -> list[Standby]:
    with connection.cursor(row_factory=class_row(Standby)) as cursor:
        return cursor.execute(STANDBYS).fetchall()


def _problem(found: Head, waited_for: str, standbys: list[Standby]) -> str:
    if not found.is_current:
        return "Another server is the primary now, and its timeline has not begun: it does with the next read."
    if standbys and not any(standby.state for standby in standbys):
        return "How the standbys are can't be seen: grant pg_monitor to the store's role."
    if waited_for and not any(standby.confirms for standby in standbys):
        return "No standby confirms commits: writes and reads are refused until one does."
    return ""


def servers(service: Service) -> list[str]:
    """See `interface.Engine.servers`."""
    found = status(service)
    if found.position is None:
        return [found.problem]
    return [
        f"{found.primary} is the primary; {_quorum(found)}",
        f"The log's timeline is {found.timeline}, under the server's {found.server_timeline}, up to position "
        f"{found.position}: another one begins with each promotion",
        *(f"Standby {line}" for line in _followers(found)),
        *([found.problem] if found.problem else []),
    ]


def _quorum(found: ServerStatus) -> str:
    """Whose disks a commit needs. Of who decides on the primary, and by which majority, a server knows nothing."""
    if not found.waited_for:
        return "a commit counts once it is on that disk alone, since commits wait for no standby"
    confirming = sum(standby.confirms for standby in found.standbys)
    return f"commits wait for {found.waited_for}: one counts once a standby has it, too, and {confirming} can"


def _followers(found: ServerStatus) -> list[str]:
    return [
        f"{each.name} at {each.place}: {each.state or 'unknown'}, {each.sync or 'unknown'}, "
        f"{each.lag_bytes} bytes and {each.lag_s:.2f} s behind"
        for each in found.standbys
    ]


def lines_of(found: ServerStatus) -> list[str]:
    """In words, for people."""
    if found.position is None:
        return [f"{found.service}: REFUSES. {found.problem}"]
    where = f"timeline {found.timeline}, which is {found.server_timeline} of the server"
    told = [f"{found.service}: settled up to {found.position}, {where}"]
    if found.problem:
        told.append(f"  {found.problem}")
    if not found.waited_for:
        told.append("  no standby is waited for: what is acknowledged is on one server (synchronous_standby_names)")
    return told + [f"  {line}" for line in _followers(found)]
